"""Aggregators: what an atom receives, from the messages along its edges.

Each takes the messages m, the envelope f of the edges, and the graph with the multiplicities n of
its edges. At f = n = 1 each is the textbook one. With an envelope a message goes to zero with its
slope as its neighbour leaves through the cutoff, also if it is the last: f multiplies the message
and enters every normaliser.
"""

from abc import ABC, abstractmethod
from typing import Final, Literal, TypeAlias, get_args

from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest
from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.segments import segment_sum, softmax_weight, weighted, weighted_mean

Messages: TypeAlias = Float[Tensor, "edges received"]
OfEdges: TypeAlias = Float[Tensor, " edges"]
Received: TypeAlias = Float[Tensor, "atoms received"]


class Aggregator(nn.Module, ABC):
    """Base of every aggregator."""

    @abstractmethod
    def forward(self, message: Messages, envelope: OfEdges, graph: Graph) -> Received:
        """Return what each atom receives; zeros for one without edges.

        Args:
            message: One vector for each edge.
            envelope: Factor of each edge, 1 where there is none.
            graph: Whose edges they are.
        """


class SumAggregator(Aggregator):
    """Σ_j n f m."""

    def forward(self, message: Messages, envelope: OfEdges, graph: Graph) -> Received:
        """Add up the messages of each atom."""
        weight = weighted(envelope, graph.edge_multiplicity).unsqueeze(-1)
        return segment_sum(message * weight, graph.center, graph.number.shape[0])


class MeanAggregator(Aggregator):
    """Σ_j n f (f m) / Σ_j n f."""

    def forward(self, message: Messages, envelope: OfEdges, graph: Graph) -> Received:
        """Average the messages of each atom."""
        weight = weighted(envelope, graph.edge_multiplicity)
        message = message * envelope.unsqueeze(-1)
        return weighted_mean(message, weight, graph.center, graph.number.shape[0])


class MaxAggregator(Aggregator):
    """max(0, max_j f m), for each component.

    The zero is what an atom without neighbours receives, so nothing jumps when the last one
    leaves. For messages that are not negative it is the plain maximum.
    """

    def forward(self, message: Messages, envelope: OfEdges, graph: Graph) -> Received:
        """Take the largest of each component of the messages of each atom."""
        message = message * envelope.unsqueeze(-1)
        nothing = message.new_zeros(graph.number.shape[0], message.shape[1])
        index = graph.center.unsqueeze(-1).expand_as(message)
        return nothing.scatter_reduce(0, index, message, "amax")


class AttentionAggregator(Aggregator):
    """Σ_j α_j f m_j with α_j = n f exp(a_j) / Σ_k n f exp(a_k), and a score a = w · m.

    Source: Veličković et al., ICLR 2018 (arXiv 1710.10903), with the score taken from the message.
    """

    def __init__(self, received: int) -> None:
        super().__init__()
        self.score = nn.Linear(received, 1, bias=False)

    def forward(self, message: Messages, envelope: OfEdges, graph: Graph) -> Received:
        """Average the messages of each atom with weights that the messages decide."""
        atoms = graph.number.shape[0]
        weight = weighted(envelope, graph.edge_multiplicity)
        weight = softmax_weight(self.score(message).squeeze(-1), weight, graph.center, atoms)
        return weighted_mean(message * envelope.unsqueeze(-1), weight, graph.center, atoms)


AggregatorName = Literal["sum", "mean", "max", "attention"]
"""Aggregators by name, in configurations."""

_PLAIN: Final[dict[str, type[SumAggregator | MeanAggregator | MaxAggregator]]] = {
    "sum": SumAggregator,
    "mean": MeanAggregator,
    "max": MaxAggregator,
}


def make_aggregator(name: str, received: int) -> Aggregator:
    """Make an aggregator of messages of some length; a `ConfigError` if there is no such name."""
    if name not in get_args(AggregatorName):
        raise ConfigError(f"unknown aggregator {name!r}{nearest(name, get_args(AggregatorName))}")
    return AttentionAggregator(received) if name == "attention" else _PLAIN[name]()
