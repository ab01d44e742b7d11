"""What must be said beside a ranking of candidates: ties, and a spread that knows no errors."""

import math
from dataclasses import dataclass
from typing import Final

from xtalgraph.evidence.numbers import plain
from xtalgraph.metrics.acquisition import Aim
from xtalgraph.metrics.calibration import rank_of_errors
from xtalgraph.workflows.stated_errors import StatedErrors

FEWEST: Final = 10
"""Test crystals below which nothing can be said of a rank correlation."""
_WEAK: Final = 0.1
"""Rank correlation up to which the spread tells next to nothing, however many test crystals."""
_ONE_SIDED: Final = 1.645
"""Standard deviations of chance that it must be above 0: 5 % of unrelated columns are."""


@dataclass(frozen=True)
class Scores:
    """What the candidates were worth."""

    by: str
    """What they were ranked by."""
    lowest: float
    """Of all candidates."""
    highest: float
    """Of all candidates."""
    candidates: int
    """How many there are."""
    first: int
    """How many of the listed ones share the highest."""


def about_std(stated: StatedErrors, by: str) -> str:
    """Say whether the spread of a run follows its errors; nothing where it does.

    Args:
        stated: Errors and spread of the test part.
        by: What candidates are ranked by.
    """
    rows = len(stated.errors)
    if stated.std is None or rows < FEWEST:
        return (
            f"{_named(by)} trusts the spread of the predictions, and the run has {rows} test "
            "crystals: too few to tell whether that follows the errors."
        )
    rank = rank_of_errors(stated.errors, stated.std)
    chance = _ONE_SIDED / math.sqrt(rows - 1)
    if rank > max(chance, _WEAK):
        return ""
    found = (
        "no rank correlation at all" if math.isnan(rank) else f"a rank correlation of {rank:.2f}"
    )
    return (
        f"{_named(by)} trusts the spread of the predictions, which does not follow the errors of "
        f"this run: on its {rows:,} test crystals the two have {found}, and unrelated numbers "
        f"reach {chance:.2f}. Rank by prediction, which needs no spread."
    )


def about_ties(scores: Scores, aim: Aim, known: float, name: str) -> str:
    """Say where what ranks cannot tell candidates apart; nothing where it can.

    Args:
        scores: What the candidates are worth.
        aim: What is wanted.
        known: The best label of the training part; NaN where it plays no part.
        name: Of the target.
    """
    if scores.by == "prediction" or scores.first < 2:
        return ""
    order = (
        f"the distance of the predicted {name} to {aim.value:g}"
        if aim.kind == "target"
        else f"the predicted {name}"
    )
    value = plain(scores.highest)
    if scores.lowest < scores.highest:
        return (
            f"The first {scores.first:,} have the same {scores.by.replace('-', ' ')}, {value}, "
            f"which cannot tell them apart: they stand in the order of {order}."
        )
    reason = (
        f" The training part holds a crystal with {known:g} already, and nothing is left to gain."
        if aim.kind == "target" and known == aim.value
        else ""
    )
    return (
        f"{_named(scores.by)} is {value} for all {scores.candidates:,} candidates and cannot tell "
        f"them apart: they stand in the order of {order}.{reason}"
    )


def _named(by: str) -> str:
    return by.replace("-", " ").capitalize()
