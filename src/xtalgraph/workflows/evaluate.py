"""Evaluate: how well a trained model does on other data."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xtalgraph.conventions.choices import Device, OnError
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.settings import checks_arguments, nearest
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.dataset import label, nothing_left
from xtalgraph.data.reported_units import reported_units
from xtalgraph.data.split_column import is_gap
from xtalgraph.data.table import CrystalTable, read_table
from xtalgraph.data.targets import Target
from xtalgraph.data.values import Values
from xtalgraph.evidence.performance import REPORTED, figures_by_component, figures_of
from xtalgraph.workflows.predict import load
from xtalgraph.workflows.preflight import check_source
from xtalgraph.workflows.rejections import check_rejected, stop_at_rejected


@checks_arguments
def evaluate(
    run: str | Path,
    data: Any,
    *,
    on_error: OnError = "skip",
    device: Device = "cpu",
    disorder: Disorder | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Compute the metrics of a trained model on data that has the target's column.

    Args:
        run: A run folder.
        data: As for `train`.
        on_error: Rows that cannot be used: leave them out with a warning (skip), or stop (raise).
        device: Device to compute on; a GPU differs in the last digits.
        disorder: Crystals with mixed or partly empty sites, as in the training by default.
        progress: Show progress bars on standard error.

    Returns:
        ``model``, ``crystals``, ``rejected`` (a list) and ``targets``: for each by its name
        ``target``, its declaration, and ``metrics``; of a potential the same in the units of its
        errors, as ``reported``.

    Raises:
        InputError: If the data has no labels, or a row cannot be used and ``raise`` is given.
    """
    check_source(data)
    predictor = load(run).to(device)
    source, _ = resolve_source(data)
    conditions = predictor.spec.conditions
    table = read_table(source, progress=progress, disorder=predictor.spec.disorder_for(disorder))
    _check_labels(table, predictor.targets, run)
    dataset = label(table, source, predictor.targets, conditions)
    stop_at_rejected(dataset.table.rejected, on_error)
    predicted = predictor.predict_crystals(dataset.table.crystals, dataset.condition_values)
    dataset = dataset.reject(predicted.unsupported)
    rejected = dataset.table.rejected
    check_rejected(rejected, on_error)
    if not len(predicted.places):
        raise nothing_left(source, rejected)
    return {
        "targets": _figures(dataset.labels, predicted.predictions.values),
        "model": predictor.spec.encoder,
        "crystals": len(dataset.table),
        "rejected": [rejection.as_dict() for rejection in rejected],
    }


def _check_labels(table: CrystalTable, targets: Sequence[Target], run: str | Path) -> None:
    """Refuse crystals without any label to compare with, and say how many have none."""
    advice = f"`xtalgraph predict {run}` predicts without labels"
    names = [str(name) for name in table.columns.columns]
    for column in dict.fromkeys(target.name for target in targets) if len(table) else ():
        if column not in names:
            close = nearest(column, names) if names else ""
            raise InputError(
                f"the data has no column {column!r}, for which {run} was trained{close}; {advice}"
            )
        gaps = sum(is_gap(value) for value in table.columns[column])
        if gaps == len(table):
            raise InputError(f"the column {column!r} of the data holds no label: {advice}")
        if gaps:
            log.warning("%d of %d crystals have no label %r", gaps, len(table), column)


def _figures(labels: Values, predicted: Values) -> dict[str, Any]:
    measured = {}
    for target in labels.targets:
        known = np.flatnonzero(labels.known(target.name))
        true, given = (values.of(target.name, known) for values in (labels, predicted))
        entry: dict[str, Any] = {"target": target.as_dict()}
        entry["metrics"] = figures_of(target, true, given)
        if not (target.tensor.is_scalar or target.is_tensor):
            entry["components"] = figures_by_component(target, true, given)
        units = reported_units(labels.targets).get(target.name)
        if units is not None:
            sizes = labels.num_atoms[known]
            shown = units.target(target, units.error)
            true, given = (units.of_errors(values, sizes) for values in (true, given))
            metrics = figures_of(shown, true, given)
            entry["reported"] = {
                "target": shown.as_dict(),
                "metrics": {key: metrics[key] for key in REPORTED},
            }
        measured[target.name] = entry
    return measured
