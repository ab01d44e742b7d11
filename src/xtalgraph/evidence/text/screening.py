"""The sentences of a screening: how candidates were ranked, and what limits the ranking."""

import math

import numpy as np

from xtalgraph.evidence.numbers import plain, with_unit
from xtalgraph.evidence.screening import FEWEST, Scores, StdRank
from xtalgraph.metrics.acquisition import Aim


def title(kept: int, candidates: int, aim: Aim, name: str, unit: str) -> str:
    """Say what the page and the table hold."""
    return f"The first {kept} of {candidates:,} candidates for {aim.words(name, unit)}"


def how_ranked(objective: str, by: str, known: float, unit: str) -> str:
    """Say how candidates were ranked.

    Args:
        objective: As it was asked for.
        by: What they were ranked by.
        known: The best label of the training part; NaN where it plays no part.
        unit: Of the target.
    """
    over = "" if math.isnan(known) else f" over {with_unit(plain(known), unit)}, the best known"
    return f"objective {objective}, ranked by {by.replace('-', ' ')}{over}"


def about_std(measured: StdRank, by: str) -> str:
    """Say whether the standard deviation of a run follows its errors; nothing where it does."""
    start = f"{_named(by)} relies on the predicted standard deviation"
    if measured.rows < FEWEST:
        return (
            f"{start}. The run has only {measured.rows} test crystals, too few to tell whether it "
            "follows the errors."
        )
    if measured.trusted:
        return ""
    rank = (
        "has no rank correlation with the error"
        if measured.rank is None
        else f"has a rank correlation of only {measured.rank:.2f} with the error"
    )
    return (
        f"{start}, which {rank} on the {measured.rows:,} test crystals of this run; unrelated "
        f"numbers reach {measured.chance:.2f}. Rank by prediction instead."
    )


def about_ties(scores: Scores, aim: Aim, known: float, name: str) -> str:
    """Say where the score cannot distinguish candidates; nothing where it can.

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
    best_case = scores.by == "upper-bound"  # told as in the table: a value of the property
    highest = np.array([scores.highest])
    value = plain(float(aim.value_of(highest, highest)[0]) if best_case else scores.highest)
    called = "best case" if best_case else scores.by.replace("-", " ")
    if scores.lowest < scores.highest:
        return (
            f"The first {scores.first:,} candidates have the same {called} "
            f"({value}). They are ordered by {order}."
        )
    reason = (
        f" The training part already holds a crystal with {known:g}, so nothing can be gained."
        if aim.kind == "target" and known == aim.value
        else ""
    )
    return (
        f"{called.capitalize()} is {value} for all {scores.candidates:,} candidates. They are "
        f"ordered by {order}.{reason}"
    )


def _named(by: str) -> str:
    return by.replace("-", " ").capitalize()
