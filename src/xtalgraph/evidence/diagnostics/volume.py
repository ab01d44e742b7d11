"""The prediction while crystals are strained, beside the truth where it is known."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from xtalgraph.crystals.composition import composition_key, reduced_formula
from xtalgraph.crystals.transforms import strain
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Number, Verdict, alarm_if

STRETCH: Final = np.linspace(-0.03, 0.03, 13)
"""Of the lengths; the volume changes by 9 % either way, which is what a few GPa do."""
_SWEPT: Final = 6
"""How many crystals are strained."""
_OTHER_VOLUME: Final = 0.01
"""From which relative difference on two crystals of a formula have different volumes."""


@dataclass(frozen=True)
class VolumeSweep:
    """Predictions of crystals under isotropic strain, less that of the unstrained crystal."""

    ids: Sequence[str]
    formulas: Sequence[str]
    volume: Sequence[float]
    """Changes of volume, %."""
    predicted: Sequence[Sequence[Number]]
    """For each crystal the change of the prediction at each volume."""
    truth: Sequence[Sequence[float]] | None
    """The true changes; None where they are not known."""
    strained: float
    """Share of the training crystals whose formula another has at another volume per atom."""


def volume_sweep(tested: Evaluator) -> DiagnosticResult:
    """Stretch test crystals in all directions and follow the prediction.

    What is compared is the change from the crystal as it is, E(V) − E(V₀), of prediction and
    truth; the constant of each composition, which the first tests measure, drops out.
    """
    rows = tested.test
    if len(rows) > _SWEPT:
        rows = np.sort(tested.generator("volume").choice(rows, _SWEPT, replace=False))
    crystals = [tested.crystals[row] for row in rows]
    strained = [strain(crystal, s * np.eye(3)) for crystal in crystals for s in STRETCH]
    shape, middle = (len(crystals), len(STRETCH)), len(STRETCH) // 2
    predicted = tested.predict(strained, np.repeat(rows, len(STRETCH))).reshape(shape)
    predicted = predicted - predicted[:, [middle]]
    truth = None
    if tested.energy is not None:
        truth = np.array([tested.energy(crystal) for crystal in strained]).reshape(shape)
        sizes = np.array([len(crystal) for crystal in crystals])[:, None]
        truth = (truth - truth[:, [middle]]) / (sizes if tested.per_atom else 1)
    numbers = VolumeSweep(
        ids=[tested.ids[row] for row in rows],
        formulas=[reduced_formula(crystal) for crystal in crystals],
        volume=(100.0 * ((1.0 + STRETCH) ** 3 - 1.0)).tolist(),
        predicted=predicted.tolist(),
        truth=None if truth is None else truth.tolist(),
        strained=_share_strained(tested),
    )
    if truth is None:
        return DiagnosticResult("volume", Verdict.SHOWN, numbers)
    known = np.isfinite(predicted)
    explained = 1.0 - np.sum((predicted - truth)[known] ** 2) / np.sum(truth[known] ** 2)
    verdict = alarm_if(not explained >= 0)
    return DiagnosticResult("volume", verdict, numbers, float(explained), 0.0)


def _share_strained(tested: Evaluator) -> float:
    volumes: dict[str, list[float]] = defaultdict(list)
    for row in tested.split.train:
        crystal = tested.crystals[row]
        volumes[composition_key(crystal)].append(crystal.volume / len(crystal))
    several = sum(
        len(of_formula)
        for of_formula in volumes.values()
        if max(of_formula) > (1 + _OTHER_VOLUME) * min(of_formula)
    )
    return several / len(tested.split.train)
