"""Allegro: tensors of edges that meet those of the other edges of their center, strictly local."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final, Literal, final

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
    ) -> Float[Tensor, "atoms slots width"]:
        """Return x at the slots of the edges.

        Args:
            graph: The atoms.
            basis: f_c B of each row of the surroundings.
            around: The surroundings of the atoms.
        """
        neighbor = around.at_neighbors(self.of_neighbor(graph))
        center = self.of_center(graph).unsqueeze(1).expand(*neighbor.shape[:2], -1)
        elements = torch.cat([center, neighbor], dim=-1)
        return self.network(elements * around.at_slots(self.of_basis(basis)))


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

    def forward(
        self,
        scalars: Float[Tensor, "atoms slots known"],
        tensors: Float[Tensor, "channels atoms slots inputs"],
        environment: Float[Tensor, "atoms harmonics channels"],
    ) -> tuple[Float[Tensor, "atoms slots more"], Float[Tensor, "channels atoms slots outputs"]]:
        """Return x' with the next weights, and V'.

        Args:
            scalars: x of all layers before, side by side.
            tensors: V.
            environment: The sum over the edges of each atom.
        """
        tensors = self.product(tensors, environment)
        invariant = tensors[..., 0].permute(1, 2, 0)
        return self.network(torch.cat([scalars, invariant], dim=-1)), tensors


class Allegro(Encoder):
    """Allegro: each edge holds scalars and tensors, and sees the other edges of its center.

    There are no messages from atom to atom: what an edge holds depends on the surroundings of its
    center up to the cutoff alone, however many layers there are. In each layer its tensors are
    multiplied with the sum of the spherical harmonics of all edges of the center, weighted by what
    these hold. The scalars among the products enter a network that makes the next scalars.

    The product with an environment is a linear map of the tensors of an edge. It is made once for
    each center and each channel, with the weights of all paths in it.

    What is the paper's: all of that, as in the authors' code 0.8, with the factor on the sums from
    the mean number of neighbors.

    Args:
        config: Hyper-parameters.
        cutoff: Largest length of an edge, Å.

    Source: Musaelian et al., Nat. Commun. 14, 579 (2023), doi 10.1038/s41467-023-36329-y.
    """

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
        orders = [order for order in range(degree + 1) for _ in range(2 * order + 1)]
        self.register_buffer("order_of_component", torch.tensor(orders), persistent=False)

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their edges and atoms.

        Args:
            graph: A `CrystalGraph`.

        Raises:
            GraphError: If the graph has no directions, or an element that the model does not know.
        """
        graph = self.in_space(graph)
        basis, around = self.edges(graph, self.start.weight.dtype)
        start = self.start(self.two_body(graph, basis, around))
        weights = (self.config.degree + 1) * self.config.channels
        scalars, of_edge, of_environment = start.split(
            [self.config.edge_width, weights, weights], dim=-1
        )
        tensors = self._weighted(of_edge, around)
        for layer in self.layers:
            environment = self._environment(of_environment, around)
            more, tensors = layer(scalars, tensors, environment)
            new, of_environment = more.tensor_split([self.config.edge_width], dim=-1)
            scalars = torch.cat([scalars, new], dim=-1)
        return self._features(scalars, tensors, around)

    def _weighted(
        self, weights: Float[Tensor, "atoms slots weights"], around: Surroundings
    ) -> Float[Tensor, "channels atoms slots harmonics"]:
        """Return w Y, a weight for each degree and channel."""
        by_degree = weights.unflatten(-1, (self.config.degree + 1, -1)).permute(3, 0, 1, 2)
        return by_degree.index_select(-1, self.order_of_component) * around.harmonics.mT

    def _environment(
        self, weights: Float[Tensor, "atoms slots weights"], around: Surroundings
    ) -> Float[Tensor, "atoms harmonics channels"]:
        """Return Σ_k w_ik Y(r̂_ik)."""
        orders = self.config.degree + 1
        parts = zip(
            around.harmonics.split([2 * order + 1 for order in range(orders)], dim=1),
            weights.chunk(orders, dim=-1),
            strict=True,
        )
        return self.factor * torch.cat([harmonics @ weight for harmonics, weight in parts], dim=1)

    def _features(
        self,
        scalars: Float[Tensor, "atoms slots width"],
        tensors: Float[Tensor, "channels atoms slots components"],
        around: Surroundings,
    ) -> Features:
        """Return what edges hold, and the sums of it over the edges of each atom."""
        edge = scalars.flatten(0, 1).index_select(0, around.neighborhoods.slot)
        sums = self.factor * tensors.sum(dim=2).permute(1, 2, 0)
        sizes = [2 * degree + 1 for degree, _ in self.tracks[-1]]
        parts = zip(self.tracks[-1], sums.split(sizes, dim=1), strict=True)
        turning = {irrep: part for irrep, part in parts if irrep in self.tensors}
        return Features(self.factor * scalars.sum(dim=1), tensor=turning, edge=edge)


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
