"""Crystals of the test that are in the training set, too."""

from typing import Final

import numpy as np
from matplotlib.figure import Figure

from xtalgraph.data.duplicates import DUPLICATE_TOLERANCE, REPEATED_TOLERANCE, DuplicateIndex
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Examined, Picture, Verdict
from xtalgraph.evidence.numbers import percent, plain, with_unit
from xtalgraph.plots.bars import bar_plot
from xtalgraph.plots.style import quantity

NAME: Final = "duplicates"
TITLE: Final = "Duplicates across the split"
SHARE: Final = 0.01
"""Share of the test rows whose label a copy in training may give away."""


def shared_crystals(tested: Evaluator) -> Examined:
    """Find the test crystals of which training has a copy, and compare the errors on them.

    A copy counts as a leak where it gives the label away: where it is alike to 0.01 Å, or where
    its label differs by less than the error of the model. So the distorted copies of an energy
    surface, alike to 0.1 Å and different in energy, are told and do not count.

    Args:
        tested: What is examined.
    """
    index, train = DuplicateIndex(tested.crystals), np.asarray(tested.split.train)
    partner = index.partners(tested.test, train)
    strict = index.partners(tested.test, train, REPEATED_TOLERANCE)
    partner = np.where(strict >= 0, strict, partner)
    alike, errors = partner >= 0, np.abs(tested.errors)
    apart = np.abs(tested.values[tested.test] - tested.values[partner])
    usual = float(errors[~alike].mean()) if not alike.all() else tested.mae
    copies = alike & ((strict >= 0) | (apart <= usual))
    number = float(copies.mean())
    alarm = number >= SHARE
    own = float(errors[copies].mean()) if copies.any() else None
    others = float(errors[~copies].mean()) if not copies.all() else None
    says = (
        f"Of {len(copies)} test crystals {int(alike.sum())} are in training, too, alike to "
        f"{DUPLICATE_TOLERANCE:g} Å; of {int(copies.sum())} ({percent(number)}) the copy gives the "
        "label away."
    )
    if own is not None and others is not None:
        says += (
            f" The error is {with_unit(plain(own, 2), tested.unit)} on copies and "
            f"{with_unit(plain(others, 2), tested.unit)} on the others, which is the honest one."
        )
    if alarm:
        says += " Draw the split with --split formula, which keeps copies on one side."
    pairs = [
        [tested.ids[row], tested.ids[other]]
        for row, other in zip(tested.test[copies].tolist(), partner[copies].tolist(), strict=True)
    ]
    figures: dict[str, Figure] = {}
    pictures: tuple[Picture, ...] = ()
    if own is not None and others is not None:
        figures[NAME] = bar_plot(
            ["copies of training crystals", "all others"],
            np.array([own, others]),
            label=quantity("test MAE", tested.unit),
            own=np.array([True, False]),
        )
        pictures = (Picture(NAME, "Errors on copies and on the others."),)
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=Verdict.ALARM if alarm else Verdict.OK,
        says=says,
        measure="share of the test crystals whose copy in training gives the label away",
        number=number,
        threshold=SHARE,
        reason="Copies predicted without any error would make the test error look "
        "smaller by their share, and up to a hundredth that is below its uncertainty.",
        details={"copies": pairs, "mae_copies": own, "mae_others": others},
        pictures=pictures,
    )
    return Examined(result, figures)
