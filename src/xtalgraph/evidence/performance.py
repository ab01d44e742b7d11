"""How well models predict the crystals of a run, and the structures that its report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.voigt import subscripts, to_subscripts
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.dataset import Divided
from xtalgraph.data.reported_units import ReportedUnits, reported_units
from xtalgraph.data.splits import PARTS
from xtalgraph.data.targets import Target
from xtalgraph.evidence.bonded_crystal import to_plain, with_bonds
from xtalgraph.metrics.bootstrap import compare_paired
from xtalgraph.metrics.measures import MEASURES, error_of
from xtalgraph.metrics.summary import evaluate
from xtalgraph.metrics.tensors import norms
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
    predictions: Predictions
    """Of every crystal, in the order of the table."""
    seconds: float
    """Time to fit and predict."""
    made: Mapping[str, Any] = field(default_factory=dict)
    """Of a model of ours: ``members``, whether they are ``snapshots``, whether a ``variance`` is
    predicted."""


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
    rows = {
        name: _Rows(
            divided.dataset.labels.of(target.name, crystals),
            [result.predictions.values.of(target.name, crystals) for result in results],
        )
        for name, crystals in parts.items()
    }
    measured = {
        "target": target.as_dict(),
        "splits": {name: len(crystals) for name, crystals in parts.items()},
        "models": _figures_of_models(target, rows, results),
    }
    units = reported_units(divided.dataset.targets).get(target.name)
    if units is not None:
        atoms = {name: divided.dataset.labels.num_atoms[rows] for name, rows in parts.items()}
        measured["reported"] = _reported(measured, units, target, rows, atoms, results)
    return measured


REPORTED: Final = ("mae", "rmse", "r2")
"""The measures of a potential that are shown."""


def _reported(
    measured: Mapping[str, Any],
    units: ReportedUnits,
    target: Target,
    rows: Mapping[str, "_Rows"],
    num_atoms: Mapping[str, Int[np.ndarray, " crystals"]],
    results: Sequence[ModelResult],
) -> dict[str, Any]:
    """Return what was measured in the units of a potential: energies per atom, the rest scaled."""
    shown = units.target(target, units.error)
    if units.per_atom:
        per_atom = {
            name: moments.reported(units, num_atoms[name]) for name, moments in rows.items()
        }
        models, factor = _figures_of_models(shown, per_atom, results), 1.0
    else:
        models, factor = measured["models"], units.error_factor
    scaled = {
        name: {
            key: _scaled(value, factor) if key in (*PARTS, "against") else value
            for key, value in figures.items()
        }
        for name, figures in models.items()
    }
    return {"target": shown.as_dict(), "splits": measured["splits"], "models": scaled}


def _scaled(figures: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """Return the metrics that are shown, in other units."""
    return {
        key: {
            end: value * factor
            if end in _WITH_UNIT and MEASURES[key].has_unit and value is not None
            else value
            for end, value in figures[key].items()
        }
        for key in REPORTED
        if key in figures
    }


_WITH_UNIT: Final = ("value", "low", "high", "difference")


@dataclass(frozen=True, eq=False)
class _Rows:
    """Labels of a part, and what each model predicts for it."""

    true: Float[np.ndarray, "rows *shape"]
    predicted: list[Float[np.ndarray, "rows *shape"]]

    def reported(self, units: ReportedUnits, num_atoms: Int[np.ndarray, " rows"]) -> "_Rows":
        """Return them in the unit of errors."""
        predicted = [units.of_errors(values, num_atoms) for values in self.predicted]
        return _Rows(units.of_errors(self.true, num_atoms), predicted)


def _figures_of_models(
    target: Target, rows: Mapping[str, _Rows], results: Sequence[ModelResult]
) -> dict[str, Any]:
    """Return the metrics of each model on each part, and the comparison with that of the run."""
    models: dict[str, Any] = {}
    error, tested = error_of(target), rows["test"]
    for number, result in enumerate(results):
        figures: dict[str, Any] = dict(result.made)
        for part in reversed(PARTS):
            true, predicted = rows[part].true, rows[part].predicted[number]
            figures[part] = figures_of(target, true, predicted, 500 if part == "test" else 100)
            if part == "test" and target.tensor.copies > 1:
                figures["components"] = figures_by_component(target, true, predicted)
        if number:
            comparison = compare_paired(
                error, target, tested.true, tested.predicted[0], tested.predicted[number]
            )
            figures["against"] = {error.key: comparison}
        models[result.name] = figures
    return models


def figures_of(
    target: Target,
    true: Float[np.ndarray, "rows *shape"],
    predicted: Float[np.ndarray, "rows *shape"],
    samples: int = 500,
) -> dict[str, Any]:
    """Return the metrics that serve the target, each with value, low and high."""
    metrics = evaluate(target, true, predicted, samples=samples)
    return {name: asdict(metric) for name, metric in metrics.items()}


def figures_by_component(
    target: Target,
    true: Float[np.ndarray, "rows *shape"],
    predicted: Float[np.ndarray, "rows *shape"],
) -> list[dict[str, Any]]:
    """Return the metrics of each number of a list or tensor, each with value, low and high."""
    columns = (array.reshape(len(array), -1).T for array in (true, predicted))
    return [figures_of(target, *pair) for pair in zip(*columns, strict=True)]


def worst_of(divided: Divided, predictions: Predictions) -> dict[str, list[dict[str, Any]]]:
    """Return the content of ``worst.json``: for each target the worst of its test crystals."""
    units = reported_units(divided.dataset.targets)
    per_atom = {name for name, shown in units.items() if shown.per_atom}
    return {
        target.name: _worst(divided, predictions, target, target.name in per_atom)
        for target in divided.dataset.targets
    }


def _worst(
    divided: Divided, predictions: Predictions, target: Target, per_atom: bool
) -> list[dict[str, Any]]:
    """Describe the test crystals with the largest errors, with what is needed to draw them.

    Of an atomic target the worst atom counts, of a list the worst number, and of a tensor the norm
    of the error, which is kept as ``norm``; there the numbers are those of its worst component.
    """
    table, crystals = divided.dataset.table, divided.of_target(target.name).test
    labels = divided.dataset.labels
    true, predicted = (known.arrays[target.name] for known in (labels, predictions.values))
    of = [labels.rows(target.name, [i]) for i in crystals.tolist()]
    difference = np.abs(true - predicted)
    size = norms(difference) if target.is_tensor else difference
    error = np.array([size[rows].max() for rows in of])
    if per_atom:
        error = error / labels.num_atoms[crystals]
    worst = []
    for n in np.argsort(-error, kind="stable")[:NUM_WORST].tolist():
        crystal = table.crystals[crystals[n]]
        labels_of_row, predicted_of_row = true[of[n]], predicted[of[n]]
        of_tensor: dict[str, Any] = {}
        if target.is_tensor:
            row = [int(size[of[n]].argmax())]
            labels_of_row, predicted_of_row = (
                to_subscripts(target.tensor, values[row])
                for values in (labels_of_row, predicted_of_row)
            )
        labels_of_row, predicted_of_row = labels_of_row.ravel(), predicted_of_row.ravel()
        number = int(np.argmax(np.abs(labels_of_row - predicted_of_row)))
        if target.is_tensor:
            of_tensor = {"norm": float(error[n]), "component": subscripts(target.tensor)[number]}
        worst.append(
            {
                "id": table.ids[crystals[n]],
                "formula": reduced_formula(crystal),
                "target": float(labels_of_row[number]),
                "prediction": float(predicted_of_row[number]),
                **of_tensor,
                "num_atoms": crystal.num_atoms,
                **to_plain(with_bonds(crystal)),
            }
        )
    return worst


def shown_crystals(divided: Divided) -> dict[str, Any]:
    """Return the content of ``structures.json``: an even sample of the test."""
    dataset, split = divided.dataset, divided.split
    ids, crystals = dataset.table.ids, dataset.table.crystals
    small = [row for row in split.test.tolist() if len(crystals[row]) <= MOST_ATOMS]
    wanted = np.linspace(0, len(small) - 1, min(MOST_SHOWN, len(small))).round().astype(int)
    parts = np.concatenate(list(split.parts().values()))
    return {
        "formulas": {ids[row]: reduced_formula(crystals[row]) for row in parts.tolist()},
        "num_atoms": {ids[row]: crystals[row].num_atoms for row in parts.tolist()},
        "crystals": [
            {"id": ids[row], **to_plain(with_bonds(crystals[row]))}
            for row in (small[number] for number in wanted.tolist())
        ],
    }
