"""CPU time of an epoch of the default model, in one process of one thread.

`python benchmarks/epoch_time.py phonons TABLE` trains on what is not in the test part of fold 0 and
prints the median over the epochs after the first. Seconds on the clock say little on a busy
machine, and CPU time depends on it, too: compare two versions in turn, the other with its sources
in `PYTHONPATH`.
"""

import argparse
import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from settings import SETS, Inside

from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.loop import Trainer
from xtalgraph.workflows.freed_memory import keep_freed_memory


class Timed(Trainer):
    """A trainer that notes the CPU time after each epoch."""

    times: list[float]

    def _validate(self) -> Any:
        self.times.append(time.process_time())
        return super()._validate()


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=SETS)
    parser.add_argument("table", help="the file of the set")
    parser.add_argument("--epochs", type=int, default=16)
    given = parser.parse_args()
    keep_freed_memory()
    inside = Inside.of(given.name, given.table, [f"training.epochs={given.epochs}"])
    learned, nothing = inside.examples(inside.rows), inside.examples(inside.rows[:0])
    with tempfile.TemporaryDirectory() as folder, deterministic():
        model = inside.model(inside.rows, seed=0)
        trainer = Timed(model, learned, nothing, inside.config.training, Path(folder), "")
        trainer.times = []
        trainer.fit()
    epochs = [1e3 * (after - before) for before, after in itertools.pairwise(trainer.times)]
    print(
        f"CPU time of an epoch of {len(inside.rows)} crystals: {statistics.median(epochs):.1f} ms, "
        f"from {min(epochs):.1f} to {max(epochs):.1f}; torch {torch.__version__}"
    )


if __name__ == "__main__":
    main()
