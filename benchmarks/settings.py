"""Validation errors of settings of a model inside the training part of an official fold.

`python benchmarks/settings.py phonons TABLE "" "model.dropout=0.1" ...` trains the default model
once for each argument, a list of overrides as `xtalgraph train --set` takes them, on parts of what
is not in the test part of fold 0, and prints a row of a table for each: the mean absolute error on
the rows left out, of the averaged weights after the last epoch, so that no epoch is chosen by it.
The test part is never looked at. One thread; minutes for each row.

- `phonons`: five parts, each left out in turn; 100 epochs.
- `perovskites`: 4,000 rows to learn from, all others left out; 60 epochs. With `--most`, 2,000 are
  left out and the others learned from.
- `ionic_perovskites`, embedded, the default: CGCNN on what is not in a random test
  part, in five parts; 3 epochs.

With `--seeds N` each is trained N times, and the table has the mean of their errors, each of them,
and the error of the mean of their predictions.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.dataset import Dataset, read_dataset
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.inference import concatenated, infer
from xtalgraph.models.model import Model
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.examples import Examples, labels_from, ordered_graphs
from xtalgraph.training.loop import Trainer
from xtalgraph.workflows.config import RunConfig, apply_override
from xtalgraph.workflows.freed_memory import keep_freed_memory
from xtalgraph.workflows.prepared import make_split

SETS: Final[dict[str, dict[str, dict[str, Any]]]] = {
    "phonons": {
        "data": {"target": "last phdos peak", "kind": "intensive", "split": "folds", "fold": 0},
        "training": {"epochs": 100, "patience": 10_000},
    },
    "perovskites": {
        "data": {"target": "e_form", "kind": "extensive", "split": "folds", "fold": 0},
        "training": {"epochs": 60, "patience": 10_000},
    },
    "ionic_perovskites": {
        "data": {"target": "energy", "kind": "extensive"},
        "model": {"name": "cgcnn"},
        "training": {"epochs": 3, "patience": 10_000},
    },
}


def parts(name: str, rows: np.ndarray, most: bool) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows to learn from and rows left out."""
    if name == "perovskites":
        shuffled = np.random.default_rng(1).permutation(rows)
        learn = np.arange(2000, len(rows)) if most else np.arange(1500, 5500)
        yield np.sort(shuffled[learn]), np.sort(np.delete(shuffled, learn))
        return
    fifths = np.array_split(np.random.default_rng(7).permutation(rows), 5)
    for k in range(5):
        rest = np.concatenate([fifths[j] for j in range(5) if j != k])
        yield np.sort(rest), np.sort(fifths[k])


@dataclass(frozen=True)
class Inside:
    """What is not in the test part of a set, and how it is learned from."""

    config: RunConfig
    dataset: Dataset
    graph: Graph
    rows: np.ndarray

    @classmethod
    def of(cls, name: str, table: str | None, overrides: list[str]) -> "Inside":
        """Read a set, and build its graphs, with settings as `xtalgraph train --set` takes them."""
        source, known = resolve_source(table or name)
        sections = {section: dict(values) for section, values in SETS[name].items()}
        sections["data"]["path"] = str(source)
        for override in overrides:
            apply_override(sections, override)
        config = RunConfig.from_sections(sections)
        data = SETS[name]["data"]
        target = Target(data["target"], Kind(data["kind"]))
        dataset = read_dataset(source, target, config.spec.conditions)
        split = make_split(dataset, config.data, known, seed=0)
        rows = np.setdiff1d(np.arange(len(dataset)), split.test)
        graph, values = config.spec.make_graph(dataset.table.crystals), dataset.condition_values
        return cls(config, dataset, graph if values is None else values.attach(graph), rows)

    def labels(self, rows: np.ndarray) -> np.ndarray:
        """Return the labels of rows."""
        return self.dataset.labels.of(self.dataset.targets[0].name, rows)

    def examples(self, rows: np.ndarray) -> Examples[Graph]:
        """Return rows as a trainer takes them."""
        labels = labels_from(self.dataset.labels.select(rows))
        return Examples(self.graph.select(torch.from_numpy(rows)), labels)

    def model(self, learn: np.ndarray, seed: int) -> Model:
        """Return a model to be trained on rows."""
        torch.manual_seed(seed)
        model = self.config.spec.make_model()
        crystals = [self.dataset.table.crystals[row] for row in learn]
        labels, conditions = self.dataset.labels.select(learn), self.dataset.conditions_of(learn)
        model.fit_scales(labels, crystals, conditions)
        return model


def left_out(
    inside: Inside, seed: int, learn: np.ndarray, out: np.ndarray
) -> tuple[np.ndarray, float]:
    """Train, and return the predictions of the rows left out, and the seconds."""
    nothing = inside.examples(out[:0])  # so that no epoch is chosen
    training = replace(inside.config.training, seed=seed)
    with tempfile.TemporaryDirectory() as folder, deterministic():
        model, given = inside.model(learn, seed), inside.examples(learn)
        trainer = Trainer(model, given, nothing, training, Path(folder), "")
        done = trainer.fit()
        return predicted_rows(trainer.model, inside.examples(out)), done.seconds


def predicted_rows(model: Model, examples: Examples[Graph]) -> np.ndarray:
    """Return the predictions of a model of one target."""
    batches = infer([model], ordered_graphs(examples.graph))
    values, _ = concatenated(batch.outputs[0] for batch in batches)
    return values[model.targets[0].name].double().numpy()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=SETS, default="ionic_perovskites")
    parser.add_argument("table", nargs="?", help="the file of the set")
    parser.add_argument("settings", nargs="*", help="overrides, separated by spaces; '' for none")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--most", action="store_true")
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    print("| settings | MAE | of each seed | of their mean | seconds |\n|---|---|---|---|---|")
    for overrides in chosen.settings or [""]:
        inside = Inside.of(chosen.name, chosen.table, overrides.split())
        divided = list(parts(chosen.name, inside.rows, chosen.most))
        true = inside.labels(np.concatenate([out for _, out in divided]))
        predictions, seconds = [], 0.0
        for seed in range(chosen.seeds):
            parts_out = [left_out(inside, seed, *part) for part in divided]
            predictions.append(np.concatenate([values for values, _ in parts_out]))
            seconds += sum(time for _, time in parts_out)
        errors = [float(np.abs(values - true).mean()) for values in predictions]
        by_seed = ", ".join(f"{error:.4g}" for error in errors)
        of_mean = float(np.abs(np.mean(predictions, axis=0) - true).mean())
        mean = np.mean(errors)
        row = f"| {overrides} | {mean:.4g} | {by_seed} | {of_mean:.4g} | {seconds:.0f} |"
        print(row, flush=True)


if __name__ == "__main__":
    main()
