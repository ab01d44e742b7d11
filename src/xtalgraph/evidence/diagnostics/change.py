"""What is left of R² when crystals are changed and their labels are not."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Int

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.diagnostics.evaluator import FEWEST, Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Examined, Picture, Verdict
from xtalgraph.evidence.numbers import count, plain
from xtalgraph.metrics.ranking import spearman
from xtalgraph.metrics.regression import mae, r2
from xtalgraph.plots.before_after import before_after_plot

EXPLAINS: Final = 0.1
"""R² below which a model explains too little for a loss of it to mean anything."""


def examine_change(
    tested: Evaluator,
    rows: Int[np.ndarray, " changed"],
    changed: Sequence[Crystal],
    *,
    name: str,
    title: str,
    after: str,
    keeps: float,
    reason: str,
    fine: str,
    bad: str,
) -> Examined:
    """Predict changed crystals and compare R² before and after.

    Args:
        tested: What is examined.
        rows: Which test crystal each changed one was, as a place in ``subject.test``.
        changed: The changed crystals.
        name: Of the diagnostic.
        title: Its heading.
        after: What was done to them, in words.
        keeps: Share of R² from which on it is an alarm.
        reason: Of that threshold.
        fine: What it means below.
        bad: What it means beyond.
    """
    said = tested.predict(changed, tested.test[rows])
    known = np.isfinite(said)
    rows, said = rows[known], said[known]
    truth, before = tested.values[tested.test[rows]], tested.predictions[rows]
    unsupported = int((~known).sum())
    left_out = f" {count(unsupported, 'changed crystal')} had no graph." if unsupported else ""
    if len(rows) < FEWEST:
        says = f"Only {len(rows)} changed crystals could be predicted.{left_out}"
        return Examined(
            DiagnosticResult(name=name, title=title, verdict=Verdict.NOT_APPLICABLE, says=says)
        )
    first, second = r2(truth, before), r2(truth, said)
    details = {
        "crystals": len(rows),
        "refused": unsupported,
        "r2_before": first,
        "r2_after": second,
        "mae_before": mae(truth, before),
        "mae_after": mae(truth, said),
        "spearman_before": spearman(truth, before),
        "spearman_after": spearman(truth, said),
    }
    numbers = f"R² was {plain(first)} and is {plain(second)} with the {after}"
    figure = before_after_plot(
        truth,
        before,
        said,
        titles=(f"as they are: R² {plain(first)}", f"{after}: R² {plain(second)}"),
        name=tested.target.name,
        unit=tested.unit,
    )
    picture = Picture(name, f"Predictions over targets, before and with the {after}.")
    if not first > EXPLAINS:
        says = (
            f"{numbers}. The model explains too little of these crystals, R² at most "
            f"{EXPLAINS:g}, for a loss of it to mean anything.{left_out}"
        )
        result = DiagnosticResult(
            name=name,
            title=title,
            verdict=Verdict.SHOWN,
            says=says,
            details=details,
            pictures=(picture,),
        )
        return Examined(result, {name: figure})
    share = max(second, 0.0) / first
    verdict = Verdict.ALARM if share >= keeps else Verdict.OK
    result = DiagnosticResult(
        name=name,
        title=title,
        verdict=verdict,
        says=f"{numbers}. {bad if verdict is Verdict.ALARM else fine}{left_out}",
        measure=f"share of R² that stays with the {after}",
        number=share,
        threshold=keeps,
        reason=reason,
        details=details,
        pictures=(picture,),
    )
    return Examined(result, {name: figure})
