"""Edges and triplets as a network reads them: expanded in functions, and weighted.

The weight holds an envelope, a factor on each message that goes to zero at the cutoff with zero
slope.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Literal, final, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.angular import AngularBasis
from xtalgraph.nn.radial import RadialBasis
from xtalgraph.nn.segments import weighted

_FEW: Final = 0.8
"""Part of the edges up to which it pays to work with each length once."""
EnvelopeName = Literal["cosine", "polynomial", "none"]
"""What `make_envelope` makes."""


class Envelope(nn.Module, ABC):
    """A factor for each edge, from its length alone."""

    @abstractmethod
    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Evaluate at distances in Å."""


@final
class CosineEnvelope(Envelope):
    """½ (cos(π d / r_c) + 1) for d < r_c, and 0 beyond.

    Value and slope vanish at r_c; the curvature jumps there by π²/2r_c².

    Args:
        cutoff: r_c, Å.

    Source: Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007), eq. 4.
    """

    def __init__(self, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Evaluate at distances in Å."""
        inside = 0.5 * (torch.cos(math.pi / self.cutoff * distance) + 1.0)
        return torch.where(distance < self.cutoff, inside, torch.zeros_like(inside))


@final
class PolynomialEnvelope(Envelope):
    """1 − (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) − p(p+1)/2 x^(p+2) with x = d/r_c, and 0 beyond.

    Value, slope and curvature vanish at r_c, so that forces have a continuous derivative. The
    higher p, the longer it stays near 1. It is computed as (1 − x)³ Σ_(k<p) ½(k+1)(k+2) x^k, which
    is the same polynomial and loses no digits near r_c.

    Args:
        cutoff: r_c, Å.
        power: p.

    Raises:
        ConfigError: If p is below 2, where the curvature at 0 is not defined.

    Source: Gasteiger et al., ICLR 2020 (arXiv 2003.03123), eq. 8.
    """

    def __init__(self, cutoff: float, power: int = 6) -> None:
        super().__init__()
        if power < 2:
            raise ConfigError(f"the power of a polynomial envelope must be at least 2, got {power}")
        self.cutoff, self.power = cutoff, power

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Evaluate at distances in Å."""
        x = distance / self.cutoff
        total = x.new_full((), 0.5 * self.power * (self.power + 1))
        for k in reversed(range(self.power - 1)):
            total = torch.addcmul(x.new_full((), 0.5 * (k + 1) * (k + 2)), total, x)
        inside = (1.0 - x) ** 3 * total
        return torch.where(distance < self.cutoff, inside, torch.zeros_like(inside))


@final
class NoEnvelope(Envelope):
    """The constant 1, as in papers that cut hard."""

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Return ones."""
        return torch.ones_like(distance)


def make_envelope(name: str, cutoff: float, power: int = 6) -> Envelope:
    """Make an envelope by its name, ``cosine``, ``polynomial`` or ``none``.

    Args:
        name: Which one.
        cutoff: Å.
        power: Of the polynomial.

    Raises:
        ConfigError: If there is no envelope of that name.
    """
    if name == "cosine":
        return CosineEnvelope(cutoff)
    if name == "polynomial":
        return PolynomialEnvelope(cutoff, power)
    if name == "none":
        return NoEnvelope()
    raise ConfigError(f"envelope must be one of {', '.join(get_args(EnvelopeName))}, got {name!r}")


@dataclass(frozen=True, eq=False)
class Expansion:
    """Features and weights of the rows along which messages pass: edges, or triplets."""

    features: Float[Tensor, "rows features"]
    """The functions of the basis."""
    envelope: Float[Tensor, " weighted"]
    """f, the factor that goes to zero at the cutoff."""
    weight: Float[Tensor, "weighted 1"]
    """n f with the multiplicity n: the factor of a message in a sum."""
    row: Int[Tensor, " edges"] | None = None
    """The row of the features of each edge; None where each has its own."""


@final
class EdgeExpansion(nn.Module):
    """What an edge is to an encoder that reads its length: features and a weight.

    Args:
        basis: Functions of the length.
        envelope: Takes the messages to zero at the cutoff.

    >>> import numpy as np
    >>> from xtalgraph.crystals.crystal import Crystal
    >>> from xtalgraph.graphs.build import build_graph
    >>> from xtalgraph.graphs.strategies import Radius
    >>> from xtalgraph.nn.expansion import CosineEnvelope
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
        """Expand the edges of a graph."""
        distance = graph.distance.to(dtype)
        envelope = self.envelope(distance)
        weight = weighted(envelope, graph.edge_multiplicity)
        return Expansion(self.basis(distance), envelope, weight.unsqueeze(-1))

    def of_lengths(self, graph: Graph, dtype: torch.dtype) -> Expansion:
        """Expand each length once, where many edges share one; on a GPU, each edge."""
        distance = graph.distance
        if distance.device.type != "cpu" or distance.requires_grad:
            return self(graph, dtype)
        lengths, row = torch.unique(distance.to(dtype), return_inverse=True)
        if len(lengths) > _FEW * len(distance):
            return self(graph, dtype)
        envelope = self.envelope(lengths).index_select(0, row)
        weight = weighted(envelope, graph.edge_multiplicity)
        return Expansion(self.basis(lengths), envelope, weight.unsqueeze(-1), row)

    def of_pairs(self, graph: CrystalGraph, dtype: torch.dtype) -> Expansion:
        """Expand each pair of edges of a graph once."""
        distance = graph.pair_distance.to(dtype)
        envelope = self.envelope(distance)
        return Expansion(self.basis(distance), envelope, envelope.unsqueeze(-1))


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
        """Expand the triplets of a graph."""
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
