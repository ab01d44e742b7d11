"""Crystals with their labels, as the training loop sees them."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Graph, Scope

_READERS: Final = 8
"""Batches that are read from a disk at the same time: it serves many small reads at once."""
EVALUATION_BATCH: Final = 256
"""Crystals in a batch that is only evaluated."""
S = TypeVar("S", bound="GraphSource")
B = TypeVar("B")


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

    def counts(self, scope: Scope) -> Int[Tensor, " crystals"]:
        """Return how many rows of a scope each crystal has; not of the scope crystal."""

    def to(self: S, device: torch.device) -> S:
        """Return the same, with batches on a device."""


S_co = TypeVar("S_co", bound=GraphSource, covariant=True)


@dataclass(frozen=True, eq=False)
class Labels:
    """What is to be learned of one target."""

    values: Float[Tensor, "rows *shape"]
    """In the unit of the target; NaN where a label is missing."""
    scope: Scope
    """What a row belongs to: a crystal, or an atom for an atomic target."""

    def __len__(self) -> int:
        return len(self.values)

    def to(self, device: torch.device) -> "Labels":
        """Return the labels on a device."""
        return Labels(self.values.to(device), self.scope)


@dataclass(frozen=True, eq=False)
class Examples(Generic[S_co]):
    """Graphs and the labels to learn, by the name of the target."""

    graph: S_co
    """All crystals; of a batch, a `Graph`."""
    labels: Mapping[str, Labels]
    """Of the same crystals."""

    def __len__(self) -> int:
        return len(self.graph)

    def select(self, crystals: Int[Tensor, " chosen"]) -> "Examples[Graph]":
        """Return some of the crystals, in the given order."""
        rows: dict[Scope, Tensor] = {}
        chosen = {}
        for name, labels in self.labels.items():
            device, scope = labels.values.device, labels.scope
            if scope not in rows:
                rows[scope] = self.graph.rows(scope, crystals.to(device)).to(device)
            chosen[name] = Labels(labels.values.index_select(0, rows[scope]), scope)
        return Examples(self.graph.select(crystals), chosen)

    def sizes(self, by: str) -> Int[np.ndarray, " crystals"] | None:
        """Return how many atoms or edges each crystal has; None where crystals are counted."""
        if by == "crystals":
            return None
        counts = self.graph.counts(Scope.ATOM if by == "atoms" else Scope.EDGE)
        return np.maximum(counts.numpy(force=True), 1)

    def to(self, device: torch.device) -> "Examples[S_co]":
        """Return the examples on a device."""
        labels = {name: values.to(device) for name, values in self.labels.items()}
        return Examples(self.graph.to(device), labels)


def labels_from(values: Values) -> dict[str, Labels]:
    """Return values as a training takes them."""
    return {
        target.name: Labels(torch.from_numpy(values[target.name]), target.scope)
        for target in values.targets
    }


def shuffled_batches(
    examples: Examples[GraphSource],
    count: int,
    *,
    seed: int,
    epoch: int,
    sizes: Int[np.ndarray, " crystals"] | None = None,
) -> Iterator[Examples[Graph]]:
    """Yield the crystals of one epoch in an order that depends on seed and epoch alone.

    Args:
        examples: What to go through.
        count: Number of batches; they are of equal size, give or take one crystal, so that no
            small one is left at the end.
        seed: Of the run.
        epoch: Counted from 0.
        sizes: How much of a batch each crystal takes; None where all take the same.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(examples))
    parts = np.array_split(order, count) if sizes is None else _cut(order, sizes, count)
    yield from _read_ahead(examples.graph, examples.select, map(torch.from_numpy, parts))


def _cut(
    order: Int[np.ndarray, " crystals"], sizes: Int[np.ndarray, " crystals"], count: int
) -> list[Int[np.ndarray, " chosen"]]:
    """Cut a row of crystals where its parts come nearest to the same size; none is empty."""
    row, number = sizes[order], np.arange(1, count)
    middle = np.cumsum(row) - row / 2
    cuts = np.searchsorted(middle, row.sum() * number / count)
    spare = np.maximum.accumulate(cuts - number).clip(0, len(order) - count)
    return np.split(order, spare + number)


def ordered_graphs(source: GraphSource, most_atoms: int | None = None) -> Iterator[Graph]:
    """Yield batches of the graphs in their order, of at most `EVALUATION_BATCH` crystals.

    Args:
        source: The graphs of some crystals.
        most_atoms: Of a batch, unless one crystal has more; None for no limit.
    """
    crystals = torch.arange(len(source))
    yield from _read_ahead(source, source.select, _parts(source, crystals, most_atoms))


def less(
    examples: Examples[GraphSource],
    given: Callable[[Graph], Mapping[str, Tensor]],
    most_atoms: int | None = None,
) -> Examples[GraphSource]:
    """Return examples whose labels are less by something.

    Args:
        examples: Of all crystals.
        given: What is subtracted, for a batch, by target; where it is empty, nothing is.
        most_atoms: Of a batch, as in `ordered_graphs`.
    """
    parts = []
    for graph in ordered_graphs(examples.graph, most_atoms):
        parts.append(given(graph))
        if not parts[0]:
            return examples
    sums = {name: torch.cat([part[name] for part in parts]) for name in (parts or [{}])[0]}
    labels = {
        name: Labels(known.values - sums[name], known.scope) if name in sums else known
        for name, known in examples.labels.items()
    }
    return Examples(examples.graph, labels)


def ordered_batches(
    examples: Examples[GraphSource], crystals: Int[Tensor, " chosen"], most_atoms: int | None = None
) -> Iterator[Examples[Graph]]:
    """Yield batches of some of the crystals in the given order, as `ordered_graphs` does of all.

    Args:
        examples: Graphs and labels.
        crystals: Which of them.
        most_atoms: Of a batch, unless one crystal has more; None for no limit.
    """
    source = examples.graph
    yield from _read_ahead(source, examples.select, _parts(source, crystals, most_atoms))


def _parts(
    source: GraphSource, crystals: Int[Tensor, " chosen"], most_atoms: int | None
) -> list[Int[Tensor, " part"]]:
    """Cut a row of crystals into batches."""
    pieces = [crystals]
    if most_atoms is not None:
        counts = source.counts(Scope.ATOM).cpu().index_select(0, crystals)
        batch = torch.cumsum(counts, 0).sub(1) // most_atoms
        cuts = torch.nonzero(batch.diff()).squeeze(-1) + 1
        pieces = list(crystals.tensor_split(cuts))
    return [part for piece in pieces for part in piece.split(EVALUATION_BATCH)]


def _read_ahead(
    source: GraphSource,
    select: Callable[[Int[Tensor, " chosen"]], B],
    parts: Iterable[Int[Tensor, " chosen"]],
) -> Iterator[B]:
    """Yield batches in order; from a disk, the next ones are read while one is computed with."""
    if isinstance(source, Graph):
        yield from map(select, parts)
        return
    with ThreadPoolExecutor(_READERS) as pool:
        ahead: deque[Future[B]] = deque()
        for part in parts:
            ahead.append(pool.submit(select, part))
            if len(ahead) > _READERS:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
