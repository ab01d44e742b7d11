"""GCN: every atom takes the mean of its neighbours, weighted along the edge."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.conditional import OnlyIf
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Depth, Step, Width, check_ranges
from xtalgraph.conventions.settings import nearest
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features, Reads
from xtalgraph.nn.aggregation import Aggregator, AggregatorName, make_aggregator
from xtalgraph.nn.depth import ConnectionName, Connections
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.expansion import EdgeExpansion, EnvelopeName, make_envelope
from xtalgraph.nn.messages import Message, MessagePassing, Nothing, ReplaceUpdate
from xtalgraph.nn.radial import GaussianBasis, NoBasis, RadialBasis
from xtalgraph.nn.segments import gather, segment_sum

AlphaName = Literal["mlp", "degree"]
"""Where the weight of a neighbour comes from."""
WITH_DISTANCES: Final = OnlyIf("alpha", lambda alpha: alpha == "mlp")
"""Of settings that a model without distances does not read."""


class ScaledNeighbor(Message):
    """M = α(e_ij) h_j."""

    def __init__(self, alpha: nn.Module) -> None:
        super().__init__(of_center=Nothing())
        self.alpha = alpha

    def forward(
        self,
        center: Float[Tensor, "edges 0"],
        neighbor: Float[Tensor, "edges width"],
        edge: Float[Tensor, "edges edge"],
    ) -> Float[Tensor, "edges width"]:
        """Scale what the neighbor is."""
        return self.alpha(edge) * neighbor


class GraphConvolution(nn.Module):
    """h_i' = relu(W (s_i h_i + AGG_j α_ij h_j) + b).

    Args:
        width: Length of an atom's vector.
        alpha: Makes α from the features of an edge.
        aggregator: AGG; the mean is 1/|N_i| Σ_j.
    """

    def __init__(self, width: int, alpha: nn.Module, aggregator: Aggregator) -> None:
        super().__init__()
        self.messages = MessagePassing(ScaledNeighbor(alpha), aggregator, ReplaceUpdate())
        self.linear = nn.Linear(width, width)

    def forward(
        self,
        atom: Float[Tensor, "atoms width"],
        self_weight: Float[Tensor, "atoms 1"],
        edge: Float[Tensor, "edges edge"],
        envelope: Float[Tensor, " edges"],
        graph: Graph,
    ) -> Float[Tensor, "atoms width"]:
        """Update the atoms; ``self_weight`` is s, that of an atom's own vector."""
        received = self.messages(atom, edge, envelope, graph)
        return torch.relu(self.linear(self_weight * atom + received))


class GCN(Encoder):
    """Graph convolutional network, h_i' = relu(W (s_i h_i + AGG_j α_ij h_j) + b).

    - ``alpha="mlp"``: α_ij is a small network on the Gaussians of the distance, s_i = 1, and
      AGG the mean over neighbours, or what ``aggregator`` says.
    - ``alpha="degree"``, the paper's: α_ij = 1 / √(D_i D_j), s_i = 1 / D_i, AGG the sum, with
      D_i = 1 + Σ_j f_c(d_ij), which is one more than the number of neighbours where there is
      no envelope. It reads no distance but through the envelope.

    Atoms start from the one-hot bins of their element, as in CGCNN. The paper has two layers,
    no skip, and no distances; distances, envelope, and width and depth are ours.

    Source: Kipf and Welling, ICLR 2017 (arXiv 1609.02907), eq. 2 and 9.
    """

    @dataclass(frozen=True)
    class Config:
        """Hyper-parameters of GCN."""

        width: Width = 64
        """Length of an atom's vector."""
        depth: Depth = 3
        """Number of convolutions."""
        alpha: AlphaName = "mlp"
        """Where the weight of a neighbour comes from."""
        aggregator: AggregatorName = "mean"
        """What an atom makes of its neighbours; the degrees go with ``sum`` only."""
        basis_step: Annotated[Step, WITH_DISTANCES] = 0.2
        """Distance between the centres of the Gaussians, Å (mlp)."""
        basis_sigma: Annotated[Step, WITH_DISTANCES] = 0.2 / 2**0.5
        """Standard deviation of the Gaussians, Å (mlp)."""
        envelope: EnvelopeName = "cosine"
        """Factor on the messages that vanishes at the cutoff."""
        connections: ConnectionName = "paper"
        """How the convolutions are joined; the paper has no skip."""

        def __post_init__(self) -> None:
            check_ranges(self, "model")
            known = get_args(AlphaName)
            if self.alpha not in known:
                raise ConfigError(f"unknown model.alpha {self.alpha!r}{nearest(self.alpha, known)}")
            if self.alpha == "degree" and self.aggregator != "sum":
                raise ConfigError(
                    "model.alpha=degree divides by the degrees already: it needs "
                    f"model.aggregator=sum, got {self.aggregator!r}"
                )

    reads = Reads(reduced=True, mixtures=True)

    def __init__(self, config: Config, cutoff: float) -> None:
        super().__init__(config, cutoff)
        self.width = width = config.width
        self.embed = ElementEmbedding(width)
        self.by_degree = config.alpha == "degree"
        basis: RadialBasis = NoBasis()
        if not self.by_degree:
            basis = GaussianBasis(0.0, cutoff, config.basis_step, config.basis_sigma)
        self.edges = EdgeExpansion(basis, make_envelope(config.envelope, cutoff))
        self.convolutions = nn.ModuleList(
            GraphConvolution(width, self._alpha(), make_aggregator(config.aggregator, width))
            for _ in range(config.depth)
        )
        self.connections = Connections(config.connections, "none", width, config.depth)

    def _alpha(self) -> nn.Module:
        if self.by_degree:
            return nn.Identity()  # the edge already is 1 / √(D_i D_j)
        width = self.width
        return nn.Sequential(nn.Linear(self.edges.size, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, graph: Graph) -> Features:
        """Turn a batch of crystals into features of their atoms."""
        edges = self.edges(graph, self.embed.weight.dtype)
        hidden = [self.embed(graph)]
        if self.by_degree:
            degree = 1.0 + segment_sum(edges.weight, graph.center, graph.number.shape[0])
            self_weight = 1.0 / degree
            ends = gather(self_weight, graph.center), gather(self_weight, graph.neighbor)
            edge = (ends[0] * ends[1]).sqrt()
        else:
            self_weight, edge = torch.ones_like(hidden[0][:, :1]), edges.features
        for convolution in self.convolutions:
            atom = self.connections.input(hidden)
            update = convolution(atom, self_weight, edge, edges.envelope, graph)
            hidden.append(self.connections.residual(atom, update))
        return Features(self.connections.output(hidden), layers=tuple(hidden))
