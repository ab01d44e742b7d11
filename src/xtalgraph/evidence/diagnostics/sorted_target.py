"""Is the file sorted by its target?"""

from typing import Final

import numpy as np

from xtalgraph.data.order import SORTED_ABOVE, examine_order
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Examined,
    Picture,
    Verdict,
    not_applicable,
)
from xtalgraph.evidence.numbers import percent, plain
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.style import quantity

NAME: Final = "order"
TITLE: Final = "A target sorted on disk"
_SHOWN: Final = 2_000
"""Rows drawn at most."""


def sorted_target(tested: Evaluator) -> Examined:
    """Correlate the ranks of the target with the rows of the file.

    Args:
        tested: What is examined.
    """
    found = examine_order(tested.labels, tested.split)
    if found.correlation is None:
        return not_applicable(NAME, TITLE, "The target has one value only, which has no order.")
    rho = found.correlation
    rows = np.unique(np.linspace(0, len(tested.labels) - 1, _SHOWN).astype(np.int64))
    figure = curves_plot(
        [[Curve(rows.astype(float), tested.labels[rows], "", "model")]],
        xlabel="row of the file",
        ylabel=quantity(tested.target.name, tested.target.unit),
    )
    if not found.sorted:
        says = "The rows are in no order of the target."
    elif found.test_is_block:
        says = (
            "The file is sorted by its target, and the test is a block of it: its targets are "
            "others than those trained on. Draw the split at random, unless that is meant."
        )
    else:
        says = (
            f"The file is sorted by its target: the row tells {percent(rho**2)} of the variance of "
            "its ranks. This split does not follow the order, but any that does (folds cut from "
            "the file, ids as dates, the first thousand rows) asks another question, and an id "
            "that counts rows gives the answer away. Shuffle the file."
        )
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=Verdict.ALARM if found.sorted else Verdict.OK,
        says=f"The rank correlation of target and row is {plain(rho, 2)}. {says}",
        measure="size of the rank correlation of target and row",
        number=abs(rho),
        threshold=SORTED_ABOVE,
        reason="In small files also five deviations of chance: files in the order of their "
        "ids or formulas reach 0.09.",
        details=found.as_dict(),
        pictures=(Picture(NAME, "The target over the rows of the file."),),
    )
    return Examined(result, {NAME: figure})
