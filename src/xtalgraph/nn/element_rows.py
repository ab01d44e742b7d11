"""Which elements have weights of their own, and where these stand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import final

import torch
from jaxtyping import Int
from torch import Tensor, nn

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER, numbers_of, why_not_known
from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.element_groups import ElementGroups
from xtalgraph.graphs.graph import Graph


@final
class ElementRows(nn.Module):
    """The row of each element in tables of weights, by ascending atomic number.

    Args:
        elements: Symbols of those that have a row; None for a row for every number from 0.

    Raises:
        ConfigError: If a symbol is not one of an element.
    """

    row: Tensor

    def __init__(self, elements: Sequence[str] | None) -> None:
        super().__init__()
        self.numbers = numbers_of(elements)
        """Atomic number of each row."""
        row = torch.full((MAX_ATOMIC_NUMBER + 1,), -1)
        row[list(self.numbers)] = torch.arange(len(self.numbers))
        self.register_buffer("row", row, persistent=False)

    def of(self, number: Int[Tensor, " atoms"]) -> Int[Tensor, " atoms"]:
        """Return the row of each atomic number, below 0 where the element has none."""
        return self.row.index_select(0, number)

    def groups(self, graph: Graph) -> ElementGroups:
        """Return the atoms of a graph by the row of their element, which all have."""
        groups = graph.element_groups
        return replace(groups, present=self.of(groups.present))

    def check(self, graph: Graph) -> None:
        """Refuse a graph with an element that has no row; the `GraphError` names it."""
        if reason := why_not_known(graph.elements, self.numbers):
            raise GraphError(reason)


class OfElements(nn.Module):
    """A part of a model with weights of each element."""

    element_axes: Mapping[str, int]
    """Axis of the elements in each weight of that name, or in those of a list of that name."""


def element_axes(model: nn.Module) -> dict[str, int]:
    """Return the axis of the elements in each weight that has one, by the name of the weight."""
    axes = {}
    for path, part in model.named_modules():
        if isinstance(part, OfElements):
            for name, _ in part.named_parameters(recurse=True):
                axis = part.element_axes.get(name.partition(".")[0])
                if axis is not None:
                    axes[f"{path}.{name}" if path else name] = axis
    return axes


def take_elements(
    into: Tensor, values: Tensor, axis: int, after: Sequence[int], before: Sequence[int]
) -> tuple[int, ...]:
    """Copy the weights of the elements that two tables share.

    Args:
        into: What is written, in place; the weights of its other elements are left as they are.
        values: What is read, with other elements and otherwise of the same shape.
        axis: Of the elements in both.
        after: Atomic numbers along it of what is written.
        before: The same of what is read.

    Returns:
        The atomic numbers that were copied.
    """
    shared = sorted(set(after) & set(before))
    rows = torch.tensor([list(after).index(number) for number in shared], dtype=torch.long)
    taken = torch.tensor([list(before).index(number) for number in shared], dtype=torch.long)
    with torch.no_grad():
        source = values.index_select(axis, taken.to(values.device)).to(into)
        into.index_copy_(axis, rows.to(into.device), source)
    return tuple(shared)
