"""One side of the comparison of equivariant potentials; it runs in the environment of any package.

The driver sends a job, one line of JSON, and then `WHAT STEPS` a line; each is answered with a line
of JSON, the median processor time of a step in seconds, of several threads the time that passed.
`memory 0` is answered with the largest memory of the process so far, above what its libraries took,
in bytes.
"""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from turns import _own_stdout

ANSWERS = _own_stdout()
"""Taken before libraries are imported, which may print."""


@dataclass(frozen=True)
class Side:
    """A potential with its frame."""

    model: nn.Module
    """What is trained."""
    predict: Callable[[bool], tuple[Tensor, Tensor]]
    """Energy and forces of the frame, differentiable or not."""
    edges: int
    """Of the frame."""
    set_gradients: Callable[[], object] | None = None
    """Sets the gradients of `loss_of`, where this is not done by its backward."""


def loss_of(energy: Tensor, forces: Tensor) -> Tensor:
    """Return what is trained for."""
    return 1e-4 * energy.square().mean() + forces.square().mean()


def serve(make: Callable[[dict[str, Any]], Side]) -> None:
    """Answer the driver until it closes the pipe.

    Args:
        make: Makes the potential and its frame from the job.
    """
    job = json.loads(sys.stdin.readline())
    before = _largest()
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    side = make(job)
    optimizer = torch.optim.AdamW(side.model.parameters(), lr=1e-6, fused=True)
    weights = [weight for weight in side.model.parameters() if weight.requires_grad]

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        if side.set_gradients is None:
            loss_of(*side.predict(True)).backward()
        else:
            side.set_gradients()
        optimizer.step()

    size = {"edges": side.edges, "weights": sum(weight.numel() for weight in weights)}
    print(json.dumps(size), file=ANSWERS, flush=True)
    clock = time.process_time if job["threads"] == 1 else time.perf_counter
    for line in sys.stdin:
        what, steps = line.split()
        if what == "memory":
            print(json.dumps(_largest() - before), file=ANSWERS, flush=True)
            continue
        for weight in weights:
            weight.requires_grad_(what == "training")
        call = train if what == "training" else lambda: side.predict(False)
        times = []
        for _ in range(int(steps)):
            began = clock()
            call()
            times.append(clock() - began)
        print(json.dumps(statistics.median(times)), file=ANSWERS, flush=True)


def _largest() -> int:
    """Return the largest memory of this process so far, bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
