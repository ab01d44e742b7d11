"""Which epoch a small validation part should choose, asked inside the training part of a split.

`python benchmarks/selected_epoch.py phonons TABLE --epochs 300` trains the default model on parts
of what is not in the test part of fold 0, as `settings.py` cuts them, with a tenth of each to
validate, and prints the mean absolute error on the rows left out of the weights that each rule
keeps, and after which epoch:

- `best`: of the least validation error; `stopped`: the same, where training stops once that has
  not fallen for half of the epochs;
- `kept`: the latest that cannot be told from the best, as `Trainer` does;
- `last`: of the last epoch.

The test part is never looked at. One thread; of the phonons seven minutes for each seed.
"""

import argparse
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from settings import SETS, Inside, parts, predicted_rows

from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.examples import Examples
from xtalgraph.training.loop import Trainer, Validation, is_worse
from xtalgraph.workflows.freed_memory import keep_freed_memory


class Watched(Trainer):
    """A trainer that also notes what the averaged weights say of rows left out."""

    left_out: Examples[Graph]

    def _validate(self) -> Validation:
        (labels,) = self.left_out.labels.values()
        predicted = predicted_rows(self.average.module, self.left_out)
        self.errors_out.append(np.abs(predicted - labels.values.numpy()))
        found = super()._validate()
        self.errors_val.append(found.errors)
        return found

    def watch(self, left_out: Examples[Graph]) -> None:
        """Train to the end."""
        self.left_out = left_out
        self.errors_out: list[np.ndarray] = []
        self.errors_val: list[torch.Tensor] = []
        self.fit()


def chosen(errors: list[torch.Tensor]) -> Mapping[str, int]:
    """Return the place of the epoch that each rule keeps."""
    means = [float(one.mean()) for one in errors]
    best = stopped = kept = 0
    for place, mean in enumerate(means):
        if mean < means[best]:
            best = place
            if place - stopped < len(means) / 2:
                stopped = place
        if not is_worse(errors[place], errors[best]):
            kept = place
    return {"stopped": stopped, "best": best, "kept": kept, "last": len(means) - 1}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=SETS, default="ionic_perovskites")
    parser.add_argument("table", nargs="?", help="the file of the set")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="in place of those of settings.py")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    longer = [] if options.epochs is None else [f"training.epochs={options.epochs}"]
    inside = Inside.of(options.name, options.table, longer)
    print("| seed | part | " + " | ".join(chosen([torch.zeros(1)])) + " |")
    print("|---|---|---|---|---|---|")
    found: dict[str, list[np.ndarray]] = {}
    for seed in range(options.seeds):
        for part, (learn, out) in enumerate(parts(options.name, inside.rows, most=False)):
            drawn = np.random.default_rng(100 + part + 10 * seed).permutation(learn)
            val, train = np.split(drawn, [len(drawn) // 10])
            model, training = inside.model(train, seed), replace(inside.config.training, seed=seed)
            given = inside.examples(np.sort(train)), inside.examples(val)
            with tempfile.TemporaryDirectory() as folder, deterministic():
                trainer = Watched(model, *given, training, Path(folder), "")
                trainer.watch(inside.examples(out))
            cells = []
            for rule, place in chosen(trainer.errors_val).items():
                errors = trainer.errors_out[place]
                found.setdefault(rule, []).append(errors)
                cells.append(f"{errors.mean():.4g} ({place + 1})")
            print(f"| {seed} | {part} | {' | '.join(cells)} |", flush=True)
    means = (f"{np.concatenate(errors).mean():.4g}" for errors in found.values())
    print(f"| all | all | {' | '.join(means)} |")


if __name__ == "__main__":
    main()
