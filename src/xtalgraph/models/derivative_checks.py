"""Whether forces and stress are the derivatives of the energy: by differences of energies."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Target
from xtalgraph.models.invariance import Together

STEP: Final = 2.5e-4
"""Over which energies are compared in float64, Å."""
_REACH: Final = 4.0
"""A strain moves neighbours by about so many Å times itself."""
DIRECTIONS: Final = 3
"""In how many random directions all atoms are moved together."""
_STENCIL: Final = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}
"""Weights of the energies at multiples of a step, whose sum over the step is a slope to its fourth
power."""


def derivative_violations(
    together: Together,
    crystal: Crystal,
    targets: Sequence[Target],
    generator: np.random.Generator,
    step: float = STEP,
) -> dict[str, float]:
    """Return by how much derivatives differ from differences of energies.

    All atoms are moved together in random directions, and one atom along each axis; the cell is
    strained in each of the six ways.

    Args:
        together: Values of crystals, by target.
        crystal: Any.
        targets: The derivatives that are tried.
        generator: Draws the directions.
        step: Over which energies are compared, Å; of a strain a part, as it moves neighbours.

    Returns:
        The largest difference of each target, in its unit.
    """
    (values,) = together([crystal])
    worst: dict[str, float] = {}
    for target in targets:
        if target.derivative is None:
            continue
        if target.derivative.by == "position":
            ways, part, factor = list(_displacements(crystal, generator)), step, -1.0
            paths = [_moved(crystal, n * part * way) for way in ways for n in _STENCIL]
        else:
            ways, part, factor = list(_strains()), step / _REACH, 1.0 / crystal.volume
            paths = [transforms.strain(crystal, n * part * way) for way in ways for n in _STENCIL]
        energies = [float(np.sum(at[target.derivative.of])) for at in together(paths)]
        slopes = np.reshape(energies, (len(ways), -1)) @ np.array([*_STENCIL.values()]) / part
        stated = [float(np.sum(values[target.name].reshape(way.shape) * way)) for way in ways]
        worst[target.name] = _largest(np.abs(stated - factor * slopes).tolist())
    return worst


def net_force(values: Float[np.ndarray, "atoms 3"]) -> float:
    """Return the largest component of the sum of all forces, which is zero."""
    return _largest(np.abs(values.sum(axis=0)).tolist())


def _displacements(
    crystal: Crystal, generator: np.random.Generator
) -> Iterator[Float[np.ndarray, "atoms 3"]]:
    for _ in range(DIRECTIONS):
        direction = generator.normal(size=(len(crystal), 3))
        yield direction / np.linalg.norm(direction)
    atom = int(generator.integers(len(crystal)))
    for axis in range(3):
        direction = np.zeros((len(crystal), 3))
        direction[atom, axis] = 1.0
        yield direction


def _strains() -> Iterator[Float[np.ndarray, "3 3"]]:
    for i in range(3):
        for j in range(i + 1):
            strain = np.zeros((3, 3))
            strain[i, j] += 0.5
            strain[j, i] += 0.5
            yield strain


def _moved(crystal: Crystal, by: Float[np.ndarray, "atoms 3"]) -> Crystal:
    return crystal.moved(crystal.cell, crystal.positions + by)


def _largest(values: Sequence[float]) -> float:
    largest = max(values, default=0.0)
    return largest if np.isfinite(largest) else np.inf
