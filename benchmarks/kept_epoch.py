"""Which epoch a small validation part should choose, asked inside the training part of a split.

`python benchmarks/kept_epoch.py phonons TABLE --epochs 300` trains the default model on parts of
what is not in the test part of fold 0, as `settings.py` cuts them, with a tenth of each to
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
from jaxtyping import Float
from settings import SETS, parts

from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.examples import Examples
from xtalgraph.training.loop import Trainer, is_worse, predict
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.freed_memory import keep_freed_memory
from xtalgraph.workflows.prepare import make_split, read_labelled, resolve_source


class Watched(Trainer):
    """A trainer that also notes what the averaged weights say of rows left out."""

    left_out: Examples[Graph]

    def _validate(self) -> Float[torch.Tensor, " rows"]:
        said = predict(self.average.module, self.left_out).values
        self.errors_out.append((said - self.left_out.values).abs().numpy())
        self.errors_val.append(super()._validate())
        return self.errors_val[-1]

    def watch(self, left_out: Examples[Graph]) -> None:
        """Train to the end."""
        self.left_out = left_out
        self.errors_out: list[np.ndarray] = []
        self.errors_val: list[torch.Tensor] = []
        self.fit(show=False)


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
    source, known = resolve_source(options.table or options.name)
    sections = {section: dict(values) for section, values in SETS[options.name].items()}
    data = sections["data"]
    data["path"] = str(source)
    if options.epochs is not None:
        sections["training"]["epochs"] = options.epochs
    config = RunConfig.from_sections(sections)
    labelled = read_labelled(source, Target(data["target"], Kind(data["kind"])))
    labels = np.concatenate(labelled.values)
    split = make_split(labelled, config.data, known, seed=0)
    rows = np.setdiff1d(np.arange(len(labels)), split.test)
    graph = config.spec.make_graph(labelled.table.crystals)

    def examples(rows: np.ndarray) -> Examples[Graph]:
        place = torch.from_numpy(rows)
        return Examples(graph.select(place), torch.from_numpy(labels[rows]), Scope.CRYSTAL)

    print("| seed | part | " + " | ".join(chosen([torch.zeros(1)])) + " |")
    print("|---|---|---|---|---|---|")
    found: dict[str, list[np.ndarray]] = {}
    for seed in range(options.seeds):
        for part, (learn, out) in enumerate(parts(options.name, rows, most=False)):
            drawn = np.random.default_rng(100 + part + 10 * seed).permutation(learn)
            val, train = np.split(drawn, [len(drawn) // 10])
            torch.manual_seed(seed)
            model = config.spec.make_model()
            numbers = [labelled.table.crystals[row].numbers for row in train]
            model.fit_scalers([labelled.values[row] for row in train], numbers)
            training = replace(config.training, seed=seed)
            with tempfile.TemporaryDirectory() as folder, deterministic():
                trainer = Watched(
                    model, examples(np.sort(train)), examples(val), training, Path(folder), ""
                )
                trainer.watch(examples(out))
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
