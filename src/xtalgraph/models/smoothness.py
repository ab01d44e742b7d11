"""What a prediction does where neighbours come or go: whether it jumps, whether it bends."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Int

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.models.invariance import Arrays, Together, violations

Predict = Callable[[Crystal], Arrays]
"""The values of one crystal, by target."""

_NEAR: Final = 1e-9
"""How near a limit the value is looked at, Å."""
_STEP: Final = 1e-5
"""Over which slopes are taken, Å; the error of a slope is of its square."""
_REACH: Final = 1.1
"""A crystal is stretched or squeezed by at most this factor to take a shell through a limit."""
_BENT: Final = (0.8, -0.36, 0.48)
"""The direction, of length 1, in which an atom leaves its cluster."""


@dataclass(frozen=True, eq=False)
class Crossing:
    """How a prediction goes through a limit, as some length grows."""

    what: str
    """What is taken through it: ``pair``, ``cluster``, or ``crystal``."""
    jump: dict[str, float]
    """Largest change of a value within 2e-9 Å beyond what its slopes make it change, in the unit
    of each target, by name."""
    bend: dict[str, float]
    """Largest difference between the slopes before, after and across, unit per Å."""


def pair_and_cluster(
    together: Together, numbers: Int[np.ndarray, " 4"], limit: float
) -> Iterator[Crossing]:
    """Take two atoms apart through a limit in Å, and one atom of four away from another.

    The atoms stand alone in space, so that nothing else of the graph changes.
    """
    rest = np.array([[0.0, 0.0, 0.0], [1.9, 0.3, 0.0], [-0.4, 2.1, 0.5]])

    def alone(positions: np.ndarray) -> Crystal:
        kinds = numbers[: len(positions)]
        none, neutral = np.zeros(3, bool), np.zeros(len(kinds))
        return Crystal(100.0 * np.eye(3), positions, kinds, none, charges=neutral)

    def pair(length: float) -> Crystal:
        return alone(np.array([[0.0, 0.0, 0.0], [length, 0.0, 0.0]]))

    def cluster(length: float) -> Crystal:
        return alone(np.vstack([rest, length * np.array(_BENT)]))

    yield _cross("pair", together, pair, limit)
    yield _cross("cluster", together, cluster, limit)


def stretched_shell(together: Together, crystal: Crystal, limit: float) -> Crossing | None:
    """Stretch or squeeze a crystal so that its nearest shell goes through a limit.

    Args:
        together: What is looked at.
        crystal: Any.
        limit: Where an edge ends, Å.

    Returns:
        The crossing; None if no pair of atoms is within a tenth of the limit.
    """
    distance = neighbors_within(crystal, _REACH * limit).distance
    distance = distance[distance > limit / _REACH]
    if not len(distance):
        return None
    length = distance[np.argmin(np.abs(distance - limit))]

    def stretched(wanted: float) -> Crystal:
        return transforms.strain(crystal, (wanted / length - 1.0) * np.eye(3))

    return _cross("crystal", together, stretched, limit)


def _cross(what: str, together: Together, at: Callable[[float], Crystal], limit: float) -> Crossing:
    places = _NEAR + _STEP * np.arange(3)
    values = list(together([at(limit + side * x) for side in (-1.0, 1.0) for x in places]))
    before, after = values[:3], values[3:]
    jump, bend = {}, {}
    for target in before[0]:
        left, right = ([values[target] for values in side] for side in (before, after))
        # One-sided and of second order, so that the curvature of a smooth function does not count.
        slopes = (
            (3.0 * left[0] - 4.0 * left[1] + left[2]) / (2.0 * _STEP),
            (right[1] - left[1]) / (2.0 * places[1]),
            (-3.0 * right[0] + 4.0 * right[1] - right[2]) / (2.0 * _STEP),
        )
        jump[target] = _largest(right[0] - left[0] - _NEAR * (slopes[0] + slopes[2]))
        bend[target] = _largest(np.ptp(np.stack(slopes), axis=0))
    return Crossing(what, jump, bend)


def _largest(values: np.ndarray) -> float:
    largest = float(np.abs(values).max())
    return np.inf if np.isnan(largest) else largest


def jump_on_a_path(
    predict: Predict,
    edges: Callable[[Crystal], Sequence[np.ndarray]],
    crystal: Crystal,
    generator: np.random.Generator,
) -> dict[str, float] | None:
    """Deform a crystal until its graph changes, and return by how much the prediction jumps there.

    Cell and atoms are moved along a random straight path; where the edges change is found by
    halving, to the last digits.

    Args:
        predict: What is looked at.
        edges: The edges of a crystal, and what else of its graph is whole numbers.
        crystal: Where the path begins.
        generator: Draws the path: a strain of some 5 %, and atoms moved by some 0.2 Å.

    Returns:
        The largest change of each target, in its unit; None if the graph does not change.
    """
    strain = generator.normal(0.0, 0.05, (3, 3))
    strain = (strain + strain.T) / 2.0
    moved = generator.normal(0.0, 0.2, crystal.positions.shape)

    def at(part: float) -> Crystal:
        deformed = transforms.strain(crystal, part * strain)
        positions = deformed.positions + part * moved
        return deformed.moved(deformed.cell, positions)

    low, high, start = 0.0, 1.0, edges(at(0.0))
    if _equal(edges(at(high)), start):
        return None
    while (middle := (low + high) / 2.0) not in (low, high):
        if _equal(edges(at(middle)), start):
            low = middle
        else:
            high = middle
    return violations(predict(at(high)), predict(at(low)))


def _equal(values: Sequence[np.ndarray], start: Sequence[np.ndarray]) -> bool:
    return all(np.array_equal(moved, other) for moved, other in zip(values, start, strict=True))


def isolated_name(what: str, numbers: Int[np.ndarray, " elements"]) -> str:
    """Return of which atoms a pair or cluster is: ``a pair of Ba, O``."""
    count = 2 if what == "pair" else 4
    return f"a {what} of {', '.join(SYMBOLS[int(number)] for number in numbers[:count])}"
