"""Evaluate: how well a trained model does on other data."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xtalgraph.data.targets import Target
from xtalgraph.workflows.outcome import figures_of
from xtalgraph.workflows.predict import load
from xtalgraph.workflows.preflight import check_source
from xtalgraph.workflows.prepare import nothing_left, read_labelled, resolve_source
from xtalgraph.workflows.rejections import judge_rejected, stop_at_rejected


def evaluate(
    run: str | Path, data: Any, *, on_error: str = "skip", progress: bool = True
) -> dict[str, Any]:
    """Compute the metrics of a trained model on data that has the target's column.

    Args:
        run: A run folder.
        data: As for `train`.
        on_error: ``skip`` leaves rows that cannot be used out and says so; ``raise`` stops.
        progress: Show progress bars on standard error.

    Returns:
        ``target``, ``model``, ``crystals``, ``rejected`` (a list) and ``metrics``. Of several
        targets, instead of ``target`` and ``metrics``, ``targets`` with both for each, by its name.

    Raises:
        InputError: If the data has no such column, or a row cannot be used and ``raise`` is said.
    """
    check_source(data)
    predictor = load(run)
    source, _ = resolve_source(data)
    conditions = predictor.spec.conditions
    labelled = read_labelled(source, predictor.targets, conditions, progress=progress)
    stop_at_rejected(labelled.table.rejected, on_error)
    said = predictor.predict_crystals(labelled.table.crystals, labelled.states)
    labelled = labelled.reject({n: one for n, one in enumerate(said) if isinstance(one, str)})
    predicted = [one for one in said if not isinstance(one, str)]
    rejected = labelled.table.rejected
    judge_rejected(rejected, on_error)
    if not predicted:
        raise nothing_left(source, rejected)
    true, stated = np.concatenate(labelled.values), np.concatenate(predicted)
    return {
        **_figures(predictor.targets, true, stated),
        "model": predictor.spec.encoder,
        "crystals": len(labelled.table),
        "rejected": [one.as_dict() for one in rejected],
    }


def _figures(targets: Sequence[Target], true: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    if len(targets) == 1:
        target = targets[0]
        return {"target": target.as_dict(), "metrics": figures_of(target, true, said)}
    found = {}
    for column, target in enumerate(targets):
        known = ~np.isnan(true[:, column])
        figures = figures_of(target, true[known, column], said[known, column])
        found[target.name] = {"target": target.as_dict(), "metrics": figures}
    return {"targets": found}
