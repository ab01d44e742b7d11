"""How many neighbours an atom has, as a smooth number."""

from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.expansion import PolynomialEnvelope
from xtalgraph.nn.segments import segment_sum, weighted

_FADE: Final = 24
"""Power of the envelope: it takes less than 1 % up to 0.7 of the cutoff."""
_START: Final = 24
"""Power of the mean over distances from which the iteration sets out; near to the shortest one."""
_STEPS: Final = 16
"""Of the iteration."""


def effective_coordination(graph: Graph, cutoff: float) -> Float[Tensor, " atoms"]:
    """Effective coordination number of each atom, ECoN = Σ exp(1 − (d/d̄)⁶) over its edges.

    d̄ is the mean length of its bonds, each with the weight exp(1 − (d/d̄)⁶), from 16 steps of an
    iteration that makes it its own mean. Neighbours at equal distances count 1 each; one 20 %
    farther counts 0.14. Hoppe begins the iteration with the shortest distance; here it begins with
    a mean of high power, which has no kink where two neighbours change places. 16 steps are enough
    but where one short bond stands before many that are about a third longer: there the fixed
    point jumps with the distances, and 16 steps give a smooth number on the way to it.

    Every edge carries a steep polynomial envelope, so that a neighbour that leaves through the
    cutoff does so smoothly. An atom without edges has 0. It depends on distances and multiplicities
    alone, so a reduced graph gives what the full one gives.

    Args:
        graph: With the edges out to well beyond the first shell.
        cutoff: Longest edge, Å.

    Source: Hoppe, Z. Kristallogr. 150, 23 (1979), doi 10.1524/zkri.1979.150.14.23.
    """
    distance, center = graph.distance, graph.center
    fade = PolynomialEnvelope(cutoff, _FADE)(distance)
    weight = weighted(fade, graph.edge_multiplicity)
    # Lengths are measured in that of the shortest edge, lest powers underflow. It cancels out of
    # the result, so it need not be differentiated.
    unit = torch.full_like(graph.number, torch.inf, dtype=distance.dtype).scatter_reduce(
        0, center, distance.detach(), "amin"
    )
    length = distance / unit.index_select(0, center)

    def mean_length(weight: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        total = segment_sum(weight, center, len(graph.number))
        absent = total == 0
        length_sum = segment_sum(weight * length, center, len(graph.number))
        average = torch.where(absent, 1.0, length_sum / torch.where(absent, 1.0, total))
        return average.index_select(0, center)

    bond = mean_length(weight * length**-_START)
    for _ in range(_STEPS):
        bond = mean_length(weight * torch.exp(1.0 - (length / bond) ** 6))
    contribution = weight * torch.exp(1.0 - (length / bond) ** 6)
    return segment_sum(contribution, center, len(graph.number))
