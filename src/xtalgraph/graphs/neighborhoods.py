"""The edges of each atom in a row of slots, as many for every atom."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Neighborhoods:
    """Where each edge stands in rows of one length, so that sums over neighbors are products.

    An atom with fewer neighbors than another has empty slots at the end of its row.
    """

    shape: tuple[int, int]
    """How many atoms there are, and how many slots each has."""
    slot: Int[Tensor, " edges"]
    """The slot of each edge, numbered through the whole batch, row by row."""
    neighbor: Int[Tensor, " slots"]
    """The atom at each slot; atom 0 at empty ones."""


def arrange(
    center: Int[Tensor, " edges"],
    neighbor: Int[Tensor, " edges"],
    degree: Int[Tensor, " atoms"],
    *,
    ordered: bool,
    slots: int = 0,
) -> Neighborhoods:
    """Give each edge a slot in the row of its center.

    Args:
        center: Atoms that receive, in a batch of full graphs.
        neighbor: Atoms that send.
        degree: The number of edges of each atom.
        ordered: Whether the edges are sorted by center.
        slots: The least number of slots of an atom.
    """
    atoms, slots = len(degree), max(slots, int(degree.max()) if len(center) else 0)
    order = None if ordered else torch.argsort(center, stable=True)
    row = center if order is None else center.index_select(0, order)
    before = degree.cumsum(0) - degree
    nth = torch.arange(len(center), device=center.device) - before.index_select(0, row)
    slot = row * slots + nth
    if order is not None:
        slot = torch.empty_like(slot).index_copy_(0, order, slot)
    at = neighbor.new_zeros(atoms * slots).index_copy_(0, slot, neighbor)
    return Neighborhoods((atoms, slots), slot, at)
