"""Chemistry fixed, volume swept: does the prediction follow the truth, where it is known?"""

from collections import defaultdict
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.composition import composition_key, reduced_formula
from xtalgraph.crystals.transforms import strain
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Examined, Picture, Verdict
from xtalgraph.evidence.numbers import percent
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.style import quantity

NAME: Final = "volume"
TITLE: Final = "Chemistry fixed, volume swept"
CRYSTALS: Final = 6
"""How many crystals are swept."""
STRETCH: Final = np.linspace(-0.03, 0.03, 13)
"""Of the lengths; the volume changes by 9 % either way, which is what a few GPa do."""
_OTHER_VOLUME: Final = 0.01
"""From which relative difference on two crystals of a formula have different volumes."""


def volume_sweep(tested: Evaluator) -> Examined:
    """Stretch test crystals in all directions and follow the prediction.

    What is compared is the change from the crystal as it is, E(V) − E(V₀), of prediction and
    truth; the constant of each composition, which the first tests measure, drops out.

    Args:
        tested: What is examined.
    """
    rows = tested.test
    if len(rows) > CRYSTALS:
        rows = np.sort(tested.generator(NAME).choice(rows, CRYSTALS, replace=False))
    crystals = [tested.crystals[row] for row in rows]
    sheets = [[strain(one, s * np.eye(3)) for s in STRETCH] for one in crystals]
    flat = [one for sheet in sheets for one in sheet]
    said = tested.predict(flat, np.repeat(rows, len(STRETCH)))
    said = said.reshape(len(crystals), len(STRETCH))
    middle = len(STRETCH) // 2
    said = said - said[:, [middle]]
    truth = None
    if tested.energy is not None:
        truth = np.array([tested.energy(one) for one in flat]).reshape(said.shape)
        sizes = np.array([len(one) for one in crystals])[:, None]
        truth = (truth - truth[:, [middle]]) / (sizes if tested.per_atom else 1)
    volume = 100.0 * ((1.0 + STRETCH) ** 3 - 1.0)
    panels = []
    for place, own in enumerate(said):
        curves = [Curve(volume, own, "model", "model", dots=True)]
        if truth is not None:
            curves.append(Curve(volume, truth[place], "truth", "truth"))
        panels.append(curves)
    figure = curves_plot(
        panels,
        xlabel="change of volume, %",
        ylabel=quantity(f"change of {tested.target.name}", tested.unit),
        titles=[reduced_formula(crystal) for crystal in crystals],
        vertical=0.0,
    )
    shown = "Predicted change over the change of volume"
    picture = Picture(NAME, f"{shown}{', and the truth' if truth is not None else ''}.")
    strained = _share_strained(tested)
    details = {
        "ids": [tested.ids[row] for row in rows],
        "change of volume, %": volume,
        "predicted": said,
        "truth": truth,
        "training crystals with the formula of another at another volume": strained,
    }
    if truth is None:
        result = DiagnosticResult(
            name=NAME,
            title=TITLE,
            verdict=Verdict.SHOWN,
            says=_unjudged(strained),
            details=details,
            pictures=(picture,),
        )
        return Examined(result, {NAME: figure})
    followed = _followed(said, truth)
    verdict = Verdict.OK if followed >= 0 else Verdict.ALARM
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=verdict,
        says=f"Of the change with volume, whose truth is known, the model explains "
        f"{percent(followed) if followed > 0 else 'nothing'}. "
        + (
            "It has learned how the property follows the volume of one compound."
            if verdict is Verdict.OK
            else "To say that the volume does not matter would be nearer to the truth: it is not "
            "to be trusted on strained crystals."
        ),
        measure="1 − Σ(Δŷ − Δy)² / Σ Δy² over the sweeps",
        number=followed,
        threshold=0.0,
        side="below",
        reason="Below 0 no change at all would be the better prediction.",
        details=details,
        pictures=(picture,),
    )
    return Examined(result, {NAME: figure})


def _followed(said: Float[np.ndarray, "n v"], truth: Float[np.ndarray, "n v"]) -> float:
    known = np.isfinite(said)
    return float(1.0 - np.sum((said - truth)[known] ** 2) / np.sum(truth[known] ** 2))


def _share_strained(tested: Evaluator) -> float:
    """Share of the training crystals whose formula another has at another volume per atom."""
    volumes: dict[str, list[float]] = defaultdict(list)
    for row in tested.split.train:
        crystal = tested.crystals[row]
        volumes[composition_key(crystal)].append(crystal.volume / len(crystal))
    several = sum(
        len(each) for each in volumes.values() if max(each) > (1 + _OTHER_VOLUME) * min(each)
    )
    return several / len(tested.split.train)


def _unjudged(strained: float) -> str:
    start = "The truth along these curves is not known, so there is no verdict. "
    share = percent(strained) if strained else "None"
    seen = (
        f"{share} of the training crystals share{'' if strained else 's'} the formula with one of "
        "another volume"
    )
    if strained < 0.5:
        return (
            f"{start}{seen}: the model was hardly shown what strain does to a compound, and these "
            "curves are extrapolation. A smooth curve is no proof of a right one."
        )
    return f"{start}{seen}: the model was shown several volumes of a compound; look for kinks."
