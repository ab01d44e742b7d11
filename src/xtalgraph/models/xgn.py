"""XGN, our own: gated messages along edges and angles, on the reduced graph."""

from dataclasses import dataclass
from typing import Annotated, Final

from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.conditional import OnlyIf
from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Cutoff, Depth, Fraction, Functions, Width, check_ranges
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import (
    AngleNeighbors,
    Encoder,
    Features,
    Reads,
    Recommended,
    angles_from,
)
from xtalgraph.nn.angular import ChebyshevAngles
from xtalgraph.nn.depth import ConnectionName, Connections
from xtalgraph.nn.element_embedding import ElementEmbedding, rows_of_elements
from xtalgraph.nn.expansion import (
    EdgeExpansion,
    EnvelopeName,
    Expansion,
    TripletExpansion,
    make_envelope,
)
from xtalgraph.nn.gated_sum import gated_sum
from xtalgraph.nn.norm import WeightedBatchNorm
from xtalgraph.nn.radial import BasisName, BasisSize, GridStep, make_basis
from xtalgraph.nn.segments import gather

START: Final = 0.1
"""Standard deviation of an element's own vector at the start, small beside its features."""
WITH_ANGLES: Final = OnlyIf("angle_depth", lambda depth: depth > 0)
"""Of settings that only layers with angles read."""


class AngleBlock(nn.Module):
    """Edges receive messages from the edges with which they form an angle.

    e_r' = e_r + W Σ_s n f_r f_s σ(g) ⊙ silu(c), with (g, c) = A e_r + B e_s + C T(cos θ), e
    normalised, T the Chebyshev polynomials, f_r and f_s the envelopes of the two edges and n the
    multiplicity of the triplet. A and B are applied to edges before anything is gathered for each
    triplet.

    Args:
        width: Length of an edge's vector.
        inner: Length of a message along a triplet.
        basis: Number of polynomials.
    """

    def __init__(self, width: int, inner: int, basis: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.of_receiving = nn.Linear(width, 2 * inner)
        self.of_sending = nn.Linear(width, 2 * inner, bias=False)
        self.of_angle = nn.Linear(basis, 2 * inner, bias=False)
        self.out = nn.Linear(inner, width)

    def forward(
        self, edge: Float[Tensor, "edges width"], triplets: Expansion, graph: Graph
    ) -> Float[Tensor, "edges width"]:
        """Update the edges."""
        normed = self.norm(edge)
        received = gated_sum(
            self.of_receiving(normed),
            self.of_sending(normed),
            triplets.features,
            self.of_angle.weight,
            triplets.weight,
            graph.receiving_edge,
            graph.sending_edge,
            core="silu",
            starts=graph.triplet_starts,
        )
        update: Tensor = self.out(received.total)
        return edge + update


class EdgeBlock(nn.Module):
    """Atoms receive messages from their neighbours; edges, if a layer follows, from their ends.

    (g, c, u) = A h_i + B h_j + C e_ij, with A and B applied to normalised atoms before anything is
    gathered for each edge; h_i receives N(Σ_j n f σ(g) ⊙ silu(c)), N a normalisation over the
    batch, and then a small network on itself; e_ij' = e_ij + silu(u).

    Args:
        width: Length of an atom's vector.
        edge_width: Length of an edge's vector.
        dropout: Part of what an atom receives that is left out in training.
        last: Whether no layer follows; the edges are then left as they are.
    """

    def __init__(self, width: int, edge_width: int, dropout: float, last: bool) -> None:
        super().__init__()
        self.width, self.last = width, last
        parts = 2 * width + (0 if last else edge_width)
        self.atom_norm = nn.LayerNorm(width)
        self.edge_norm = nn.LayerNorm(edge_width)
        self.of_center = nn.Linear(width, parts)
        self.of_neighbor = nn.Linear(width, parts, bias=False)
        self.of_edge = nn.Linear(edge_width, parts, bias=False)
        self.norm = WeightedBatchNorm(width)
        self.out = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.Dropout(dropout))

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        edge: Float[Tensor, "rows edge_width"],
        edge_weight: Float[Tensor, "edges 1"],
        graph: Graph,
        row: Int[Tensor, " edges"] | None,
    ) -> tuple[Float[Tensor, "atoms width"], Float[Tensor, "_ edge_width"]]:
        """Return the update of the atoms, and the new edges.

        Args:
            atom: h.
            edge: e, for each edge, or for edges that share them.
            edge_weight: n f, envelope times multiplicity.
            graph: Whose atoms and edges they are.
            row: Which e each edge has; None where each has its own.
        """
        normed = self.atom_norm(atom)
        received, change = gated_sum(
            self.of_center(normed),
            self.of_neighbor(normed),
            self.edge_norm(edge),
            self.of_edge.weight,
            edge_weight,
            graph.center,
            graph.neighbor,
            core="silu",
            width=self.width,
            starts=graph.edge_starts,
            row=row,
        )
        update: Tensor = self.out(self.norm(received, graph.atom_multiplicity))
        if self.last:
            return update, edge
        return update, (edge if row is None else gather(edge, row)) + change


