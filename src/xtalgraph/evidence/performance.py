"""How well models predict the crystals of a run, and the structures that its report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.dataset import Divided
from xtalgraph.data.splits import PARTS
from xtalgraph.data.targets import Target
from xtalgraph.evidence.bonded_crystal import to_plain, with_bonds
from xtalgraph.metrics.bootstrap import compare_paired
from xtalgraph.metrics.measures import error_of
from xtalgraph.metrics.summary import evaluate
from xtalgraph.models.predictions import Predictions
from xtalgraph.models.upgrades import FORMAT

NUM_WORST: Final[int] = 6
"""How many of the worst errors are shown with their structures."""
MOST_SHOWN: Final = 40
"""Test crystals whose structures are kept for the report, beside those of the worst errors."""
MOST_ATOMS: Final = 80
"""A crystal with more atoms than this is passed over."""


@dataclass(frozen=True, eq=False)
class ModelResult:
    """What a model or a baseline predicts."""

    name: str
    """As in the table of metrics."""
    description: str
    """One sentence for the report."""
    predictions: Predictions
    """Of every crystal, in the order of the table."""
    seconds: float
    """Time to fit and predict."""


def measured(divided: Divided, results: Mapping[str, Sequence[ModelResult]]) -> dict[str, Any]:
    """Compute the metrics of every model on every part, the content of ``metrics.json``.

    Args:
        divided: Crystals, labels and parts.
        results: For each target the models; the first is that of the run, the others baselines.

    Returns:
        ``model``, ``splits`` and ``targets``, for each its metrics by its name.
    """
    targets = {
        target.name: _measured(divided, target, results[target.name])
        for target in divided.dataset.targets
    }
    of_run, *_ = next(iter(results.values()))
    sizes = {name: len(rows) for name, rows in divided.split.parts().items()}
    return {"format": FORMAT, "model": of_run.name, "splits": sizes, "targets": targets}


def _measured(divided: Divided, target: Target, results: Sequence[ModelResult]) -> dict[str, Any]:
    parts = divided.of_target(target.name).parts()
    models: dict[str, Any] = {}
    error, labels = error_of(target), divided.dataset.labels
    tested = labels.of(target.name, parts["test"])
    of_run, *others = (
        result.predictions.values.of(target.name, parts["test"]) for result in results
    )
    against = [compare_paired(error, target, tested, of_run, other) for other in others]
    for result, comparison in zip(results, [None, *against], strict=True):
        values = result.predictions.values
        figures: dict[str, Any] = {"description": result.description}
        for part in reversed(PARTS):
            true, predicted = (known.of(target.name, parts[part]) for known in (labels, values))
            figures[part] = figures_of(target, true, predicted, 500 if part == "test" else 100)
            if part == "test" and target.tensor.copies > 1:
                figures["components"] = figures_by_component(target, true, predicted)
        if comparison is not None:
            figures["against"] = {error.key: comparison}
        models[result.name] = figures
    return {
        "target": target.as_dict(),
        "splits": {name: len(rows) for name, rows in parts.items()},
        "models": models,
    }


def figures_of(
    target: Target,
    true: Float[np.ndarray, "rows *shape"],
    predicted: Float[np.ndarray, "rows *shape"],
    samples: int = 500,
) -> dict[str, Any]:
    """Return the metrics that serve the target, each with value, low and high.

    Args:
        target: What is predicted.
        true: Values, or classes.
        predicted: Predictions, or probabilities of class 1.
        samples: Resamples of the bootstrap.
    """
    metrics = evaluate(target, true, predicted, samples=samples)
    return {name: asdict(metric) for name, metric in metrics.items()}


def figures_by_component(
    target: Target,
    true: Float[np.ndarray, "rows *shape"],
    predicted: Float[np.ndarray, "rows *shape"],
) -> list[dict[str, Any]]:
    """Return the metrics of each number of a list or tensor, each with value, low and high.

    Args:
        target: What is predicted.
        true: Values, or classes.
        predicted: Predictions, or probabilities of class 1.
    """
    columns = (array.reshape(len(array), -1).T for array in (true, predicted))
    return [figures_of(target, *pair) for pair in zip(*columns, strict=True)]


def worst_of(divided: Divided, predictions: Predictions) -> dict[str, list[dict[str, Any]]]:
    """Return the content of ``worst.json``: for each target the worst of its test crystals.

    Args:
        divided: Crystals, labels and parts.
        predictions: Of every crystal.
    """
    return {target.name: _worst(divided, predictions, target) for target in divided.dataset.targets}


def _worst(divided: Divided, predictions: Predictions, target: Target) -> list[dict[str, Any]]:
    """Describe the test crystals with the largest errors, with what is needed to draw them.

    Of an atomic target the worst atom counts, and of a list the worst number.
    """
    table, crystals = divided.dataset.table, divided.of_target(target.name).test
    labels = divided.dataset.labels
    true, predicted = (known.arrays[target.name] for known in (labels, predictions.values))
    of = [labels.rows(target.name, [i]) for i in crystals.tolist()]
    error = np.array([np.abs(true[rows] - predicted[rows]).max() for rows in of])
    worst = []
    for n in np.argsort(-error, kind="stable")[:NUM_WORST].tolist():
        crystal = table.crystals[crystals[n]]
        labels_of_row, predicted_of_row = true[of[n]].ravel(), predicted[of[n]].ravel()
        number = int(np.argmax(np.abs(labels_of_row - predicted_of_row)))
        worst.append(
            {
                "id": table.ids[crystals[n]],
                "formula": reduced_formula(crystal),
                "target": float(labels_of_row[number]),
                "prediction": float(predicted_of_row[number]),
                "num_atoms": crystal.num_atoms,
                **to_plain(with_bonds(crystal)),
            }
        )
    return worst


def shown_crystals(divided: Divided) -> dict[str, Any]:
    """Return the content of ``structures.json``.

    Args:
        divided: Crystals and parts; the structures are an even sample of the test.
    """
    dataset, split = divided.dataset, divided.split
    ids, crystals = dataset.table.ids, dataset.table.crystals
    small = [row for row in split.test.tolist() if len(crystals[row]) <= MOST_ATOMS]
    wanted = np.linspace(0, len(small) - 1, min(MOST_SHOWN, len(small))).round().astype(int)
    parts = np.concatenate(list(split.parts().values()))
    return {
        "formulas": {ids[row]: reduced_formula(crystals[row]) for row in parts.tolist()},
        "crystals": [
            {"id": ids[row], **to_plain(with_bonds(crystals[row]))}
            for row in (small[number] for number in wanted.tolist())
        ],
    }
