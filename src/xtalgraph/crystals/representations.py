"""Symmetry-equivalent representations of a crystal: none may matter to a prediction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.reduced_cell import reduced_basis

_REACH = 10.0
"""How far a translation moves, Å."""


@dataclass(frozen=True, eq=False)
class Representation:
    """The same crystal, represented in another way."""

    what: str
    """Which way: ``rotation``, ``supercell``, ..."""
    crystal: Crystal
    """The crystal in this representation."""
    origin: Int[np.ndarray, " atoms"]
    """For each of its atoms, the atom of the original that it is, or is an image of."""
    copies: int = 1
    """How many cells of the original its cell holds."""
    rotation: Float[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3))
    """By what it is rotated: an orthogonal matrix, improper for a reflection, that takes a column
    vector v to R v."""


def representations(crystal: Crystal, generator: np.random.Generator) -> Iterator[Representation]:
    """Represent a crystal in every way that applies to it.

    Args:
        crystal: Any.
        generator: Draws the rotation, the order of the atoms, and the like.

    Yields:
        Translation, rotation, reflection and permutation. Where a direction repeats, also a shift
        of each atom by whole lattice vectors, and two cells; where all three do, also a random
        choice of the lattice vectors, and the reduced one of Niggli, if spglib finds it.

    Source: Grosse-Kunstleve et al., Acta Cryst. A60, 1 (2004), doi 10.1107/S010876730302186X, for
    the reduction, which is spglib's.

    >>> copper = Crystal.from_fractional(3.6 * np.eye(3), np.zeros((1, 3)), np.array([29]))
    >>> [one.what for one in representations(copper, np.random.default_rng(0))][4:]
    ['periodic shift', 'supercell', 'lattice basis', 'Niggli cell']
    """
    same = np.arange(len(crystal))
    rotation = random_rotation(generator)
    vector, order = generator.uniform(-_REACH, _REACH, 3), generator.permutation(len(crystal))
    yield Representation("translation", transforms.translate(crystal, vector), same)
    yield Representation("rotation", transforms.rotate(crystal, rotation), same, rotation=rotation)
    mirrored = transforms.rotate(crystal, -rotation)
    yield Representation("reflection", mirrored, same, rotation=-rotation)
    yield Representation("permutation", transforms.permute(crystal, order), order)
    if crystal.pbc.any():
        images = generator.integers(-2, 3, size=(len(crystal), 3)) * crystal.pbc
        yield Representation("periodic shift", transforms.shift_images(crystal, images), same)
        axis = generator.choice(np.flatnonzero(crystal.pbc))
        multiples = np.where(np.arange(3) == axis, 2, 1)
        yield repeated(crystal, multiples)
    if crystal.pbc.all():
        basis = _unimodular(generator)
        yield Representation("lattice basis", transforms.change_basis(crystal, basis), same)
        reduced = reduced_basis(crystal.cell)
        if reduced is not None:
            yield Representation("Niggli cell", transforms.change_basis(crystal, reduced), same)


def by_size(shown: Sequence[Representation]) -> list[list[Representation]]:
    """Return representations in groups of as many atoms, which can be computed together."""
    groups: dict[int, list[Representation]] = {}
    for representation in shown:
        groups.setdefault(len(representation.crystal), []).append(representation)
    return list(groups.values())


def repeated(crystal: Crystal, multiples: Int[np.ndarray, "3"]) -> Representation:
    """Represent a crystal by a larger cell."""
    larger = transforms.supercell(
        crystal, (int(multiples[0]), int(multiples[1]), int(multiples[2]))
    )
    copies = int(np.prod(multiples))
    return Representation("supercell", larger, np.tile(np.arange(len(crystal)), copies), copies)


def random_rotation(generator: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    """Return a proper rotation, all of which are equally likely."""
    q, r = np.linalg.qr(generator.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)


def _unimodular(generator: np.random.Generator) -> Int[np.ndarray, "3 3"]:
    """Return new lattice vectors: the old in another order, and two of them sheared."""
    matrix = np.eye(3, dtype=np.int64)[generator.permutation(3)]
    for _ in range(2):
        row, other = generator.choice(3, size=2, replace=False)
        matrix[row] += generator.choice([-1, 1]) * matrix[other]
    return matrix
