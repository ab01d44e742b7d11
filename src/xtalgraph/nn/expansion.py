"""Edges and triplets as a network reads them: expanded in functions, and weighted."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.angular import AngularBasis
from xtalgraph.nn.envelope import Envelope
from xtalgraph.nn.radial import RadialBasis
from xtalgraph.nn.segments import weighted


@dataclass(frozen=True, eq=False)
class Expansion:
    """Features and weights of the rows along which messages pass: edges, or triplets."""

    features: Float[Tensor, "rows features"]
    """The functions of the basis."""
    envelope: Float[Tensor, " rows"]
    """f, the factor that goes to zero at the cutoff."""
    weight: Float[Tensor, "rows 1"]
    """n f with the multiplicity n: the factor of a message in a sum."""


@final
class EdgeExpansion(nn.Module):
    """What an edge is to an encoder that reads its length: features and a weight.

    Args:
        basis: Functions of the length.
        envelope: Takes the messages to zero at the cutoff.

    Example:
        >>> import numpy as np
        >>> from xtalgraph.crystals.crystal import Crystal
        >>> from xtalgraph.graphs.build import build_graph
        >>> from xtalgraph.graphs.strategies import Radius
        >>> from xtalgraph.nn.envelope import CosineEnvelope
        >>> from xtalgraph.nn.radial import BesselBasis
        >>> cell, periodic = 2.5 * np.eye(3), np.ones(3, dtype=bool)
        >>> iron = Crystal(cell, np.zeros((1, 3)), np.array([26]), periodic)
        >>> edges = EdgeExpansion(BesselBasis(3.0, 8), CosineEnvelope(3.0))
        >>> edges(build_graph(iron, Radius(3.0)), torch.float32).features.shape
        torch.Size([6, 8])
    """

    def __init__(self, basis: RadialBasis, envelope: Envelope) -> None:
        super().__init__()
        self.basis = basis
        self.envelope = envelope
        self.size = basis.size

    def forward(self, graph: Graph, dtype: torch.dtype) -> Expansion:
        """Expand the edges of a graph.

        Args:
            graph: Full, or reduced by symmetry.
            dtype: Of what is returned; the graph has its lengths in float64.
        """
        distance = graph.distance.to(dtype)
        envelope = self.envelope(distance)
        weight = weighted(envelope, graph.edge_multiplicity)
        return Expansion(self.basis(distance), envelope, weight.unsqueeze(-1))


@final
class TripletExpansion(nn.Module):
    """What a triplet is to an encoder that reads its angle: features and a weight.

    Args:
        basis: Functions of the cosine of the angle.
        envelope: Of each of the two edges; it ends where edges cease to form angles.
    """

    def __init__(self, basis: AngularBasis, envelope: Envelope) -> None:
        super().__init__()
        self.basis = basis
        self.envelope = envelope
        self.size = basis.size

    def forward(self, graph: Graph, dtype: torch.dtype) -> Expansion:
        """Expand the triplets of a graph.

        Args:
            graph: With triplets, full or reduced by symmetry.
            dtype: Of what is returned.
        """
        envelope = triplet_envelope(self.envelope, graph, dtype)
        weight = weighted(envelope, graph.triplet_multiplicity)
        return Expansion(self.basis(graph.cosine.to(dtype)), envelope, weight.unsqueeze(-1))


def triplet_envelope(
    envelope: Envelope, graph: Graph, dtype: torch.dtype
) -> Float[Tensor, " triplets"]:
    """Return f(d_r) f(d_s), the product of the envelopes of the two edges of each triplet.

    Args:
        envelope: f.
        graph: With triplets of a receiving edge r and a sending edge s.
        dtype: Of what is returned.
    """
    of_edge = envelope(graph.distance.to(dtype))
    receiving = of_edge.index_select(0, graph.receiving_edge)
    return receiving * of_edge.index_select(0, graph.sending_edge)
