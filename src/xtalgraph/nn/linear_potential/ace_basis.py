"""Products of sums over neighbours, coupled to invariants, as a linear potential."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import ClassVar, Final, final

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_array

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.irreps import coupling
from xtalgraph.nn.linear_potential.basis import Basis, Design
from xtalgraph.nn.linear_potential.pair_basis import PairBasis

_ZERO: Final = 1e-12
"""Below it a coefficient of a coupling is none."""
_ROOM: Final = 2000
"""Functions of all elements together, of which a basis has more only if it must."""
_LIMIT: Final = 10
"""The largest sum of n and l in products of three; that of two is larger by 2."""

Channel = tuple[int, int, int]
"""Element of the neighbours, number of the radial function, degree."""


@dataclass(frozen=True, eq=False)
class ProductTerms:
    """Products of three components each, and the sums of them."""

    factors: Int[np.ndarray, "3 terms"]
    """The components; one after the last is 1."""
    sum: csr_array
    """From the products to the functions."""
    slope: csr_array
    """From the products of two factors to the slopes that are not always 0."""
    pattern: csr_array
    """Where these stand in a matrix of functions and components."""

    @classmethod
    def of(
        cls,
        function: Int[np.ndarray, " terms"],
        factors: Int[np.ndarray, "3 terms"],
        weights: Float[np.ndarray, " terms"],
    ) -> "ProductTerms":
        """Prepare the sums.

        Args:
            function: To which a term belongs.
            factors: Its components.
            weights: Its factor.
        """
        count, size, width = len(weights), factors.max() + 1, function.max() + 1
        total = csr_array((weights, (function, np.arange(count))), shape=(width, count))
        every = np.concatenate([function * size + row for row in factors])
        known = every % size < size - 1  # the last component is 1
        kept, slope_of = np.unique(every[known], return_inverse=True)
        rows, columns = np.divmod(kept, size)
        entries = np.tile(weights, 3)[known], (slope_of, np.arange(3 * count)[known])
        slope = csr_array(entries, shape=(len(kept), 3 * count))
        ends = np.searchsorted(rows, np.arange(width + 1))
        pattern = csr_array((np.ones(len(kept)), columns, ends), shape=(width, size - 1))
        return cls(factors, total, slope, pattern)

    def evaluate(
        self, components: Float[np.ndarray, "atoms components"]
    ) -> tuple[Float[np.ndarray, "atoms functions"], Float[np.ndarray, "atoms slopes"]]:
        """Return the functions of each atom, and their slopes; the last of the components is 1."""
        first, second, third = components.T[self.factors]
        others = np.concatenate([second * third, first * third, first * second])
        return (self.sum @ (first * second * third)).T, (self.slope @ others).T

    def matrix(self, slopes: Float[np.ndarray, " slopes"]) -> csr_array:
        """Return the slopes of an atom as a matrix of functions and components."""
        held = self.pattern
        return csr_array((slopes, held.indices, held.indptr), shape=held.shape)


@final
class AceBasis(Basis):
    """The atomic cluster expansion to four bodies, beside the pairs of `PairBasis`.

    A_znlm = Σ_j R_n(d_ij) Y_lm(r̂_ij) over the neighbours j of element z. The functions of an atom
    are the products of two and of three of these that do not turn with the crystal: Σ_m A A with
    equal l, and Σ C A A A with the coupling C of three degrees whose sum is even. They are added up
    over the atoms of each element. Of the products those are taken whose n and l, from 0, add up to
    no more than a limit. R_n are those of `PairBasis`.

    Args:
        elements: Atomic numbers that may occur.
        cutoff: Radius of the neighbourhood, Å.
        limits: The largest sum of n and l in products of two, and of three. None for the largest
            up to 12 and 10 with at most 2,000 functions of all elements, see `limits_within`.
        pair_cutoff: Of the functions of pairs, Å.

    Source: Drautz, Phys. Rev. B 99, 014104 (2019), doi 10.1103/PhysRevB.99.014104.
    """

    name: ClassVar[str] = "linear ACE"
    expensive: ClassVar[bool] = True

    def __init__(
        self,
        elements: Sequence[int],
        cutoff: float = 5.0,
        limits: tuple[int, int] | None = None,
        pair_cutoff: float = 6.0,
    ) -> None:
        self.pairs = PairBasis(elements, pair_cutoff)
        self.elements, self.cutoff = self.pairs.elements, cutoff
        limits = limits or limits_within(len(self.elements), _ROOM, _LIMIT)
        self.products = list(_products(len(self.elements), limits))
        """The channels of each function."""
        self.channels = sorted({channel for product in self.products for channel in product})
        self.radials = 1 + max(n for _, n, _ in self.channels)
        """The number of radial functions."""
        self.degree = max(degree for *_, degree in self.channels)
        """The highest of the harmonics."""
        self._radial = PairBasis(elements, cutoff, self.radials)
        self._harmonics = SphericalHarmonics(self.degree)
        columns = [
            (z, n, degree**2 + m) for z, n, degree in self.channels for m in range(2 * degree + 1)
        ]
        self.components: Int[np.ndarray, "3 components"] = np.array(columns).T
        """Element of the neighbors, radial function, and row of the harmonics of each."""

    @property
    def columns(self) -> int:
        """The number of coefficients."""
        return self.pairs.columns + len(self.products) * len(self.elements)

    @cached_property
    def terms(self) -> "ProductTerms":
        """Each function as a sum of products of three components, of which one may be 1."""
        sizes = [2 * degree + 1 for *_, degree in self.channels]
        starts = dict(zip(self.channels, np.cumsum([0, *sizes]).tolist(), strict=False))
        function, factors, weights = [], [], []
        for number, product in enumerate(self.products):
            table = _coupling(*(degree for *_, degree in product))
            for component in np.argwhere(np.abs(table) > _ZERO):
                rows = [starts[c] + m for c, m in zip(product, component.tolist(), strict=True)]
                function.append(number)
                factors.append([*rows, self.components.shape[1]] if len(rows) == 2 else rows)
                weights.append(table[tuple(component)])
        return ProductTerms.of(np.array(function), np.array(factors).T, np.array(weights))

    def sums(
        self, crystal: Crystal
    ) -> tuple[
        Float[np.ndarray, "atoms components"],
        Float[np.ndarray, "edges components 3"],
        Int[np.ndarray, "2 edges"],
        Float[np.ndarray, "edges 3"],
    ]:
        """Return A of each atom, its derivative by each edge, and the edges: ends and vectors.

        Args:
            crystal: Neighbours of other elements than those of the basis are left out.
        """
        edges = neighbors_within(crystal, self.cutoff)
        known = np.isin(crystal.numbers, self.elements)
        kept = edges.select(known[edges.center] & known[edges.neighbor])
        image = kept.image @ crystal.cell
        vector = crystal.positions[kept.neighbor] + image - crystal.positions[kept.center]
        distance = kept.distance[:, None]
        unit = vector / distance
        of_direction = self._harmonics(torch.from_numpy(unit)).numpy()
        degree = np.sqrt(np.arange(of_direction.shape[1])).astype(int)
        of_space = np.einsum("cdb,eb->ecd", self._harmonics.slopes.numpy(), of_direction)
        turned = of_space - (degree * of_direction)[:, :, None] * unit[:, None]
        values, slopes = self._radial.radial(kept.distance)
        element, number, row = self.components
        values, slopes = values[:, number], slopes[:, number]
        around = np.searchsorted(self.elements, crystal.numbers[kept.neighbor])
        here = (around[:, None] == element).astype(float)
        placed = here * of_direction[:, row]
        by_edge = (slopes * placed)[:, :, None] * unit[:, None]
        by_edge += (values / distance * here)[:, :, None] * turned[:, row]
        ones = np.ones(len(distance)), (kept.center, np.arange(len(distance)))
        total = csr_array(ones, shape=(len(crystal), len(distance))) @ (values * placed)
        return total, by_edge, np.stack([kept.center, kept.neighbor]), vector

    def design(self, crystal: Crystal) -> Design:
        """Return the functions of pairs, then the products of the atoms of each element."""
        sums, by_edge, (center, neighbor), vector = self.sums(crystal)
        size, count, width = len(crystal), len(self.elements), len(self.products)
        functions, slopes = self.terms.evaluate(np.column_stack([sums, np.ones(size)]))
        energy = np.zeros((count, width))
        forces = np.zeros((count, size, 3, width))
        stress = np.zeros((count, width, 9))
        element = np.searchsorted(self.elements, crystal.numbers).clip(max=count - 1)
        bounds = np.searchsorted(center, np.arange(size + 1))
        for atom in np.flatnonzero(np.isin(crystal.numbers, self.elements)):
            of, rows = element[atom], slice(bounds[atom], bounds[atom + 1])
            energy[of] += functions[atom]
            others, column = np.unique(np.append(neighbor[rows], atom), return_inverse=True)
            moved = _moved(by_edge[rows], vector[rows], column, len(others))
            pull = self.terms.matrix(slopes[atom]) @ moved
            forces[of][others] -= pull[:, :-9].T.reshape(len(others), 3, width)
            stress[of] += pull[:, -9:]
        pairs = self.pairs.design(crystal)
        by_atom = forces.transpose(1, 2, 0, 3).reshape(size, 3, -1)
        by_axes = stress.reshape(-1, 3, 3).transpose(1, 2, 0) / crystal.volume
        return Design(
            np.concatenate([pairs.energy, energy.reshape(-1)]),
            np.concatenate([pairs.forces, by_atom], axis=2),
            np.concatenate([pairs.stress, by_axes], axis=2),
        )


def _moved(
    by_edge: Float[np.ndarray, "edges components 3"],
    vector: Float[np.ndarray, "edges 3"],
    column: Int[np.ndarray, " ends"],
    atoms: int,
) -> Float[np.ndarray, "components columns"]:
    """Return how the components of an atom change as atoms move, and with the strain.

    Args:
        by_edge: Their derivatives by its edges.
        vector: The edges.
        column: That of the neighbor at each edge, and last that of the atom.
        atoms: How many columns.
    """
    moved = np.zeros((atoms, by_edge.shape[1], 3))
    np.add.at(moved, column[:-1], by_edge)
    moved[column[-1]] -= by_edge.sum(axis=0)
    strained = np.tensordot(by_edge, vector, axes=(0, 0))
    columns = moved.transpose(1, 0, 2).reshape(by_edge.shape[1], -1)
    return np.concatenate([columns, strained.reshape(len(columns), 9)], axis=1)


def number_of_products(elements: int, limits: tuple[int, int], most: int) -> int:
    """Return how many products there are of sums of so many elements, or that there are too many.

    Args:
        elements: How many.
        limits: The largest sum of n and l in products of two, and of three.
        most: Beyond it nothing is counted.

    >>> number_of_products(1, (8, 6), most=1000), number_of_products(90, (8, 6), most=1000)
    (117, 1000)
    """
    return sum(1 for _ in islice(_products(elements, limits), most))


def limits_within(elements: int, most: int, largest: int) -> tuple[int, int]:
    """Return the limits of the largest basis with so few functions; (4, 2) if none is so small.

    Args:
        elements: How many there are.
        most: Products of the atoms of all elements together.
        largest: The sum of n and l in products of three, up to which is looked.

    >>> limits_within(1, most=1000, largest=20), limits_within(3, most=1000, largest=20)
    ((14, 12), (4, 2))
    """
    limits = 4, 2
    for limit in range(3, largest + 1):
        more = limit + 2, limit
        if elements * number_of_products(elements, more, most=most + 1) > most:
            break
        limits = more
    return limits


def _products(elements: int, limits: tuple[int, int]) -> Iterator[tuple[Channel, ...]]:
    """Yield the channels of each product of two and of three that can be invariant."""
    for order, limit in zip((2, 3), limits, strict=True):
        channels = [
            (z, total - degree, degree)
            for total in range(limit + 1)
            for degree in range(total + 1)
            for z in range(elements)
        ]
        for product in _extended((), channels, order, limit):
            degrees = [degree for *_, degree in product]
            if 2 * max(degrees) <= sum(degrees) and sum(degrees) % 2 == 0:
                yield product


def _extended(
    begun: tuple[Channel, ...], channels: Sequence[Channel], missing: int, limit: int
) -> Iterator[tuple[Channel, ...]]:
    """Yield the products that begin so, their channels in the order of the list."""
    if not missing:
        yield begun
        return
    for number, (z, n, degree) in enumerate(channels):
        if (n + degree) * missing > limit:  # and so are those that follow
            return
        rest = limit - n - degree
        yield from _extended((*begun, (z, n, degree)), channels[number:], missing - 1, rest)


def _coupling(*degrees: int) -> Float[np.ndarray, "..."]:
    """Return how two or three tensors make an invariant: the one way that there is."""
    if len(degrees) == 2:
        return np.eye(2 * degrees[0] + 1)
    table: Float[np.ndarray, "..."] = coupling(*degrees).numpy()
    return table
