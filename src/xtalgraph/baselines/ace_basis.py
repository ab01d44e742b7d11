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

from xtalgraph.baselines.linear_potential import Basis, Design
from xtalgraph.baselines.pair_basis import PairBasis
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.irreps import coupling

_ZERO: Final = 1e-12
"""Below it a coefficient of a coupling is none."""
_ROOM: Final = 2000
"""Functions of all elements together, of which a basis has more only if it must."""
_LIMITS: Final = range(2, 11)
"""Of the sum of n and l in products of three; that of two is larger by 2."""

Channel = tuple[int, int, int]
"""Element of the neighbours, number of the radial function, degree."""


@dataclass(frozen=True, eq=False)
class _Terms:
    """Products of three components each, and the sums of them."""

    factors: Int[np.ndarray, "3 terms"]
    sum: csr_array
    """From the products to the functions."""
    slope: csr_array
    """From the products of two factors to the slope of each function by each component."""

    @classmethod
    def of(
        cls,
        function: Int[np.ndarray, " terms"],
        factors: Int[np.ndarray, "3 terms"],
        weights: Float[np.ndarray, " terms"],
    ) -> "_Terms":
        """Prepare the sums.

        Args:
            function: To which a term belongs.
            factors: Its components.
            weights: Its factor.
        """
        count, size, width = len(weights), factors.max() + 1, function.max() + 1
        total = csr_array((weights, (function, np.arange(count))), shape=(width, count))
        places = np.concatenate([function * size + row for row in factors])
        entries = np.tile(weights, 3), (places, np.arange(3 * count))
        return cls(factors, total, csr_array(entries, shape=(width * size, 3 * count)))

    def evaluate(
        self, components: Float[np.ndarray, "atoms components"], width: int
    ) -> tuple[
        Float[np.ndarray, "atoms functions"], Float[np.ndarray, "atoms functions components"]
    ]:
        """Return the functions of each atom, and their slopes; the last of the components is 1."""
        first, second, third = components.T[self.factors]
        functions = (self.sum @ (first * second * third)).T
        others = np.concatenate([second * third, first * third, first * second])
        return functions, (self.slope @ others).T.reshape(len(components), width, -1)


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
            up to 12 and 10 with at most 2,000 functions of all elements.

    Source: Drautz, Phys. Rev. B 99, 014104 (2019), doi 10.1103/PhysRevB.99.014104.
    """

    name: ClassVar[str] = "linear ACE"
    expensive: ClassVar[bool] = True

    def __init__(
        self,
        elements: Sequence[int],
        cutoff: float = 5.0,
        limits: tuple[int, int] | None = None,
    ) -> None:
        self.pairs = PairBasis(elements)
        self.elements, self.cutoff = self.pairs.elements, cutoff
        self.products = _chosen(len(self.elements), limits)
        """The channels of each function."""
        self.channels = sorted({channel for product in self.products for channel in product})
        self._radial = PairBasis(elements, cutoff, 1 + max(n for _, n, _ in self.channels))
        self._harmonics = SphericalHarmonics(max(degree for *_, degree in self.channels))
        columns = [
            (z, n, degree**2 + m) for z, n, degree in self.channels for m in range(2 * degree + 1)
        ]
        self._element, self._number, self._row = np.array(columns).T

    @property
    def columns(self) -> int:
        """The number of coefficients."""
        return self.pairs.columns + len(self.products) * len(self.elements)

    @cached_property
    def _terms(self) -> "_Terms":
        """Each function as a sum of products of three components, of which one may be 1."""
        sizes = [2 * degree + 1 for *_, degree in self.channels]
        starts = dict(zip(self.channels, np.cumsum([0, *sizes]).tolist(), strict=False))
        function, factors, weights = [], [], []
        for number, product in enumerate(self.products):
            table = _coupling(*(degree for *_, degree in product))
            for component in np.argwhere(np.abs(table) > _ZERO):
                rows = [starts[c] + m for c, m in zip(product, component.tolist(), strict=True)]
                function.append(number)
                factors.append([*rows, len(self._row)] if len(rows) == 2 else rows)
                weights.append(table[tuple(component)])
        return _Terms.of(np.array(function), np.array(factors).T, np.array(weights))

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
        values, slopes = values[:, self._number], slopes[:, self._number]
        around = np.searchsorted(self.elements, crystal.numbers[kept.neighbor])
        here = (around[:, None] == self._element).astype(float)
        placed = here * of_direction[:, self._row]
        by_edge = (slopes * placed)[:, :, None] * unit[:, None]
        by_edge += (values / distance * here)[:, :, None] * turned[:, self._row]
        ones = np.ones(len(distance)), (kept.center, np.arange(len(distance)))
        total = csr_array(ones, shape=(len(crystal), len(distance))) @ (values * placed)
        return total, by_edge, np.stack([kept.center, kept.neighbor]), vector

    def design(self, crystal: Crystal) -> Design:
        """Return the functions of pairs, then the products of the atoms of each element."""
        sums, by_edge, (center, neighbor), vector = self.sums(crystal)
        size, count, width = len(crystal), len(self.elements), len(self.products)
        functions, slopes = self._terms.evaluate(np.column_stack([sums, np.ones(size)]), width)
        energy = np.zeros((count, width))
        forces = np.zeros((size, 3, count, width))
        stress = np.zeros((3, 3, count, width))
        element = np.searchsorted(self.elements, crystal.numbers).clip(max=count - 1)
        bounds = np.searchsorted(center, np.arange(size + 1))
        for atom in np.flatnonzero(np.isin(crystal.numbers, self.elements)):
            of, rows = element[atom], slice(bounds[atom], bounds[atom + 1])
            energy[of] += functions[atom]
            pull = np.einsum("kc,ecd->edk", slopes[atom, :, :-1], by_edge[rows], optimize=True)
            forces[atom, :, of] += pull.sum(axis=0)
            np.subtract.at(forces[:, :, of], neighbor[rows], pull)
            stress[:, :, of] += np.einsum("eak,eb->abk", pull, vector[rows]) / crystal.volume
        pairs = self.pairs.design(crystal)
        return Design(
            np.concatenate([pairs.energy, energy.reshape(-1)]),
            np.concatenate([pairs.forces, forces.reshape(size, 3, -1)], axis=2),
            np.concatenate([pairs.stress, stress.reshape(3, 3, -1)], axis=2),
        )


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


def _chosen(elements: int, limits: tuple[int, int] | None) -> list[tuple[Channel, ...]]:
    """Return the products within limits, or as many as there is room for."""
    if limits is not None:
        return list(_products(elements, limits))
    products: list[tuple[Channel, ...]] = []
    for limit in _LIMITS:
        more = list(_products(elements, (limit + 2, limit)))
        if products and elements * len(more) > _ROOM:
            break
        products = more
    return products


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
