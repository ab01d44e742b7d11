"""What a training leaves behind: predictions, metrics, the worst errors, the record."""

import csv
import io
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.conventions.files import write_atomically
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.splits import PARTS, Split
from xtalgraph.data.table import Rejection
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.bonded_crystal import to_plain, with_bonds
from xtalgraph.metrics.summary import evaluate_classes, evaluate_predictions
from xtalgraph.workflows.dataset import Dataset, values_of

NUM_WORST: Final[int] = 6
"""How many of the worst errors are shown with their structures."""
_PACKAGES = ("xtalgraph", "torch", "numpy", "scipy", "scikit-learn", "vesin", "gemmi", "ase")


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one predictor says of all crystals."""

    name: str
    """As in the table of metrics."""
    description: str
    """One sentence for the report."""
    values: Sequence[Float[np.ndarray, "_ *columns"]]
    """Predictions of each crystal, in the order of the table; of several targets a column each."""
    seconds: float
    """Time to fit and predict."""
    beside: Mapping[str, Sequence[Float[np.ndarray, "_ *columns"]]] = field(default_factory=dict)
    """What is said beside each prediction, as the predictions are: ``spread``, ``lower`` and
    ``upper``; NaN where a target has none."""


def measure(
    dataset: Dataset, split: Split, outcomes: Sequence[Outcome], target: Target
) -> dict[str, Any]:
    """Compute the figures of every predictor on every part, in the layout of ``metrics.json``.

    Args:
        dataset: Crystals and their targets.
        split: The parts.
        outcomes: Predictors; the first is the model, the rest are what it is compared with.
        target: What is predicted.
    """
    models: dict[str, Any] = {}
    for outcome in outcomes:
        figures: dict[str, Any] = {"description": outcome.description}
        for part in reversed(PARTS):
            rows = split.parts()[part]
            true = values_of(dataset, rows)
            said = np.concatenate([outcome.values[i] for i in rows] or [np.zeros(0)])
            figures[part] = figures_of(target, true, said, 500 if part == "test" else 100)
        models[outcome.name] = figures
    return {
        "target": target.as_dict(),
        "model": outcomes[0].name,
        "splits": {name: len(rows) for name, rows in split.parts().items()},
        "models": models,
    }


def figures_of(
    target: Target,
    true: Float[np.ndarray, " rows"],
    said: Float[np.ndarray, " rows"],
    samples: int = 500,
) -> dict[str, Any]:
    """Return the metrics that serve the target, each with value, low and high.

    Args:
        target: What is predicted.
        true: Values, or classes.
        said: Predictions, or probabilities of class 1.
        samples: Resamples of the bootstrap.
    """
    if target.is_class:
        found = evaluate_classes(true, said, samples=samples)
    else:
        found = evaluate_predictions(true, said, best=target.best, samples=samples)
    return {name: asdict(metric) for name, metric in found.items()}


def predictions_csv(
    dataset: Dataset,
    split: Split,
    outcome: Outcome,
    targets: Sequence[Target],
) -> str:
    """Return the text of ``predictions.csv``, every number with all its digits.

    One target has the columns ``target``, ``prediction`` and ``unit``; several have these for each,
    ``target:NAME`` and so on, empty where a label is missing. A run with members or a learned
    variance has ``spread`` after each prediction, one with intervals ``lower`` and ``upper``.

    Args:
        dataset: Crystals and their targets.
        split: The parts.
        outcome: What the model says of each crystal.
        targets: What is predicted.
    """
    said_of = {"prediction": outcome.values, **outcome.beside}
    atomic = targets[0].kind is Kind.ATOMIC
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    marks = [""] if len(targets) == 1 else [f":{target.name}" for target in targets]
    each = [f"{what}{mark}" for mark in marks for what in ("target", *said_of, "unit")]
    writer.writerow(["id", "split", *each] + ["site"] * atomic)
    for part, rows in split.parts().items():
        for i in rows.tolist():
            true = dataset.values[i].reshape(-1, len(targets))
            said = [one[i].reshape(-1, len(targets)) for one in said_of.values()]
            for site in range(len(true)):
                line = [dataset.table.ids[i], part]
                for n, target in enumerate(targets):
                    numbers = [float(one[site, n]) for one in (true, *said)]
                    line += ["" if math.isnan(number) else repr(number) for number in numbers]
                    line.append(target.unit)
                writer.writerow(line + [site] * atomic)
    return text.getvalue()


def worst_errors(
    dataset: Dataset, split: Split, predicted: Sequence[Float[np.ndarray, " _"]]
) -> list[dict[str, Any]]:
    """Describe the test crystals with the largest errors, with what is needed to draw them.

    Args:
        dataset: Crystals and their targets.
        split: The parts.
        predicted: Predictions of each crystal; of an atomic target the worst atom counts.
    """
    rows = split.test
    error = np.array([np.abs(dataset.values[i] - predicted[i]).max() for i in rows])
    found = []
    for i in rows[np.argsort(-error, kind="stable")[:NUM_WORST]].tolist():
        crystal = dataset.table.crystals[i]
        site = int(np.argmax(np.abs(dataset.values[i] - predicted[i])))
        found.append(
            {
                "id": dataset.table.ids[i],
                "formula": reduced_formula(crystal),
                "target": float(dataset.values[i][site]),
                "prediction": float(predicted[i][site]),
                "num_atoms": crystal.num_atoms,
                **to_plain(with_bonds(crystal)),
            }
        )
    return found


def rejected_csv(rejected: Sequence[Rejection]) -> str:
    """Return the text of ``rejected.csv``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "file", "row", "reason"])
    for r in rejected:
        writer.writerow([r.id, r.file, "" if r.row is None else r.row, r.reason])
    return text.getvalue()


def log_csv(history: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of ``log.csv``, one row an epoch."""
    text = io.StringIO()
    if history:
        writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
    return text.getvalue()


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries on which the numbers depend."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def hardware() -> dict[str, Any]:
    """Return what the run ran on."""
    return {
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file, whole or not at all."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    write_atomically(path, text)
