"""SchNet: convolutions whose filters are functions of the distance."""

from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.ranges import Depth, Step, Width, check_ranges
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.pairs import Pairs
from xtalgraph.models.encoder import Encoder, Features, Reads
from xtalgraph.nn.activation import ShiftedSoftplus
from xtalgraph.nn.aggregation import SumAggregator
from xtalgraph.nn.depth import ConnectionName, Connections
from xtalgraph.nn.element_embedding import rows_of_elements
from xtalgraph.nn.expansion import EdgeExpansion, EnvelopeName, Expansion, make_envelope
from xtalgraph.nn.messages import Message, MessagePassing, Nothing, ReplaceUpdate
from xtalgraph.nn.pair_sum import pair_sum
from xtalgraph.nn.radial import GaussianBasis


class FilterMessage(Message):
    """M = (W_1 x_j) ∘ W(d), the filter W(d) a small network on the Gaussians of the distance."""

    def __init__(self, width: int, basis: int, filters: int) -> None:
        super().__init__(of_center=Nothing(), of_neighbor=nn.Linear(width, filters, bias=False))
        self.filter = nn.Sequential(
            nn.Linear(basis, filters), ShiftedSoftplus(), nn.Linear(filters, filters)
        )

    def forward(
        self,
        center: Float[Tensor, "edges 0"],
        neighbor: Float[Tensor, "edges filters"],
        edge: Float[Tensor, "edges basis"],
    ) -> Float[Tensor, "edges filters"]:
        """Multiply what the neighbor sends by the filter."""
        return neighbor * self.filter(edge)


class Interaction(nn.Module):
    """One interaction block: v_i = W_3 ssp(W_2 Σ_j f_c(d) (W_1 x_j) ∘ W(d) + b_2) + b_3.

    The paper's x_i' = x_i + v_i is what `Connections` makes of it.
    """

    def __init__(self, width: int, basis: int, filters: int) -> None:
        super().__init__()
        message = FilterMessage(width, basis, filters)
        self.convolution = MessagePassing(message, SumAggregator(), ReplaceUpdate())
        self.dense = nn.Sequential(
            nn.Linear(filters, width), ShiftedSoftplus(), nn.Linear(width, width)
        )

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        edges: Expansion,
        graph: Graph,
        pairs: Pairs | None,
    ) -> Float[Tensor, "atoms width"]:
        """Return v.

        Args:
            atom: x.
            edges: The Gaussians and f_c, of each edge, or of each pair where there are pairs.
            graph: Whose atoms and edges they are.
            pairs: The edges in pairs that share a filter; None where an edge has no reverse.
        """
        if pairs is None:
            received = self.convolution(atom, edges.features, edges.envelope, graph)
        else:
            message = cast(FilterMessage, self.convolution.message)
            filters = message.filter(edges.features) * edges.weight
            received = pair_sum(message.of_neighbor(atom), filters, pairs, graph.edge_starts)
        update: Tensor = self.dense(received)
        return update


class SchNet(Encoder):
    """Continuous-filter convolutional network.

    Atoms start from a learned vector of their element, edges from Gaussians of their length;
    `depth` interaction blocks follow. As in the authors' code, SchNetPack, the filter network
    ends without a nonlinearity, and messages carry a cosine envelope, which the paper's hard cut
    (``envelope="none"``) has not. The paper's readout, a sum or mean of scalars of the atoms, is
    what follows from the kind of the target.

    Source: Schütt et al., J. Chem. Phys. 148, 241722 (2018), doi 10.1063/1.5019779.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of SchNet; the Gaussians are the paper's, γ = 10 Å⁻² every 0.1 Å."""

        width: Width = 64
        """Length of an atom's vector."""
        filters: Width = 64
        """Length of a filter."""
        depth: Depth = 3
        """Number of interaction blocks."""
        basis_step: Step = 0.1
        """Distance between the centres of the Gaussians, Å."""
        basis_sigma: Step = 0.05**0.5
        """Standard deviation of the Gaussians, Å."""
        envelope: EnvelopeName = "cosine"
        """Factor on the messages that vanishes at the cutoff."""
        connections: ConnectionName = "paper"
        """How the blocks are joined; the paper's are residual."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")

    reads = Reads(reduced=True, mixtures=True)

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width = config.width
        self.embed = nn.Embedding(MAX_ATOMIC_NUMBER + 1, config.width)
        basis = GaussianBasis(0.0, cutoff, config.basis_step, config.basis_sigma)
        self.edges = EdgeExpansion(basis, make_envelope(config.envelope, cutoff))
        self.interactions = nn.ModuleList(
            Interaction(config.width, self.edges.size, config.filters) for _ in range(config.depth)
        )
        self.connections = Connections(config.connections, "residual", config.width, config.depth)

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their atoms."""
        dtype = self.embed.weight.dtype
        if isinstance(graph, CrystalGraph) and graph.pairs is not None:
            pairs, edges = graph.pairs, self.edges.of_pairs(graph, dtype)
        else:
            pairs, edges = None, self.edges(graph, dtype)
        hidden = [rows_of_elements(self.embed.weight, graph)]
        for interaction in self.interactions:
            atom = self.connections.input(hidden)
            update = interaction(atom, edges, graph, pairs)
            hidden.append(self.connections.residual(atom, update))
        return Features(self.connections.output(hidden), layers=tuple(hidden))
