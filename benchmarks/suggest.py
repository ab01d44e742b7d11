"""Calculations that `xtalgraph suggest` would have saved among the held-out crystals of models.

`python benchmarks/suggest.py DATA`, where DATA holds the tables that the models of the package
were trained on: `matbench_phonons.json.gz`, `jarvis_multi.json.gz`, `dielectric_tensors.json.gz`.
It prints, for each model and objective, how many calculations in batches of five were made until
four fifths of the best 5 % were known, the mean over the repetitions, and how many fewer they were
than in a random order, with a 95 % interval. Minutes on one core.
"""

import argparse
from pathlib import Path
from typing import Final

import numpy as np

from xtalgraph.evidence.next_experiments import ErrorScale, held_out_pool
from xtalgraph.evidence.run_record import read_run
from xtalgraph.metrics.acquisition import Aim
from xtalgraph.metrics.batches import STRATEGIES, simulate_search
from xtalgraph.workflows.run import Run

MODELS: Final = {
    "phonon-peak": "matbench_phonons.json.gz",
    "bulk-modulus": "jarvis_multi.json.gz",
    "band-gap": "dielectric_tensors.json.gz",
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--repetitions", type=int, default=20)
    asked = parser.parse_args()
    print(f"| model, crystals, objective | {' | '.join(STRATEGIES)} | saved by the first |")
    print("|---|" + "---|" * (len(STRATEGIES) + 1))
    for name, table in MODELS.items():
        run = Run.open(name)
        scale = ErrorScale.of(read_run(run.folder))
        pool = held_out_pool(run.predictor, scale, run.data(asked.data / table))
        if pool is None:
            raise SystemExit(f"{name} has too few held-out crystals in {table}")
        for objective in ("max", "min", f"target={np.median(pool.labels):.3g}"):
            record = simulate_search(pool, Aim.parse(objective), 5, repetitions=asked.repetitions)
            means = [f"{record.calculations[strategy].mean():.3g}" for strategy in STRATEGIES]
            saved, low, high = record.saved(STRATEGIES[0])
            print(
                f"| {name}, {len(pool.labels)}, {objective} | {' | '.join(means)} "
                f"| {saved:.0f} ({low:.0f} to {high:.0f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
