"""Loose edges to a graph: fields that number edges."""

import dataclasses
from dataclasses import dataclass

import pytest
import torch
from jaxtyping import Int
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.assembly import assemble
from xtalgraph.graphs.graph import Scope, scoped


@dataclass(frozen=True, eq=False, repr=False)
class Numbered(CrystalGraph):
    """A graph with a field whose values number edges."""

    reverse: Int[Tensor, " edges"] = scoped(Scope.EDGE, points_to=Scope.EDGE)  # noqa: RUF009


def fields_of(graph: CrystalGraph, order: Tensor) -> dict[str, Tensor]:
    names = {field.name for field in dataclasses.fields(CrystalGraph)} - {"num_edges"}
    fields = {name: getattr(graph, name) for name in names}
    return fields | {name: fields[name][order] for name in ("center", "neighbor", "image")}


def test_a_field_that_numbers_edges_needs_them_in_order(undirected, assert_equal):
    order = torch.arange(len(undirected.center))
    sorted_fields = fields_of(undirected, order)
    numbered = assemble(Numbered, **sorted_fields, reverse=order.flip(0))
    assert torch.equal(numbered.reverse, order.flip(0))
    turned = fields_of(undirected, order.flip(0))
    assert_equal(assemble(CrystalGraph, **turned), undirected)
    with pytest.raises(GraphError, match="reverse numbers edges, and they are not sorted"):
        assemble(Numbered, **turned, reverse=order)
