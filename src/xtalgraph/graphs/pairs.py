"""Edges in pairs: each with its reverse, which has the same length."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Pairs:
    """The pairs of a graph in which each edge has its reverse.

    What depends on the length of an edge alone is computed once for both.
    """

    first: Int[Tensor, " pairs"]
    """One edge of each pair."""
    center: Int[Tensor, " pairs"]
    """Its center."""
    neighbor: Int[Tensor, " pairs"]
    """Its neighbor, the center of its reverse."""
    rows: Int[Tensor, " edges"]
    """Where each edge stands if all first edges come before all their reverses."""

    def __len__(self) -> int:
        return len(self.first)


def find_pairs(
    center: Int[Tensor, " edges"], neighbor: Int[Tensor, " edges"], image: Int[Tensor, "edges 3"]
) -> Pairs | None:
    """Find the reverse of each edge.

    Args:
        center: Atoms that receive, in a batch of full graphs.
        neighbor: Atoms that send.
        image: Lattice translations of these.

    Returns:
        None if an edge has no reverse, as those to nearest neighbours, or the edges are not sorted
        by center, neighbor and image.
    """
    if not len(center):
        return None
    image = image.long()
    reach = image.abs().amax(dim=0)
    span = 2 * reach + 1
    code = ((image[:, 0] * span[1]) + image[:, 1]) * span[2] + image[:, 2]
    forward = (center < neighbor) | ((center == neighbor) & (code > 0))
    first, second = forward.nonzero().squeeze(-1), (~forward).nonzero().squeeze(-1)
    if len(first) != len(second):
        return None
    atoms, images = int(torch.maximum(center.max(), neighbor.max())) + 1, int(span.prod())
    if atoms * atoms * images >= 2**62:
        return None
    key = (center * atoms + neighbor) * images + code
    reverse = (neighbor * atoms + center) * images - code
    back, order = reverse.index_select(0, second).sort()
    if not torch.equal(back, key.index_select(0, first)):
        return None
    rows = torch.empty_like(center)
    count = torch.arange(len(first), device=center.device)
    rows[first], rows[second[order]] = count, count + len(first)
    return Pairs(first, center.index_select(0, first), neighbor.index_select(0, first), rows)
