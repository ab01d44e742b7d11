"""Tensors: how a quantity turns with the crystal, and which of its numbers are independent."""

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import TargetError

Irrep = tuple[int, int]
"""An irreducible representation of O(3): the degree l, and the parity 1 or −1."""

INDICES: Final = "ijkl"
"""The names of the Cartesian indices, in their order."""
_ORTHOGONAL: Final = 1e-6
"""How far R Rᵀ may be from the identity in any element."""


@dataclass(frozen=True)
class TensorType:
    """How many Cartesian indices a quantity has, and what is known of them.

    A rotation R, proper or improper, turns a tensor into T'_ij... = R_ia R_jb ... T_ab..., and an
    axial one, such as a magnetic moment, into det R times that.

    Args:
        rank: The number of Cartesian indices, 0 to 4: 0 a number, 1 a vector.
        symmetry: Which permutations of the indices change nothing: ``ij=ji`` (stress, dielectric),
            ``ijk=ikj`` (piezoelectric), ``ijkl=jikl=klij`` (elastic); empty for none.
        axial: Whether it changes sign under an inversion beside what its indices make of it.
        copies: How many such tensors there are: a list of n invariants has rank 0 and n copies.
        doubled: Whether Voigt's notation counts a pair of different indices twice, as in a strain:
            compliance, and the piezoelectric strain constants d.

    Raises:
        TargetError: If the rank or the number of copies is out of range, or the symmetry does not
            permute the indices.

    >>> elastic = TensorType(4, "ijkl=jikl=klij")
    >>> elastic.shape, elastic.num_components, elastic.irreps
    ((3, 3, 3, 3), 21, ((0, 1), (0, 1), (2, 1), (2, 1), (4, 1)))
    """

    rank: int = 0
    symmetry: str = ""
    axial: bool = False
    copies: int = 1
    doubled: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.rank <= len(INDICES):
            raise TargetError(f"a tensor must have rank 0 to {len(INDICES)}, got {self.rank}")
        if self.copies < 1:
            raise TargetError(f"there must be at least 1 copy of a tensor, got {self.copies}")
        indices = INDICES[: self.rank]
        words = self.symmetry.split("=") if self.symmetry else []
        if words and (words[0] != indices or any(sorted(word) != [*indices] for word in words)):
            raise TargetError(
                f"the symmetry of a tensor of rank {self.rank} permutes the indices {indices!r}, "
                f"as in {indices}={indices[::-1]}, got {self.symmetry!r}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one value: the copies, where there are several, then 3 for each index."""
        return ((self.copies,) if self.copies > 1 else ()) + (3,) * self.rank

    @property
    def num_components(self) -> int:
        """How many numbers of a value are independent, those of all copies."""
        return self.copies * len(_basis(self.rank, self.symmetry))

    @property
    def is_scalar(self) -> bool:
        """Whether a value is one number that no rotation changes."""
        return self == SCALAR

    @property
    def is_matrix(self) -> bool:
        """Whether it is a symmetric matrix, which has eigenvalues: dielectric, a stress."""
        return self.rank == 2 and bool(self.symmetry)

    @property
    def is_stiffness(self) -> bool:
        """Whether it is one of rank 4 with elastic symmetry, which has moduli."""
        return self.rank == 4 and bool(self.symmetry) and not self.doubled

    @property
    def irreps(self) -> tuple[Irrep, ...]:
        """The irreducible representations of O(3) that it holds: degree and parity, ascending.

        A copy has as many of degree l as it has independent components that turn by the angle
        l φ about an axis, less those that turn by (l + 1) φ.
        """
        parity = (-1) ** self.rank * (-1 if self.axial else 1)
        # Spherical components are permuted as Cartesian ones are, and their turns add up.
        orbits = _orbits((-1, 0, 1), self.rank, self.symmetry)
        turns = Counter(sum(orbit[0]) for orbit in orbits)
        degrees = [
            degree
            for degree in range(self.rank + 1)
            for _ in range(self.copies * (turns[degree] - turns[degree + 1]))
        ]
        return tuple((degree, parity) for degree in degrees)

    def rotate(
        self, values: Float[np.ndarray, "*rows_shape"], rotation: Float[np.ndarray, "3 3"]
    ) -> Float[np.ndarray, "*rows_shape"]:
        """Return the values of a crystal that has been rotated.

        Args:
            values: Any number of leading dimensions, then `shape`.
            rotation: An orthogonal matrix, proper or improper, that takes a column vector v to R v.

        Raises:
            TargetError: If the values have another shape, or the matrix is not orthogonal.

        >>> inversion = -np.eye(3)
        >>> TensorType(1).rotate(np.array([1.0, 2.0, 3.0]), inversion)
        array([-1., -2., -3.])
        >>> TensorType(1, axial=True).rotate(np.array([1.0, 2.0, 3.0]), inversion)
        array([1., 2., 3.])
        """
        self._check_shape(values)
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > _ORTHOGONAL:
            raise TargetError(f"a rotation must be an orthogonal matrix, got {rotation.tolist()}")
        rotated = values
        for index in range(-self.rank, 0):
            rotated = np.moveaxis(np.moveaxis(rotated, index, -1) @ rotation.T, -1, index)
        return rotated * np.sign(np.linalg.det(rotation)) if self.axial else rotated

    def to_components(
        self, values: Float[np.ndarray, "*rows_shape"]
    ) -> Float[np.ndarray, "*rows_components"]:
        """Return the independent components in an orthonormal basis.

        Their norm is the Frobenius norm of the tensor: an element that stands in n places has the
        factor √n. What contradicts the declared symmetry is averaged away.

        Args:
            values: Any number of leading dimensions, then `shape`.

        Returns:
            The leading dimensions, then `num_components`.

        Raises:
            TargetError: If the values have another shape.
        """
        self._check_shape(values)
        rows = values.shape[: values.ndim - len(self.shape)]
        flat = values.reshape(*rows, self.copies, 3**self.rank)
        components: np.ndarray = flat @ _basis(self.rank, self.symmetry).T
        return components.reshape(*rows, self.num_components)

    def from_components(
        self, components: Float[np.ndarray, "*rows_components"]
    ) -> Float[np.ndarray, "*rows_shape"]:
        """Return the tensors of what `to_components` gave; a `TargetError` at another length."""
        if components.ndim < 1 or components.shape[-1] != self.num_components:
            raise TargetError(
                f"there must be {self.num_components} components in the last dimension, got shape "
                f"{components.shape}"
            )
        basis, rows = _basis(self.rank, self.symmetry), components.shape[:-1]
        values: np.ndarray = components.reshape(*rows, self.copies, len(basis)) @ basis
        return values.reshape(*rows, *self.shape)

    @property
    def isotropic(self) -> Float[np.ndarray, "isotropic components"]:
        """An orthonormal basis, in components, of the tensors that no rotation changes.

        >>> TensorType(1).isotropic.shape, TensorType(2, "ij=ji").isotropic.shape
        ((0, 3), (1, 6))
        """
        cos, sin = np.cos(1.0), np.sin(1.0)
        turns = (
            np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]),
            np.array([[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]]),
            -np.eye(3),
        )
        unit = np.eye(self.num_components)
        changes = [
            self.to_components(self.rotate(self.from_components(unit), turn)) - unit
            for turn in turns
        ]
        _, sizes, vectors = np.linalg.svd(np.concatenate(changes, axis=1).T)
        return vectors[sizes < _ORTHOGONAL]

    def isotropic_part(
        self, values: Float[np.ndarray, "*rows_shape"]
    ) -> Float[np.ndarray, "*rows_shape"]:
        """Return the nearest tensors that no rotation changes: of a matrix a third of its trace.

        A `TargetError` if the values have another shape.
        """
        basis = self.isotropic
        return self.from_components(self.to_components(values) @ basis.T @ basis)

    def _check_shape(self, values: np.ndarray) -> None:
        if values.shape[values.ndim - len(self.shape) :] != self.shape:
            raise TargetError(
                f"values of this tensor must end in shape {self.shape}, got {values.shape}"
            )


