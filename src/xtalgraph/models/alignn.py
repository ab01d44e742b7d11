"""ALIGNN: gated convolutions on the graph of atoms and on its line graph, that of the edges."""

from dataclasses import dataclass
from typing import Annotated, Final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.conditional import OnlyIf
from xtalgraph.conventions.ranges import Cutoff, Depth, Functions, Step, Width, check_ranges
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import AngleNeighbors, Encoder, Features, Reads, angles_from
from xtalgraph.nn.angular import GaussianAngles
from xtalgraph.nn.depth import ConnectionName, Connections
from xtalgraph.nn.element_embedding import ElementEmbedding, ElementFeatures
from xtalgraph.nn.expansion import (
    EdgeExpansion,
    EnvelopeName,
    Expansion,
    TripletExpansion,
    make_envelope,
)
from xtalgraph.nn.norm import WeightedBatchNorm
from xtalgraph.nn.radial import GaussianBasis
from xtalgraph.nn.segments import gather, segment_sum

WITH_ANGLES: Final = (
    OnlyIf("alignn_layers", lambda layers: layers > 0),
    OnlyIf("angle_neighbors", lambda neighbors: neighbors != 0),
)
"""Of settings that only layers on the line graph read."""


class Dense(nn.Module):
    """silu(Norm(W x)), with a bias that the normalisation has."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, width, bias=False)
        self.norm = WeightedBatchNorm(width)

    def forward(
        self, values: Float[Tensor, "rows size"], count: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows width"]:
        """Return the rows; ``count`` is how often each counts in the statistics."""
        return functional.silu(self.norm(self.linear(values), count))


@dataclass(frozen=True, eq=False)
class Pairs:
    """Which rows pass messages to which: along edges of atoms, or along triplets of edges."""

    receiver: Int[Tensor, " pairs"]
    """The row that receives."""
    sender: Int[Tensor, " pairs"]
    """The row that sends."""
    envelope: Float[Tensor, "pairs 1"]
    """f, the factor on the message."""
    weight: Float[Tensor, "pairs 1"]
    """n f, how much a message counts among those that its receiver gets."""
    count: Int[Tensor, " pairs"]
    """How many pairs of the crystal each stands for."""


def bonds_of(graph: Graph, edges: Expansion) -> Pairs:
    """Return the pairs of the graph of atoms, along its edges."""
    count = graph.edge_multiplicity * graph.atom_multiplicity.index_select(0, graph.center)
    envelope = edges.envelope.unsqueeze(-1)
    return Pairs(graph.center, graph.neighbor, envelope, edges.weight, count)


def lines_of(graph: Graph, triplets: Expansion, edge_count: Int[Tensor, " edges"]) -> Pairs:
    """Return the pairs of the line graph, along the triplets of a graph.

    Args:
        graph: Whose edges they are.
        triplets: Its triplets.
        edge_count: How many edges of the crystal each edge stands for.
    """
    receiver, sender = graph.receiving_edge, graph.sending_edge
    count = graph.triplet_multiplicity * edge_count.index_select(0, receiver)
    return Pairs(receiver, sender, triplets.envelope.unsqueeze(-1), triplets.weight, count)


_EPSILON: Final = 1e-6
"""ε of `EdgeGatedConvolution`."""


class EdgeGatedConvolution(nn.Module):
    """One edge-gated graph convolution, without the skip at the rows.

    m_ij = A x_i + B x_j + C y_ij, ê_ij = n f σ(m_ij) / (Σ_k n f σ(m_ik) + ε); a row receives
    silu(Norm(W x_i + Σ_j ê_ij f V x_j)), and y_ij' = y_ij + silu(Norm(m_ij)). At f = n = 1 this
    is the layer of the paper, with its gate σ(m_ij) as the authors' code has it. All maps of rows
    are applied before anything is gathered for each pair.

    Args:
        width: Length of the vectors of rows and of pairs.
        keeps_pairs: Whether anything reads the pairs afterwards; else y' is not computed.
    """

    def __init__(self, width: int, keeps_pairs: bool) -> None:
        super().__init__()
        self.gate_of_receiver = nn.Linear(width, width)
        self.of_sender = nn.Linear(width, 2 * width, bias=False)
        self.gate_of_pair = nn.Linear(width, width, bias=False)
        self.own = nn.Linear(width, width, bias=False)
        self.norm = WeightedBatchNorm(width)
        self.pair_norm = WeightedBatchNorm(width) if keeps_pairs else None

    def forward(
        self,
        row: Float[Tensor, "rows width"],
        pair: Float[Tensor, "pairs width"],
        pairs: Pairs,
        count: Int[Tensor, " rows"],
    ) -> tuple[Float[Tensor, "rows width"], Float[Tensor, "pairs width"]]:
        """Return what the rows receive, and the new pairs.

        Args:
            row: x.
            pair: y.
            pairs: Which rows they join.
            count: How many rows of the crystal each row stands for.
        """
        gate, sent = gather(self.of_sender(row), pairs.sender).chunk(2, dim=-1)
        gate = gate + gather(self.gate_of_receiver(row), pairs.receiver)
        gate = torch.addmm(gate, pair, self.gate_of_pair.weight.T)
        share = torch.sigmoid(gate) * pairs.weight
        total = segment_sum(share * sent * pairs.envelope, pairs.receiver, len(row))
        mean = total / (segment_sum(share, pairs.receiver, len(row)) + _EPSILON)
        update = functional.silu(self.norm(self.own(row) + mean, count))
        if self.pair_norm is None:
            return update, pair
        return update, pair + functional.silu(self.pair_norm(gate, pairs.count))


class ALIGNN(Encoder):
    """Atomistic line graph neural network.

    Atoms start from the features of their element, edges from Gaussians of their length, triplets
    from Gaussians of the cosine of their angle, each through dense layers. Each of the
    `alignn_layers` is a convolution on the line graph, whose rows are edges and whose pairs are
    triplets, and then one on the graph of atoms, which reads the edges that the first has made;
    each of the `gcn_layers` is one on the graph of atoms.

    The paper's size is ``width=256, alignn_layers=4, gcn_layers=4``. Beyond it, messages and their
    normalisers carry an envelope (``envelope="none"`` for the paper's hard cut), the line graph
    joins no edge to its own reverse, and the graph is taken as the strategy has built it, whereas
    the authors add the reverse of every edge of a nearest-neighbour graph; in a radius graph it is
    there. The Gaussians of the length end at the cutoff, and those of the cosine are as wide as
    they stand apart.

    Edges and triplets enter only through gates that are normalised. So the features of an atom with
    one neighbour do not depend on its distance, but for the envelope, nor those of an edge with one
    triplet on its angle.

    Source: Choudhary and DeCost, npj Comput. Mater. 7, 185 (2021),
    doi 10.1038/s41524-021-00650-1.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of ALIGNN, a quarter as wide and half as deep as the paper's."""

        width: Width = 64
        """Length of the vectors of atoms, edges and triplets."""
        alignn_layers: Depth = 2
        """Number of layers on the line graph and the graph."""
        gcn_layers: Depth = 2
        """Number of layers on the graph alone, after them."""
        embedding_width: Width = 64
        """Length of the vectors within the first dense layers of edges and triplets."""
        angle_cutoff: Annotated[Cutoff, *WITH_ANGLES] = 8.0
        """Longest edge that forms angles, Å."""
        angle_neighbors: Annotated[AngleNeighbors | None, WITH_ANGLES[0]] = 12
        """How many edges of an atom form angles, in whole shells; 0 for a model without angles,
        null for all edges up to `angle_cutoff`."""
        angle_basis: Annotated[Functions, *WITH_ANGLES] = 40
        """Number of Gaussians of the cosine."""
        basis_step: Step = 0.1
        """Distance between the centres of the Gaussians of the length, Å."""
        basis_sigma: Step = 0.05**0.5
        """Standard deviation of the Gaussians of the length, Å."""
        element_features: ElementFeatures = "binned"
        """What an atom is known by at the start."""
        envelope: EnvelopeName = "cosine"
        """Factor on the messages that vanishes at the cutoff."""
        connections: ConnectionName = "paper"
        """How the layers are joined at the atoms; the paper's are residual. Edges and triplets
        always are."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")
            self.make_angles()  # refuses what cannot be

        def make_angles(self) -> Angles | None:
            """Return which edges form angles; None if no layer reads them."""
            angles = angles_from(self.angle_cutoff, self.angle_neighbors)
            return None if self.alignn_layers == 0 else angles

    reads = Reads(reduced=True, angles=True, mixtures=True, batch_statistics=True)

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        width, depth = config.width, config.alignn_layers + config.gcn_layers
        lines = config.alignn_layers if config.make_angles() else 0
        self.width = width
        self.embed = ElementEmbedding(width, config.element_features)
        self.embed_norm = WeightedBatchNorm(width)
        basis = GaussianBasis(0.0, cutoff, config.basis_step, config.basis_sigma)
        self.edges = EdgeExpansion(basis, make_envelope(config.envelope, cutoff))
        fade = make_envelope(config.envelope, min(cutoff, config.angle_cutoff))
        self.triplets = TripletExpansion(GaussianAngles(config.angle_basis), fade)
        inner = config.embedding_width
        self.of_length = nn.ModuleList([Dense(self.edges.size, inner), Dense(inner, width)])
        self.of_angle = nn.ModuleList(
            [Dense(self.triplets.size, inner), Dense(inner, width)] if lines else []
        )
        self.on_edges = nn.ModuleList(
            EdgeGatedConvolution(width, keeps_pairs=layer + 1 < lines) for layer in range(lines)
        )
        self.on_atoms = nn.ModuleList(
            EdgeGatedConvolution(width, keeps_pairs=layer + 1 < depth) for layer in range(depth)
        )
        self.connections = Connections(config.connections, "residual", width, depth)

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their atoms."""
        self.expect_angles(graph)
        dtype = self.embed.weight.dtype
        edges, triplets = self.edges(graph, dtype), self.triplets(graph, dtype)
        atom_count = graph.atom_multiplicity
        bonds = bonds_of(graph, edges)
        lines = lines_of(graph, triplets, bonds.count)
        hidden = [functional.silu(self.embed_norm(self.embed(graph), atom_count))]
        edge, angle = edges.features, triplets.features
        for dense in self.of_length:
            edge = dense(edge, bonds.count)
        for dense in self.of_angle:
            angle = dense(angle, lines.count)
        for layer, on_atoms in enumerate(self.on_atoms):
            if layer < len(self.on_edges):
                update, angle = self.on_edges[layer](edge, angle, lines, bonds.count)
                edge = edge + update
            atom = self.connections.input(hidden)
            update, edge = on_atoms(atom, edge, bonds, atom_count)
            hidden.append(self.connections.residual(atom, update))
        return Features(self.connections.output(hidden), layers=tuple(hidden))