class XGN(Encoder):
    """The network that xtalgraph recommends: accuracy for the minutes of a CPU.

    Atoms start from the properties of their element and a vector of its own, edges from a radial
    basis of their length. In each of `depth` layers atoms receive messages along edges, and edges
    from their ends; in the first `angle_depth` layers, none by default, edges first receive
    messages along triplets. Everything is read from the reduced graph, where edges are few and
    triplets affordable. Recommended are the mean of three such networks, and for an intensive
    target the readout ``attention``.

    Source: the gate is CGCNN's (Xie and Grossman, doi 10.1103/PhysRevLett.120.145301), edges that
    are updated and messages over the line graph ALIGNN's (Choudhary and DeCost, doi
    10.1038/s41524-021-00650-1), edge updates without normalised sums coGN's (Ruff et al., doi
    10.1039/d4dd00018h).
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of XGN."""

        width: Width = 64
        """Length of an atom's vector."""
        edge_width: Width = 64
        """Length of an edge's vector."""
        depth: Depth = 4
        """Number of layers."""
        angle_depth: Depth = 0
        """Number of layers, from the first on, that begin with messages along triplets, all of them
        where there are fewer; 0 for a model without angles, 2 is enough for one with them."""
        angle_width: Annotated[Width, WITH_ANGLES] = 32
        """Length of a message along a triplet."""
        angle_basis: Annotated[Functions, WITH_ANGLES] = 8
        """Number of Chebyshev polynomials of the cosine."""
        angle_cutoff: Annotated[Cutoff, WITH_ANGLES] = 5.0
        """Longest edge that forms angles, Å."""
        angle_neighbors: Annotated[AngleNeighbors | None, WITH_ANGLES] = 12
        """How many edges of an atom form angles, in whole shells, if a layer reads them; null for
        all edges up to `angle_cutoff`."""
        basis: BasisName = "gaussian"
        """Radial basis."""
        basis_size: BasisSize = 32
        """Number of Bessel or Chebyshev functions."""
        basis_step: GridStep = 0.2
        """Distance between the centres of the Gaussians, Å."""
        basis_sigma: GridStep = 0.2
        """Standard deviation of the Gaussians, Å."""
        envelope: EnvelopeName = "cosine"
        """Factor on the messages that vanishes at the cutoff."""
        dropout: Fraction = 0.0
        """Part of what an atom receives that is left out in training."""
        connections: ConnectionName = "paper"
        """How the layers are joined; as a rule residual."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")
            if self.angle_depth < 0:
                raise ConfigError(f"model.angle_depth must be at least 0, got {self.angle_depth}")
            if self.make_angles() is None and self.angle_depth:
                raise ConfigError(
                    f"model.angle_depth={self.angle_depth} needs angles, and "
                    "model.angle_neighbors=0 makes none: a model without angles has "
                    "model.angle_depth=0"
                )

        def make_angles(self) -> Angles | None:
            """Return which edges form angles; None if no layer reads them."""
            angles = angles_from(self.angle_cutoff, self.angle_neighbors)
            return None if self.angle_depth == 0 else angles

    reads = Reads(reduced=True, angles=True, mixtures=True, batch_statistics=True)
    recommended = Recommended(readout="attention", members=3, weight_decay=0.1)

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width = config.width
        self.properties = ElementEmbedding(config.width, "continuous")
        self.embed = nn.Embedding(MAX_ATOMIC_NUMBER + 1, config.width)
        nn.init.normal_(self.embed.weight, std=START)
        basis = make_basis(
            config.basis,
            cutoff,
            size=config.basis_size,
            step=config.basis_step,
            sigma=config.basis_sigma,
        )
        self.edges = EdgeExpansion(basis, make_envelope(config.envelope, cutoff))
        self.of_length = nn.Linear(self.edges.size, config.edge_width)
        fade = make_envelope(config.envelope, min(cutoff, config.angle_cutoff))
        self.triplets = TripletExpansion(ChebyshevAngles(config.angle_basis), fade)
        self.angle_blocks = nn.ModuleList(
            AngleBlock(config.edge_width, config.angle_width, self.triplets.size)
            for _ in range(min(config.angle_depth, config.depth))
        )
        self.blocks = nn.ModuleList(
            EdgeBlock(
                config.width, config.edge_width, config.dropout, last=layer == config.depth - 1
            )
            for layer in range(config.depth)
        )
        self.connections = Connections(config.connections, "residual", config.width, config.depth)

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their atoms."""
        self.expect_angles(graph)
        dtype = self.embed.weight.dtype
        triplets = self.triplets(graph, dtype) if self.angle_blocks else None
        edges = (self.edges.of_lengths if triplets is None else self.edges)(graph, dtype)
        edge = functional.silu(self.of_length(edges.features))
        hidden = [rows_of_elements(self.properties.table() + self.embed.weight, graph)]
        for layer, block in enumerate(self.blocks):
            if triplets is not None and layer < len(self.angle_blocks):
                edge = self.angle_blocks[layer](edge, triplets, graph)
            atom = self.connections.input(hidden)
            row = edges.row if layer == 0 else None
            update, edge = block(atom, edge, edges.weight, graph, row)
            hidden.append(self.connections.residual(atom, update))
        return Features(self.connections.output(hidden), layers=tuple(hidden))
