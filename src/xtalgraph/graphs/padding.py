"""Graphs made up to a given size, with rows that count nothing."""

import dataclasses
from typing import Final, NamedTuple

import torch
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.graph import COUNTS, Scope
from xtalgraph.graphs.invariant_graph import InvariantGraph

_STEPS: Final = 4
"""Sizes between one power of two and the next: at most a fifth of a graph is padding."""
_FILL: Final = {"number": 1, "distance": 1}
"""What the added rows have; 0 in all other fields, unless they count or point."""


class Size(NamedTuple):
    """How large a graph is."""

    atoms: int
    """Rows of the scope atom."""
    edges: int
    """Rows of the scope edge."""
    triplets: int
    """Rows of the scope triplet."""


def padded_size(graph: InvariantGraph) -> Size:
    """Return a size that the graph can be padded to, of which there are few."""
    return Size(
        above(len(graph.number)),
        above(len(graph.center)),
        above(len(graph.receiving_edge)) if bool(graph.has_angles.any()) else 0,
    )


def pad_graph(graph: InvariantGraph, size: Size) -> InvariantGraph:
    """Return the graph with one more crystal, the last, of rows whose multiplicity is 0.

    Whatever adds up over atoms, edges or triplets counts each as often as its multiplicity says, so
    the other crystals are what they were. The added atoms are hydrogen, the added edges 1 Å long,
    each from the first added atom to itself.

    Args:
        graph: A batch, reduced or not, in which edges have a length and no direction.
        size: Larger than the graph in atoms and in edges, and if it has angles in triplets.

    Raises:
        GraphError: If the graph does not fit, or has disordered sites.
    """
    had = Size(len(graph.number), len(graph.center), len(graph.receiving_edge))
    graph.expect_ordered("a graph that is padded")
    scopes = (Scope.ATOM, Scope.EDGE, Scope.TRIPLET)
    added = {scope: want - has for scope, want, has in zip(scopes, size, had, strict=True)}
    least = {Scope.ATOM: 1, Scope.EDGE: 1, Scope.TRIPLET: int(size.triplets > 0)}
    if any(added[scope] < least[scope] for scope in least):
        raise GraphError(f"a graph of {had} cannot be padded to {size}: the latter must be larger")
    rows = {Scope.CRYSTAL: 1, Scope.SHARE: 0, **added}
    begins = dict(zip(added, had, strict=True))
    counts = {name: rows[scope] for scope, name in COUNTS.items()}
    fields: dict[str, Tensor] = {}
    for field in dataclasses.fields(graph):
        value: Tensor = getattr(graph, field.name)
        scope, target = field.metadata["scope"], field.metadata["points_to"]
        fill = _FILL.get(field.name, 0) if target is None else begins[target]
        fill = counts.get(field.name, fill)
        more = value.new_full((rows[scope], *value.shape[1:]), fill)
        fields[field.name] = torch.cat([value, more])
    fields["has_angles"][-1] = size.triplets > 0
    return graph.replace(**fields)


def above(count: int) -> int:
    """Return a number above a count, of the form (4 + n) 2ᵐ with n below 4."""
    step = 1 << max((count + 1).bit_length() - _STEPS.bit_length(), 0)
    return -(-(count + 1) // step) * step
