"""Weights that each element has for itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.nn.element_rows import OfElements
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors


@dataclass(frozen=True, eq=False)
class ElementGroups:
    """The atoms of a batch by element."""

    present: Int[Tensor, " elements"]
    """Rows of the elements in tables of weights, ascending."""
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
        """Sort atoms.

        Args:
            row: Of each atom, that of its element in tables of weights.
        """
        present, element, counts = torch.unique(row, return_inverse=True, return_counts=True)
        order = torch.argsort(element, stable=True)
        rank = torch.empty_like(order).index_copy_(0, order, torch.arange(len(order)).to(order))
        return cls(present, element, counts.tolist(), order, rank)

    def rows(self, table: Float[Tensor, "elements *rest"]) -> Float[Tensor, "rows *rest"]:
        """Take the row of each atom's element; a single row where all are of one element.

        Args:
            table: A row for each element.
        """
        present = table.index_select(0, self.present)
        return present if len(self.counts) == 1 else present.index_select(0, self.element)


@final
class ElementLinear(OfElements):
    """x W_Z for each irreducible representation, with weights of the atom's element.

    Args:
        inputs: Channels that come in.
        outputs: Channels that are wanted; representations that do not come in are left out.
        elements: How many there are.
    """

    element_axes: Mapping[str, int] = MappingProxyType({"weights": 0})

    def __init__(self, inputs: Irreps, outputs: Irreps, elements: int) -> None:
        super().__init__()
        self.outputs = {irrep: outputs[irrep] for irrep in outputs if irrep in inputs}
        """Channels that go out."""
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(elements, inputs[irrep], channels) / inputs[irrep] ** 0.5)
            for irrep, channels in self.outputs.items()
        )

    def forward(self, atoms: Tensors, elements: ElementGroups) -> dict[Irrep, Tensor]:
        """Mix the channels.

        Args:
            atoms: With the channels that come in.
            elements: Of the same atoms.
        """
        mixed = {}
        for irrep, weight in zip(self.outputs, self.weights, strict=True):
            present = weight.index_select(0, elements.present)
            if len(present) == 1:
                mixed[irrep] = atoms[irrep] @ present[0]
                continue
            parts = atoms[irrep].index_select(0, elements.order).split(elements.counts)
            done = [part @ matrix for part, matrix in zip(parts, present.unbind(), strict=True)]
            mixed[irrep] = torch.cat(done).index_select(0, elements.rank)
        return mixed
