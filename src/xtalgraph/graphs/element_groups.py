"""The atoms of a batch by element."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class ElementGroups:
    """The atoms of a batch by element, or by the row that their element has in tables."""

    present: Int[Tensor, " elements"]
    """The elements, or their rows in tables of weights, ascending."""
    element: Int[Tensor, " atoms"]
    """The row of each atom's element in `present`."""
    counts: list[int]
    """How many atoms each element has."""
    order: Int[Tensor, " atoms"]
    """The atoms, element by element."""
    rank: Int[Tensor, " atoms"]
    """Where each atom stands in this order."""

    @classmethod
    def of(cls, row: Int[Tensor, " atoms"]) -> "ElementGroups":
        """Sort atoms by atomic number, or by the row of their element in tables of weights."""
        present, element, counts = torch.unique(row, return_inverse=True, return_counts=True)
        order = torch.argsort(element, stable=True)
        rank = torch.empty_like(order).index_copy_(0, order, torch.arange(len(order)).to(order))
        return cls(present, element, counts.tolist(), order, rank)

    def rows(self, table: Float[Tensor, "elements *rest"]) -> Float[Tensor, "rows *rest"]:
        """Take the row of each atom's element; a single row where all are of one element."""
        present = table.index_select(0, self.present)
        return present if len(self.counts) == 1 else present.index_select(0, self.element)
