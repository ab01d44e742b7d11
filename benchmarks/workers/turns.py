"""One side of a comparison: a process that takes its turn when it is told to.

The driver sends a job, one line of JSON, and then commands, a line each; every one is answered
with a line of JSON. What libraries print goes to standard error. Only torch is needed here, so
that it runs in the environment of any peer.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Side:
    """A model with its batch."""

    model: nn.Module
    """What is trained."""
    predict: Callable[[], Tensor]
    """Calls the model on its batch: one value for each crystal."""
    size: str
    """Of the batch, in words."""


class Turns:
    """Steps of training and inference on one batch.

    Args:
        side: The model and its batch.
    """

    def __init__(self, side: Side) -> None:
        self.side = side
        self.optimizer = torch.optim.AdamW(side.model.parameters(), lr=1e-4, fused=True)
        with torch.no_grad():
            self.target = torch.randn_like(side.predict())

    def train(self) -> None:
        """One step: forward, mean absolute error, backward, AdamW."""
        loss = (self.side.predict() - self.target).abs().mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()

    @torch.no_grad()
    def infer(self) -> None:
        """One prediction, in evaluation mode."""
        self.side.model.eval()
        self.side.predict()
        self.side.model.train()


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
"""What is read before and after a step."""


def timed(call: Callable[[], None], seconds: float, clock: Callable[[], float]) -> float:
    """Median seconds of a call, which is repeated for about so long."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        began = clock()
        call()
        times.append(clock() - began)
    return statistics.median(times)


def serve(
    make: Callable[[dict[str, Any]], Side],
    more: dict[str, Callable[[Turns], Any]] | None = None,
) -> None:
    """Answer the driver until it closes the pipe.

    Args:
        make: Makes the model and its batch from the job.
        more: Further commands by name.
    """
    answers, sys.stdout = _own_stdout(), sys.stderr
    job = json.loads(sys.stdin.readline())
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    side = make(job)
    side.model.train()
    turns = Turns(side)
    print(json.dumps(side.size), file=answers, flush=True)
    for line in sys.stdin:
        command, *seconds = line.split()
        if more is not None and command in more:
            answer = more[command](turns)
        else:
            call = {"train": turns.train, "infer": turns.infer}[command]
            answer = timed(call, float(seconds[0]), CLOCKS[job["clock"]])
        print(json.dumps(answer), file=answers, flush=True)


def _own_stdout() -> TextIO:
    """Take standard output for the answers alone, also from code that is not Python."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers
