"""Some graphs of a store, read batch by batch: what a training goes through without loading it."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.store import GraphStore
from xtalgraph.data.store_packing import first_rows
from xtalgraph.graphs.graph import COUNTS, Graph, Scope


@final
@dataclass(frozen=True, eq=False)
class StoredGraphs:
    """Crystals of a store in an order of their own; index 0 is the first of `crystals`."""

    store: GraphStore
    """Where the graphs are."""
    crystals: Int[np.ndarray, " crystals"]
    """Which of them, as indices in the store."""
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where batches are put."""
    conditions: ConditionValues | None = None
    """What is known of each crystal beside its atoms; batches have it."""

    @classmethod
    def all_of(cls, store: GraphStore) -> "StoredGraphs":
        """Return every graph of a store, in its order."""
        return cls(store, np.arange(len(store)))

    def __len__(self) -> int:
        return len(self.crystals)

    def select(self, crystals: Int[Tensor, " chosen"]) -> Graph:
        """Read the graph of some of the crystals, in the given order."""
        chosen = crystals.cpu().numpy()
        graph = self.store.select(self.crystals[chosen])
        if self.conditions is not None:
            graph = self.conditions.select(chosen).attach(graph)
        return graph.to(self.device)

    def part(self, crystals: Int[Tensor, " chosen"]) -> "StoredGraphs":
        """Return some of the crystals, without reading them."""
        chosen = crystals.cpu().numpy()
        conditions = None if self.conditions is None else self.conditions.select(chosen)
        return StoredGraphs(self.store, self.crystals[chosen], self.device, conditions)

    def to(self, device: torch.device) -> "StoredGraphs":
        """Return the same crystals, batches of which are put on a device."""
        return replace(self, device=device)

    def counts(self, scope: Scope) -> Int[Tensor, " crystals"]:
        """Return how many rows of a scope each crystal has, without reading a graph."""
        return torch.from_numpy(self.store.sizes(scope, self.crystals))

    def rows(self, scope: Scope, crystals: Int[Tensor, " chosen"]) -> Int[Tensor, " rows"]:
        """Return the rows of a scope that belong to some of the crystals, crystal by crystal.

        Rows are numbered through all crystals of this part, as in a graph of them.
        """
        if scope is Scope.CRYSTAL:
            return crystals
        first, chosen = self._first[scope], crystals.cpu().numpy()
        start, stop = first[chosen], first[chosen + 1]
        shift = np.repeat(stop - np.cumsum(stop - start), stop - start)
        return torch.from_numpy(shift + np.arange(len(shift)))

    @cached_property
    def _first(self) -> dict[Scope, np.ndarray]:
        return {scope: first_rows(self.store.sizes(scope, self.crystals)) for scope in COUNTS}
