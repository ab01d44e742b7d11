"""One side of a comparison of potentials: a calculator that is moved, and a training step.

As in `turns.py` a process takes its turn when it is told to. Only torch and ASE are needed here.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from ase import Atoms
from torch import Tensor, nn

AMPLITUDE, PERIOD = 0.1, 60
"""Of every coordinate, Å, and in steps: as at some hundred kelvin, in steps of 1 fs."""


@dataclass(frozen=True)
class Potential:
    """A potential of one package."""

    model: nn.Module
    calculator: Any
    """Of ASE, for the same weights."""
    batch: Callable[[], Mapping[str, Tensor]]
    """Calls the model on its batch: ``energy`` of each crystal and ``forces``, differentiable."""
    edges: int
    """Of the batch."""


def atoms_of(job: Mapping[str, Any]) -> Atoms:
    """Return the crystal that is moved."""
    return Atoms(numbers=job["numbers"], positions=job["positions"], cell=job["cell"], pbc=True)


class Turns:
    """Steps of dynamics and of training.

    Args:
        side: The potential and its batch.
        job: What the driver sent.
    """

    def __init__(self, side: Potential, job: Mapping[str, Any]) -> None:
        self.side = side
        self.atoms = atoms_of(job)
        self.atoms.calc = side.calculator
        self.start = self.atoms.positions.copy()
        self.phase = np.random.default_rng(0).uniform(0, 2 * np.pi, self.start.shape)
        self.moved = 0
        self.optimizer = torch.optim.AdamW(side.model.parameters(), lr=1e-5, fused=True)
        truth = side.batch()
        generator = torch.Generator().manual_seed(0)
        self.energy = torch.randn(truth["energy"].shape, generator=generator)
        self.forces = torch.randn(truth["forces"].shape, generator=generator)

    def md(self) -> None:
        """One step of dynamics as the calculator sees it: moved atoms, energy and forces."""
        self.moved += 1
        along = np.sin(2 * np.pi * self.moved / PERIOD + self.phase)
        self.atoms.set_positions(self.start + AMPLITUDE * along)
        self.atoms.get_forces()
        self.atoms.get_potential_energy()

    def train(self) -> None:
        """One step: energy and forces, squared errors, backward through both, AdamW."""
        self.optimizer.zero_grad(set_to_none=True)
        found = self.side.batch()
        loss = (found["energy"] - self.energy).square().mean()
        loss = loss + (found["forces"] - self.forces).square().mean()
        loss.backward()
        self.optimizer.step()


def serve(make: Callable[[dict[str, Any]], Potential]) -> None:
    """Answer the driver until it closes the pipe.

    Args:
        make: Makes the potential from the job.
    """
    answers, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    torch.set_num_threads(job["threads"])
    torch.manual_seed(0)
    side = make(job)
    turns = Turns(side, job)
    weights = sum(one.numel() for one in side.model.parameters())
    print(json.dumps({"edges": side.edges, "weights": weights}), file=answers, flush=True)
    for line in sys.stdin:
        command, count = line.split()
        step = {"md": turns.md, "train": turns.train}[command]
        times = []
        for _ in range(int(count)):
            began = time.process_time()
            step()
            times.append(time.process_time() - began)
        print(json.dumps(statistics.median(times)), file=answers, flush=True)
