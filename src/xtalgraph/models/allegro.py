"""Allegro: tensors of edges that meet those of the other edges of their center, strictly local."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, Literal, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.elements import numbers_of
from xtalgraph.conventions.ranges import Functions, Range, Width, check_ranges
from xtalgraph.conventions.tensors import Irrep
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import (
    Encoder,
    Features,
    LearnedElements,
    NeighborCount,
    Reads,
    Recommended,
)
from xtalgraph.nn.element_embedding import ElementEmbedding, ElementFeatures
from xtalgraph.nn.element_rows import ElementRows
from xtalgraph.nn.equivariant.directed_edges import DirectedEdges
from xtalgraph.nn.equivariant.edge_product import EdgeProduct
from xtalgraph.nn.equivariant.irreps import harmonic, product
from xtalgraph.nn.equivariant.radial_network import RadialNetwork
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.expansion import EnvelopeName, make_envelope

Degree = Annotated[int, Range(1, 4)]
_SCALAR: Final[Irrep] = (0, 1)
_DRAWN: Final = 1024
"""Edges by which fresh weights are scaled, so that each layer returns values of the size 1."""


@final
class TwoBody(nn.Module):
    """x_ij = F((e_i ⊕ e'_j) ⊙ W f_c(d) B(d)), F a network without biases.

    Args:
        radials: Number of functions B of the distance.
        width: Length of x.
        hidden: Width within F.
        features: What an element is known by.
        rows: The elements that have a vector.
    """

    def __init__(
        self, radials: int, width: int, hidden: int, features: ElementFeatures, rows: ElementRows
    ) -> None:
        super().__init__()
        self.of_center = ElementEmbedding(width - width // 2, features, rows)
        self.of_neighbor = ElementEmbedding(width // 2, features, rows)
        self.of_basis = nn.Linear(radials, width, bias=False)
        self.network = RadialNetwork(width, [hidden], width)

    @torch.no_grad()
    def normalize(self, basis: Float[Tensor, "rows radials"]) -> None:
        """Scale fresh weights so that x has a mean square of 1.

        Args:
            basis: f_c B of usual distances.
        """
        self.of_basis.weight /= self.of_basis(basis).square().mean().sqrt()
        radial = self.of_basis(basis)
        self.network.normalize(radial * torch.randn_like(radial))

    def forward(
        self, graph: Graph, basis: Float[Tensor, "rows radials"], around: Surroundings
    ) -> Float[Tensor, "atoms slots hidden"]:
        """Return the hidden layer of F at the slots of the edges.

        Args:
            graph: The atoms.
            basis: f_c B of each row of the surroundings.
            around: The surroundings of the atoms.
        """
        neighbor = around.at_neighbors(self.of_neighbor(graph))
        center = self.of_center(graph).unsqueeze(1).expand(*neighbor.shape[:2], -1)
        elements = torch.cat([center, neighbor], dim=-1)
        return self.network.hidden(elements * around.at_slots(self.of_basis(basis)))


@final
class Layer(nn.Module):
    """V_ij' = V_ij ⊗ Σ_k w_ik Y(r̂_ik), x_ij' = F(x_ij ⊕ V_ij'(0)), and the next w_ij beside x'.

    Args:
        inputs: Representations of V.
        degree: The highest degree of Y.
        outputs: Those of V'.
        channels: Tensors of each.
        known: Length of x, of all layers before.
        width: Length of x'.
        hidden: Width within F.
        weights: How many weights w of the next layer are made.
    """

    def __init__(
        self,
        inputs: tuple[Irrep, ...],
        degree: int,
        outputs: tuple[Irrep, ...],
        channels: int,
        known: int,
        width: int,
        hidden: int,
        weights: int,
    ) -> None:
        super().__init__()
        harmonics = tuple(harmonic(order) for order in range(degree + 1))
        self.product = EdgeProduct(inputs, harmonics, outputs, channels)
        self.network = RadialNetwork(known + channels, [hidden], width + weights)
        self.network.normalize(torch.randn(_DRAWN, known + channels))
        self.width = width

    def forward(
        self,
        scalars: Float[Tensor, "atoms slots known"],
        invariant: Float[Tensor, "atoms slots channels"],
    ) -> tuple[Float[Tensor, "atoms slots width"], Float[Tensor, "atoms slots hidden"]]:
        """Return x' and the hidden layer of F.

        Args:
            scalars: x of all layers before, side by side.
            invariant: V'(0).
        """
        hidden = self.network.hidden(torch.cat([scalars, invariant], dim=-1))
        return hidden @ self.network.weights[-1][:, : self.width], hidden

    @property
    def of_environment(self) -> Float[Tensor, "hidden weights"]:
        """The last matrix of F, for the next w."""
        return self.network.weights[-1][:, self.width :]


class Allegro(Encoder):
    """Allegro: each edge holds scalars and tensors, and sees the other edges of its center.

    There are no messages from atom to atom: what an edge holds depends on the surroundings of its
    center up to the cutoff alone, however many layers there are. In each layer its tensors are
    multiplied with the sum of the spherical harmonics of all edges of the center, weighted by what
    these hold. The scalars among the products enter a network that makes the next scalars.

    The product with an environment is a linear map of the tensors of an edge, the same for all
    edges of a center. So the tensors of a layer are those that an edge begins with, w_ij Y(r̂_ij),
    times the maps of all layers so far, and these are multiplied once for each center. Of edges
    only the scalars are computed that the networks read. Sums over edges come before the last
    matrix of the network that makes their weights.

    What is the paper's: all of that, as in the authors' code 0.8, with the factor on the sums from
    the mean number of neighbors.

    Args:
        config: Hyper-parameters.
        cutoff: Largest length of an edge, Å.

    Source: Musaelian et al., Nat. Commun. 14, 579 (2023), doi 10.1038/s41467-023-36329-y.
    """

    degrees: Tensor

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of Allegro."""

        edge_width: Annotated[int, Range(2, 4096)] = 64
        """Number of scalars of an edge that each layer makes."""
        channels: Width = 32
        """Number of tensors of each degree and parity."""
        degree: Degree = 2
        """The highest degree of tensors and spherical harmonics."""
        parity: bool = True
        """Tensors of both parities; otherwise of that of the spherical harmonics alone."""
        depth: Annotated[int, Range(1, 128)] = 2
        """Number of layers."""
        radials: Functions = 8
        """Number of Bessel functions."""
        hidden: Width = 64
        """Width of the hidden layer of the networks of an edge."""
        last: Literal["tensors", "scalars"] = "tensors"
        """What leaves the last layer: all, as tensor targets need, or what an energy needs."""
        element_features: ElementFeatures = "embedding"
        """What an atom is known by at the start."""
        elements: LearnedElements = None
        """Symbols of the elements that have a vector; null for those of the data."""
        neighbors: NeighborCount | None = None
        """The sums over neighbors are divided by its root; null for the mean number in the
        training part."""
        envelope: EnvelopeName = "polynomial"
        """Factor on the radial functions that vanishes at the cutoff."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")
            numbers_of(self.elements)

    reads = Reads(directions=True, mixtures=True)
    recommended = Recommended(readout="edges", as_potential={"last": "scalars"})
    measured = MappingProxyType({"elements": None, "neighbors": 16.0})
    returns_edges = True

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        channels, scalars, degree = config.channels, config.edge_width, config.degree
        self.width = scalars * (config.depth + 1)
        envelope = make_envelope(config.envelope, cutoff)
        self.edges = DirectedEdges(cutoff, config.radials, degree, envelope, cutoff**0.5)
        self.element_rows = rows = ElementRows(config.elements)
        known = config.element_features, rows
        self.two_body = TwoBody(config.radials, scalars, config.hidden, *known)
        self.two_body.normalize(self.edges.usual(_DRAWN))
        self.factor = self.neighbors**-0.5
        weights = (degree + 1) * channels
        # The scalars of the edge, the weights of its tensors, and those of its environment.
        self.start = nn.Linear(scalars, scalars + 2 * weights, bias=False)
        nn.init.normal_(self.start.weight, std=scalars**-0.5)
        self.tracks = tracks = _tracks(config)
        self.layers = nn.ModuleList(
            Layer(
                tracks[number],
                degree,
                tracks[number + 1],
                channels,
                scalars * (number + 1),
                scalars,
                config.hidden,
                weights if number < config.depth - 1 else 0,
            )
            for number in range(config.depth)
        )
        self.tensors = {irrep: channels for irrep in tracks[-1] if irrep != _SCALAR}
        columns = [torch.ones(2 * order + 1, 1) for order in range(degree + 1)]
        mask = torch.block_diag(*columns).unsqueeze(-1)
        self.register_buffer("degrees", mask, persistent=False)

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their edges and atoms.

        Args:
            graph: A `CrystalGraph`.

        Raises:
            GraphError: If the graph has no directions, or an element that the model does not know.
        """
        graph = self.in_space(graph)
        basis, around = self.edges(graph, self.start.weight.dtype)
        width, weights = self.config.edge_width, (self.config.degree + 1) * self.config.channels
        hidden = self.two_body(graph, basis, around)
        start = self.two_body.network.weights[-1] @ self.start.weight.mT
        of_scalars, of_tensors, of_environment = start.split([width, weights, weights], dim=1)
        scalars, of_edge = hidden @ of_scalars, hidden @ of_tensors
        sums = self._summed(hidden, of_tensors, around) if self.tensors else None
        maps: list[Tensor] = []
        for layer in cast(Iterable[Layer], self.layers):
            maps.append(layer.product(self._summed(hidden, of_environment, around)))
            new, hidden = layer(scalars, self._invariant(of_edge, maps, around))
            scalars, of_environment = torch.cat([scalars, new], dim=-1), layer.of_environment
        tensors = {} if sums is None else self._tensors(sums, maps)
        atoms = self.factor * scalars.sum(dim=1)
        return Features(atoms, tensor=tensors, edge=around.of_edges(scalars))

    def _summed(
        self,
        hidden: Float[Tensor, "atoms slots hidden"],
        last: Float[Tensor, "hidden weights"],
        around: Surroundings,
    ) -> Float[Tensor, "atoms harmonics channels"]:
        """Return Σ_k w_ik Y(r̂_ik) with the weights w = h W, as (Σ_k h_ik Y(r̂_ik)) W."""
        totals = (around.harmonics @ hidden @ last).unflatten(-1, (len(self.degrees[0]), -1))
        return self.factor * (totals * self.degrees.to(totals.dtype)).sum(dim=2)

    def _invariant(
        self,
        weights: Float[Tensor, "atoms slots weights"],
        maps: list[Tensor],
        around: Surroundings,
    ) -> Float[Tensor, "atoms slots channels"]:
        """Return the scalars among w Y(r̂_ij) M_1 M_2 and so on, from the last map to the first."""
        *before, last = maps
        column = last[..., :1]
        for matrix in reversed(before):
            column = matrix @ column
        of_atom = column.squeeze(-1).permute(1, 2, 0).unsqueeze(2)
        apart = of_atom * self.degrees.to(of_atom.dtype)
        products = weights * (around.harmonics.mT @ apart.flatten(2))
        return products.unflatten(-1, apart.shape[2:]).sum(dim=2)

    def _tensors(
        self, sums: Float[Tensor, "atoms harmonics channels"], maps: list[Tensor]
    ) -> dict[Irrep, Float[Tensor, "atoms _ channels"]]:
        """Return Σ_j V_ij of the last layer, as (Σ_j w_ij Y(r̂_ij)) M_1 M_2 and so on."""
        row = sums.permute(2, 0, 1).unsqueeze(2)
        for matrix in maps:
            row = row @ matrix
        sizes = [2 * degree + 1 for degree, _ in self.tracks[-1]]
        parts = row.squeeze(2).permute(1, 2, 0).split(sizes, dim=1)
        pairs = zip(self.tracks[-1], parts, strict=True)
        return {irrep: part for irrep, part in pairs if irrep in self.tensors}


def _tracks(config: Allegro.Config) -> list[tuple[Irrep, ...]]:
    """Return the representations of V before each layer and after the last.

    Those that no product leads to are left out, and those from which nothing is reached that is
    returned in the end.
    """
    harmonics = tuple(harmonic(order) for order in range(config.degree + 1))
    allowed = tuple(
        (degree, parity)
        for degree in range(config.degree + 1)
        for parity in (1, -1)
        if config.parity or (degree, parity) in harmonics
    )
    tracks = [harmonics]
    for number in range(config.depth):
        ends = number == config.depth - 1 and config.last == "scalars"
        wanted = (_SCALAR,) if ends else allowed
        tracks.append(tuple(irrep for irrep in wanted if _leads(tracks[-1], harmonics, (irrep,))))
    for number in reversed(range(config.depth)):
        following = tracks[number + 1]
        tracks[number] = tuple(
            irrep for irrep in tracks[number] if _leads((irrep,), harmonics, following)
        )
    return tracks


def _leads(
    starts: tuple[Irrep, ...], harmonics: tuple[Irrep, ...], ends: tuple[Irrep, ...]
) -> bool:
    return any(end in product(a, b) for a in starts for b in harmonics for end in ends)
