"""Crystals of the test that are in the training set, too."""

from typing import Final

import numpy as np
from matplotlib.figure import Figure

from xtalgraph.data.duplicates import DUPLICATE_TOLERANCE, DuplicateIndex
from xtalgraph.evidence.diagnostics.finding import Examined, Finding, Picture, Verdict
from xtalgraph.evidence.diagnostics.subject import Subject
from xtalgraph.evidence.numbers import count, percent, plain, with_unit
from xtalgraph.plots.bars import bar_plot
from xtalgraph.plots.style import quantity

NAME: Final = "duplicates"
TITLE: Final = "Duplicates across the split"
SHARE: Final = 0.01
"""Share of the test rows that may be copies of training rows."""


def shared_crystals(subject: Subject) -> Examined:
    """Find the test crystals of which training has a copy, and compare the errors on them.

    Args:
        subject: What is examined.
    """
    index = DuplicateIndex(subject.crystals)
    partner = index.partners(subject.test, np.asarray(subject.split.train))
    copies = partner >= 0
    number = float(copies.mean())
    alarm = number >= SHARE
    errors = np.abs(subject.errors)
    own = float(errors[copies].mean()) if copies.any() else None
    others = float(errors[~copies].mean()) if not copies.all() else None
    what = f"{count(int(copies.sum()), 'test crystal')} of {len(copies)} ({percent(number)})"
    says = (
        f"{what} {'is' if copies.sum() == 1 else 'are'} in training, too, alike to "
        f"{DUPLICATE_TOLERANCE:g} Å."
    )
    if own is not None and others is not None:
        says += (
            f" The error is {with_unit(plain(own, 2), subject.unit)} on copies and "
            f"{with_unit(plain(others, 2), subject.unit)} on the others, which is the honest one."
        )
    if alarm:
        says += " Draw the split with --split formula, which keeps copies on one side."
    pairs = [
        [subject.ids[row], subject.ids[other]]
        for row, other in zip(subject.test[copies].tolist(), partner[copies].tolist(), strict=True)
    ]
    figures: dict[str, Figure] = {}
    pictures: tuple[Picture, ...] = ()
    if own is not None and others is not None:
        figures[NAME] = bar_plot(
            ["copies of training crystals", "all others"],
            np.array([own, others]),
            label=quantity("test MAE", subject.unit),
            own=np.array([True, False]),
        )
        pictures = (Picture(NAME, "Errors on copies and on the others."),)
    finding = Finding(
        name=NAME,
        title=TITLE,
        verdict=Verdict.ALARM if alarm else Verdict.OK,
        says=says,
        measure="share of the test crystals that are in training",
        number=number,
        threshold=SHARE,
        reason="Copies predicted without any error would make the test error look "
        "smaller by their share, and up to a hundredth that is below its uncertainty.",
        details={"copies": pairs, "mae_copies": own, "mae_others": others},
        pictures=pictures,
    )
    return Examined(finding, figures)
