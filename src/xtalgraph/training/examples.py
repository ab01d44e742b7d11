"""Crystals with their targets, as the training loop sees them."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.graphs.graph import Graph, Scope
from xtalgraph.training.schedule import num_batches

_READERS: Final = 8
"""Batches that are read from a disk at the same time: it serves many small reads at once."""
S = TypeVar("S", bound="GraphSource")


@runtime_checkable
class GraphSource(Protocol):
    """Graphs of many crystals, in memory (a `Graph`) or on disk (`StoredGraphs`).

    Both give the same batches, to the bit.
    """

    def __len__(self) -> int:
        """Return the number of crystals."""

    def select(self, crystals: Int[Tensor, " chosen"]) -> Graph:
        """Return the graph of some of the crystals, in the given order."""

    def rows(self, scope: Scope, crystals: Int[Tensor, " chosen"]) -> Int[Tensor, " rows"]:
        """Return the rows of a scope that belong to some of the crystals, crystal by crystal."""

    def to(self: S, device: torch.device) -> S:
        """Return the same, with batches on a device."""


S_co = TypeVar("S_co", bound=GraphSource, covariant=True)


@dataclass(frozen=True, eq=False)
class Examples(Generic[S_co]):
    """Graphs and the values to learn, one for each row of `scope`."""

    graph: S_co
    """All crystals; of a batch, a `Graph`."""
    values: Float[Tensor, "rows *columns"]
    """Targets in their own unit; of several a column for each, NaN where a label is missing."""
    scope: Scope
    """Crystal, or atom for atomic targets."""

    def __len__(self) -> int:
        return len(self.graph)

    def select(self, crystals: Int[Tensor, " chosen"]) -> "Examples[Graph]":
        """Return some of the crystals, in the given order."""
        device = self.values.device
        rows = self.graph.rows(self.scope, crystals.to(device)).to(device)
        return Examples(self.graph.select(crystals), self.values.index_select(0, rows), self.scope)

    def to(self, device: torch.device) -> "Examples[S_co]":
        """Return the examples on a device."""
        return Examples(self.graph.to(device), self.values.to(device), self.scope)


def shuffled_batches(
    examples: Examples[GraphSource], batch_size: int, *, seed: int, epoch: int
) -> Iterator[Examples[Graph]]:
    """Yield the crystals of one epoch in an order that depends on seed and epoch alone.

    Args:
        examples: What to go through.
        batch_size: Crystals in a batch, at most; the batches are of equal size, give or take
            one, so that no small one is left at the end.
        seed: Of the run.
        epoch: Counted from 0.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(examples))
    parts = np.array_split(order, num_batches(len(examples), batch_size))
    yield from _selected(examples, map(torch.from_numpy, parts))


def ordered_batches(examples: Examples[GraphSource], batch_size: int) -> Iterator[Examples[Graph]]:
    """Yield the crystals in their order."""
    yield from _selected(examples, torch.arange(len(examples)).split(batch_size))


def _selected(
    examples: Examples[GraphSource], parts: Iterable[Int[Tensor, " chosen"]]
) -> Iterator[Examples[Graph]]:
    """Yield batches in order; from a disk, the next ones are read while one is computed with."""
    if isinstance(examples.graph, Graph):
        yield from map(examples.select, parts)
        return
    with ThreadPoolExecutor(_READERS) as pool:
        ahead: deque[Future[Examples[Graph]]] = deque()
        for part in parts:
            ahead.append(pool.submit(examples.select, part))
            if len(ahead) > _READERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