SCALAR: Final = TensorType()
"""One number that no rotation changes."""


@cache
def _basis(rank: int, symmetry: str) -> Float[np.ndarray, "components elements"]:
    """Return the orthonormal basis of the tensors that have a symmetry, one vector a row."""
    orbits = _orbits((0, 1, 2), rank, symmetry)
    basis = np.zeros((len(orbits), 3**rank))
    for row, orbit in enumerate(orbits):
        elements = [sum(index * 3**n for n, index in enumerate(indices[::-1])) for indices in orbit]
        basis[row, elements] = len(orbit) ** -0.5
    basis.setflags(write=False)
    return basis


def _orbits(
    values: tuple[int, int, int], rank: int, symmetry: str
) -> list[tuple[tuple[int, ...], ...]]:
    """Return the tuples of index values that a symmetry makes equal, group by group."""
    words = symmetry.split("=") if symmetry else []
    permutations = [tuple(map(INDICES.index, word)) for word in words]
    orbits: list[tuple[tuple[int, ...], ...]] = []
    known = set[tuple[int, ...]]()
    for start in product(values, repeat=rank):
        if start in known:
            continue
        orbit, frontier = {start}, [start]
        while frontier:
            here = frontier.pop()
            reached = {tuple(here[n] for n in order) for order in permutations} - orbit
            orbit |= reached
            frontier += reached
        known |= orbit
        orbits.append(tuple(sorted(orbit)))
    return orbits
