"""Whether fragments that are far apart have the sum of their energies, and each its own forces."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Target
from xtalgraph.graphs.graph import Scope
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.models.check_result import CheckResult, Reason, Status, Worst
from xtalgraph.models.invariance import Arrays, violations
from xtalgraph.models.smoothness import Predict

GAPS: Final = (20.0, 40.0)
"""Å of vacuum around each fragment; the second shows whether what is off dies away."""
_FALLS: Final = 0.75
"""What an interaction of long range loses at least over twice the distance: charges, the slowest,
halve theirs."""
_SIZES: Final = (12, 6)
"""Atoms of the two fragments; they differ, so that an average over atoms does too."""
_REACH: Final = 6.0
"""How far from the first atom its fragment goes, Å."""


@final
class FragmentsCheck:
    """Collects by how much two fragments of each crystal change when both are there.

    Args:
        targets: An energy and its derivatives.
        scale: The largest prediction of each target in the sample, by name.
    """

    def __init__(self, targets: Sequence[Target], scale: Mapping[str, float]) -> None:
        self._targets, self._scale = targets, dict(scale)
        self._near, self._far = (Worst("far fragments add up", targets, self._scale) for _ in GAPS)

    def add(self, name: str, predict: Predict, crystal: Crystal) -> None:
        """Try a crystal."""
        for worst, gap in zip((self._near, self._far), GAPS, strict=True):
            together, expected = fragment_values(predict, crystal, self._targets, gap)
            for target, values in expected.items():
                largest = float(np.abs(values).max(initial=0.0))
                self._scale[target] = max(self._scale[target], largest)
            worst.add(name, violations(together, expected))

    def result(self, tolerance: float, absent: Reason, **details: Any) -> CheckResult:
        """Return what came out: what dies away with the distance neither passes nor fails.

        Args:
            tolerance: Largest relative violation that passes.
            absent: Why nothing was tried, if it was not.
            **details: Numbers and names that belong to the reason.
        """
        near, far = (
            worst.result(Reason.FRAGMENTS, tolerance, absent, gap=gap, **details)
            for worst, gap in zip((self._near, self._far), GAPS, strict=True)
        )
        if far.status is not Status.FAILED or not (near.relative and far.relative):
            return far
        share = far.relative / near.relative
        if share > _FALLS:
            return far
        left = {"share": share, "near": GAPS[0], "gap": GAPS[1]}
        return replace(
            far, status=Status.MEASURED, tolerance=None, reason=Reason.LONG_RANGE, details=left
        )


def fragment_values(
    predict: Predict, crystal: Crystal, targets: Sequence[Target], gap: float
) -> tuple[Arrays, Arrays]:
    """Return the values of two fragments in one cell, and what each alone in that cell lets expect.

    Energies and stresses add up, forces stay. The cell is periodic, since some codes know no
    other.

    Args:
        predict: Values of a crystal, by target.
        crystal: Of which the fragments are made: an atom with its neighbours, and a smaller piece
            of the same.
        targets: An energy and its derivatives.
        gap: Vacuum around each fragment, Å.

    Returns:
        The values of both, and the expected ones, by target.
    """
    pieces = [_fragment(crystal, size) for size in _SIZES]
    widths = np.array([np.ptp(places, axis=0) for places, _ in pieces])
    places = [places - places.min(axis=0) + gap / 2.0 for places, _ in pieces]
    places[1][:, 0] += widths[0, 0] + gap
    box = widths.max(axis=0) + gap
    box[0] = widths[:, 0].sum() + 2.0 * gap

    def values(*chosen: int) -> Arrays:
        positions = np.concatenate([places[n] for n in chosen])
        numbers = np.concatenate([pieces[n][1] for n in chosen])
        return predict(Crystal(np.diag(box), positions, numbers, np.ones(3, dtype=bool)))

    together, alone = values(0, 1), [values(0), values(1)]
    expected = {}
    for target in targets:
        apart = [part[target.name] for part in alone]
        by_atom = target.scope is Scope.ATOM
        expected[target.name] = np.concatenate(apart) if by_atom else apart[0] + apart[1]
    return together, expected


def _fragment(
    crystal: Crystal, size: int
) -> tuple[Float[np.ndarray, "atoms 3"], Int[np.ndarray, " atoms"]]:
    """Return positions and elements of the first atom and its nearest neighbours."""
    edges = neighbors_within(crystal, _REACH)
    edges = edges.select(edges.center == 0)
    chosen = np.argsort(np.round(edges.distance, 6), kind="stable")[: size - 1]
    numbers = crystal.main_numbers
    images = edges.image[chosen].astype(float) @ crystal.cell
    positions = np.vstack(
        [crystal.positions[:1], crystal.positions[edges.neighbor[chosen]] + images]
    )
    return positions, np.append(numbers[:1], numbers[edges.neighbor[chosen]])
