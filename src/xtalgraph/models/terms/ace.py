"""A linear cluster expansion, fitted in closed form before the network is trained."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Final, final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER, numbers_of
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Range, check_ranges
from xtalgraph.conventions.settings import nearest
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.neighborhoods import arrange
from xtalgraph.models.encoder import Features
from xtalgraph.models.terms.energy_term import EnergyTerm
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.linear_potential.ace_basis import AceBasis, limits_within
from xtalgraph.nn.linear_potential.moments import (
    FOLDS,
    Moments,
    factor_of,
    reference_energies,
    rows_of,
    solution_of_folds,
)
from xtalgraph.nn.linear_potential.pair_basis import chebyshev_functions

_LARGEST: Final = 20
"""Sum of n and l in products of three, up to which a basis may go."""
_ATOMS: Final = 256
"""Whose products are computed at a time."""
_SECONDS: Final = 20.0
"""Between messages of how far a fit has come."""
_ROLES: Final = "energy", "forces", "stress"


@final
class ACE(EnergyTerm):
    r"""E = Σ_i Σ_k c_k(Z_i) B_k, products of up to three sums over the neighbors, to four bodies.

    The functions are those of `AceBasis`, and pairs, up to the cutoff of the graph. Their
    coefficients are fitted to energies, forces and stresses of the training part by least squares,
    before the network is trained, which then learns what they leave. The ridge is chosen by five
    folds of the crystals. What other terms without weights give is subtracted before. Atoms of
    other elements than those of the basis have no such energy, and are no neighbors.

    Source: Drautz, Phys. Rev. B 99, 014104 (2019), doi 10.1103/PhysRevB.99.014104. A network on top
    of a simpler potential: Ramakrishnan et al., J. Chem. Theory Comput. 11, 2087 (2015), doi
    10.1021/acs.jctc.5b00099 (Δ-learning).
    """

    @dataclass(frozen=True)
    class Config:
        """Settings of the cluster expansion."""

        elements: list[str] | None = None
        """Symbols of the elements that have functions; null takes those of the data."""
        functions: Annotated[int, Range(1, 5000)] = 1000
        """The largest number of products; a basis is as large as it may be with so many."""
        weights: dict[str, float] = field(
            default_factory=lambda: {"energy": 3.0, "forces": 1.0, "stress": 0.1}
        )
        """Of the squared errors in the fit, each in units of what the energies of the elements
        leave; 1 of others."""

        def __post_init__(self) -> None:
            check_ranges(self, "model.terms.ace")
            for name, weight in self.weights.items():
                if name not in _ROLES:
                    raise ConfigError(
                        f"model.terms.ace.weights has one of {name!r}{nearest(name, _ROLES)}"
                    )
                if not 0 <= weight < float("inf"):
                    raise ConfigError(
                        f"model.terms.ace.weights.{name} must be at least 0, got {weight:g}"
                    )

    is_fitted = True
    of_data = ("elements",)
    of_pairs: Tensor
    of_products: Tensor
    row: Tensor

    def __init__(self, config: Config, width: int, cutoff: float) -> None:
        super().__init__(config, width, cutoff)
        self.numbers = tuple(sorted(numbers_of(config.elements))) if config.elements else ()
        count = len(self.numbers)
        if count:
            limits = limits_within(count, config.functions, _LARGEST)
            self.basis = AceBasis(self.numbers, cutoff, limits, pair_cutoff=cutoff)
            pairs, products = self.basis.pairs.functions, len(self.basis.products)
        else:
            pairs = products = 0
        # Of both elements of a pair, in either order.
        empty = torch.zeros(count, count, pairs, dtype=torch.float64)
        self.register_buffer("of_pairs", empty)
        self.register_buffer("of_products", torch.zeros(count, products, dtype=torch.float64))
        row = torch.full((MAX_ATOMIC_NUMBER + 1,), -1)
        row[list(self.numbers)] = torch.arange(count)
        self.register_buffer("row", row, persistent=False)

    @property
    def is_open(self) -> bool:
        """Whether it is still to be fitted."""
        return not bool(self.of_products.any() or self.of_pairs.any())

    def fit(
        self, crystals: Sequence[Crystal], labels: Mapping[str, Float[np.ndarray, "rows ..."]]
    ) -> None:
        """Fit the coefficients.

        Args:
            crystals: The training part.
            labels: ``energy`` of each, eV; and ``forces`` of each atom, eV/Å, ``stress`` of each,
                eV/Å³, where these are learned; NaN where one is missing.

        Raises:
            ConfigError: If the elements of the basis are not known.
        """
        if not self.numbers:
            raise ConfigError(
                "model.terms.ace.elements is null, which takes them from the data of a training: "
                "name the elements"
            )
        began, basis = time.monotonic(), self.basis
        log.info("fitting the linear ACE: %d coefficients", basis.columns)
        counts = np.stack([crystal.amounts[list(self.numbers)] for crystal in crystals])
        counts = counts.astype(np.float64)
        there = counts.any(axis=0)
        offset = counts[:, there] @ reference_energies(counts[:, there], labels["energy"])
        sizes = np.array([len(crystal) for crystal in crystals])
        left = {**labels, "energy": (labels["energy"] - offset) / sizes}
        weights = self.config.weights
        factors = {name: factor_of(left[name], weights.get(name, 1.0)) for name in left}
        number = min(FOLDS, len(crystals))
        folds = [Moments.empty(len(self.numbers) + basis.columns) for _ in range(number)]
        fold_of = np.random.default_rng(0).permutation(len(crystals)) % number
        ends, told = np.cumsum(sizes), began
        for index, crystal in enumerate(crystals):
            if time.monotonic() - told > _SECONDS:
                told = time.monotonic()
                log.info("linear ACE: %d of %d crystals", index, len(crystals))
            rows = rows_of(basis.design(crystal), counts[index], crystal)
            atoms = slice(ends[index] - sizes[index], ends[index])
            for name, values in left.items():
                part = values[atoms] if name == "forces" else values[index : index + 1]
                folds[fold_of[index]].add(rows[name], part.reshape(-1), factors[name])
        fitted, ridge = solution_of_folds(folds)
        self._take(fitted[len(self.numbers) :])
        log.info("fitted in %.0f s, ridge %g", time.monotonic() - began, ridge)

    def _take(self, coefficients: Float[np.ndarray, " functions"]) -> None:
        """Take coefficients in the order of `AceBasis.design`."""
        count, values = len(self.numbers), torch.from_numpy(coefficients)
        pairs, products = values.split([self.basis.pairs.columns, self.of_products.numel()])
        first, second = torch.triu_indices(count, count)
        by_pair = pairs.reshape(len(first), -1)
        self.of_pairs[first, second] = by_pair.to(self.of_pairs)
        self.of_pairs[second, first] = by_pair.to(self.of_pairs)
        self.of_products.copy_(products.reshape(count, -1))

    def forward(self, features: Features | None, graph: CrystalGraph) -> Float[Tensor, " atoms"]:
        """Return what each atom has with its neighbors, in eV; it is once differentiable."""
        graph.expect_ordered("the term ace")
        if not self.numbers or self.is_open or not len(graph.center):
            return graph.vector.new_zeros(len(graph.number), dtype=torch.float64)
        energies: Tensor = _Energies.apply(graph.vector.double(), graph, self)
        return energies

    def of_edges(
        self,
        vector: Float[Tensor, "edges 3"],
        center: Int[Tensor, " edges"],
        number: Int[Tensor, " atoms"],
        around: Int[Tensor, " edges"],
    ) -> Float[Tensor, " atoms"]:
        """Return the energies of some atoms, as often differentiable as one likes.

        Args:
            vector: From the centers to the neighbors, sorted by center, Å.
            center: Places of the centers in ``number``.
            number: Rows of the elements of the atoms, below 0 where they have none.
            around: The same of the neighbors.
        """
        atoms, elements = len(number), len(self.numbers)
        degree = torch.bincount(center, minlength=atoms)
        places = arrange(center, around, degree, ordered=True)
        empty = vector.new_tensor([0.0, 0.0, 2 * self.cutoff]).repeat(len(places.neighbor), 1)
        vector = empty.index_copy(0, places.slot, vector)
        distance = torch.linalg.vector_norm(vector, dim=-1)
        known = places.neighbor.unsqueeze(-1) == torch.arange(elements, device=vector.device)
        radial = chebyshev_functions(distance, self.cutoff, self._radials).unsqueeze(1)
        sent = (radial * known.unsqueeze(-1)).flatten(1).unflatten(0, places.shape)
        harmonics = self._harmonics.to(vector.device)
        angular = harmonics(vector / distance.unsqueeze(-1)).unflatten(0, places.shape)
        sums = (sent.mT @ angular).unflatten(1, (elements, -1))
        total = vector.new_zeros(atoms)
        for row in range(elements):
            chosen = (number == row).nonzero().squeeze(-1)
            if len(chosen):
                energy = self._products[row].energies(sums.index_select(0, chosen))
                total = total.index_add(0, chosen, energy)
        return total

    @property
    def _radials(self) -> int:
        return max(self.basis.pairs.functions, self.basis.radials)

    @cached_property
    def _harmonics(self) -> SphericalHarmonics:
        return SphericalHarmonics(self.basis.degree)

    @property
    def _products(self) -> list["_Products"]:
        """Those of each element, made anew where the coefficients have changed."""
        held = self.of_products
        version = id(held), held._version, held.device
        if self.__dict__.get("_made", (None,))[0] != version:
            self.__dict__["_made"] = version, list(self._make_products())
        made: list[_Products] = self.__dict__["_made"][1]
        return made

    def _make_products(self) -> Iterator["_Products"]:
        terms, device = self.basis.terms, self.of_products.device
        component = torch.from_numpy(self.basis.components).to(device)
        first, second, third = terms.factors
        pair, row = np.unique(np.stack([second, third]), axis=1, return_inverse=True)
        indices = torch.from_numpy(np.stack([row.reshape(-1), first])).to(device)
        pairs = torch.from_numpy(pair).to(device)
        for of_pairs, of_products in zip(self.of_pairs, self.of_products, strict=True):
            weights = torch.from_numpy(of_products.cpu().numpy() @ terms.sum).to(device)
            shape = pairs.shape[1], component.shape[1] + 1
            matrix = torch.sparse_coo_tensor(indices, weights, shape, check_invariants=False)
            matrix = matrix.coalesce()
            yield _Products(component, pairs, matrix, of_pairs)


@dataclass(frozen=True, eq=False)
class _Products:
    """The energy of an atom of one element as a function of its sums over the neighbors."""

    component: Int[Tensor, "3 components"]
    """Element of the neighbors, radial function, and row of the harmonics."""
    pairs: Int[Tensor, "2 pairs"]
    """Of the components whose product a third is multiplied with."""
    matrix: Any
    """From the components to what each pair is multiplied with, sparse."""
    of_pairs: Float[Tensor, "elements functions"]
    """Coefficients of the functions of the distances."""

    def energies(
        self, sums: Float[Tensor, "atoms elements radials components"]
    ) -> Float[Tensor, " atoms"]:
        """Return the energies of atoms."""
        elements, radials, rows = self.component
        components = sums[:, elements, radials, rows].T
        components = torch.cat([components, torch.ones_like(components[:1])])
        first, second = (components.index_select(0, end) for end in self.pairs)
        products = (first * second * torch.sparse.mm(self.matrix, components)).sum(dim=0)
        of_distances = sums[:, :, : self.of_pairs.shape[1], 0]
        return products + 0.5 * (of_distances * self.of_pairs).sum(dim=(1, 2))


class _Energies(torch.autograd.Function):
    """Energies whose derivatives are computed with them, some atoms at a time."""

    @staticmethod
    def forward(ctx: Any, vector: Tensor, graph: CrystalGraph, term: ACE) -> Tensor:
        """Compute the energies, and their derivatives by the edges."""
        row = term.row.index_select(0, graph.number)
        center, neighbor = graph.center, graph.neighbor
        order = torch.argsort(center, stable=True)
        center, around = center[order], row[neighbor[order]]
        bounds = torch.arange(0, len(row) + _ATOMS, _ATOMS, device=center.device)
        bounds = bounds.clamp(max=len(row))
        ends = torch.searchsorted(center, bounds).tolist()
        energies, slopes = [], torch.zeros_like(vector)
        for number, begin in enumerate(bounds[:-1].tolist()):
            edges = slice(ends[number], ends[number + 1])
            atoms = slice(begin, int(bounds[number + 1]))
            with torch.enable_grad():
                part = vector[order[edges]].detach().requires_grad_()
                energy = term.of_edges(part, center[edges] - begin, row[atoms], around[edges])
                if ctx.needs_input_grad[0] and energy.requires_grad:
                    slopes[order[edges]] = torch.autograd.grad(energy.sum(), part)[0]
            energies.append(energy.detach())
        ctx.save_for_backward(slopes, graph.center)
        return torch.cat(energies)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Multiply them."""
        slopes, center = ctx.saved_tensors
        return grads[0].index_select(0, center).unsqueeze(-1) * slopes, None, None
