"""Graphs of a crystal made up to a given number of edges, with edges beyond the cutoff."""

import math
from typing import Final, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.neighborhoods import arrange
from xtalgraph.graphs.padding import above


class EdgeSize(NamedTuple):
    """How many edges a graph has room for."""

    pairs: int
    """Edges, counted together with their reverse."""
    slots: int
    """Neighbors of an atom."""


NO_SIZE: Final = EdgeSize(0, 0)


def edge_size(graph: CrystalGraph, least: EdgeSize = NO_SIZE) -> EdgeSize:
    """Return one of few sizes that the graph can be padded to; `least` where that is enough."""
    count, degree = len(graph.center) // 2, graph.degree
    most = int(degree.max())
    pairs = least.pairs if count < least.pairs else _with_spare(count)
    slots = least.slots if most <= least.slots else _with_spare(most)
    while int(_room(degree, slots).sum()) < pairs - count:
        slots = above(slots)
    return EdgeSize(pairs, slots)


def pad_edges(graph: CrystalGraph, size: EdgeSize, cutoff: float) -> CrystalGraph:
    """Return the graph with more edges, twice as long as the cutoff or longer.

    They go from atoms with few neighbors to their own images, in both directions. Where each edge
    is weighted by a function of its length that vanishes at the cutoff, they add nothing.

    Args:
        graph: One crystal; each edge has its reverse.
        size: At least that of the graph.
        cutoff: Å.

    Raises:
        GraphError: If the graph does not fit.
    """
    count = len(graph.center) // 2
    room = _room(graph.degree, size.slots)
    added = size.pairs - count
    if len(graph) != 1 or int(graph.degree.max()) > size.slots or not 0 <= added <= int(room.sum()):
        raise GraphError(f"{graph!r} cannot be padded to {size}: it must be one crystal that fits")
    loops = torch.minimum(room, (added - room.cumsum(0) + room).clamp(min=0))
    atom = torch.arange(len(room)).repeat_interleave(2 * loops)
    length, axis = torch.linalg.vector_norm(graph.cell[0], dim=-1).max(dim=0)
    image = graph.image.new_zeros(2 * added, 3)
    image[:, axis] = math.ceil(2 * cutoff / float(length))
    image[1::2] *= -1
    center, neighbor = torch.cat([graph.center, atom]), torch.cat([graph.neighbor, atom])
    image = torch.cat([graph.image, image])
    order = _order(center, neighbor, image)
    center, neighbor = center.index_select(0, order), neighbor.index_select(0, order)
    padded = graph.replace(
        center=center,
        neighbor=neighbor,
        image=image.index_select(0, order),
        num_edges=torch.full_like(graph.num_edges, len(center)),
    )
    slots = arrange(center, neighbor, padded.degree, ordered=True, slots=size.slots)
    padded.__dict__["neighborhoods"] = slots
    return padded


def _with_spare(count: int) -> int:
    """Return a number that a count fits into also once it has grown a little."""
    return above(count + count // 16 + 2)


def _room(degree: Int[Tensor, " atoms"], slots: int) -> Int[Tensor, " atoms"]:
    """Return how many pairs of edges to its own images each atom has room for."""
    return ((slots - degree) // 2).clamp(min=0)


def _order(
    center: Int[Tensor, " edges"], neighbor: Int[Tensor, " edges"], image: Int[Tensor, "edges 3"]
) -> Int[Tensor, " edges"]:
    """Return the order by center, neighbor and image."""
    order = torch.arange(len(center))
    for key in (*image.flip(1).unbind(1), neighbor, center):
        order = order.index_select(0, key.index_select(0, order).argsort(stable=True))
    return order
