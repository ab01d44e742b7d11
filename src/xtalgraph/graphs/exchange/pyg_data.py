"""The PyTorch Geometric ``Data`` of one crystal; this module needs ``torch_geometric``."""

import dataclasses
from typing import Any, Final, final

from torch_geometric.data import Data

from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Scope
from xtalgraph.graphs.invariant_graph import InvariantGraph

EDGE_POINTERS: Final[frozenset[str]] = frozenset(
    field.name
    for kind in (CrystalGraph, InvariantGraph)
    for field in dataclasses.fields(kind)
    if field.metadata["points_to"] is Scope.EDGE
)
"""Fields whose values number edges."""


@final
class CrystalData(Data):
    """A ``Data`` that is put into a batch like any other; fields that number edges stay right."""

    def __inc__(self, key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        if key in EDGE_POINTERS:
            return self.num_edges
        return super().__inc__(key, value, *args, **kwargs)
