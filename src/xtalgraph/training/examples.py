"""Crystals with their targets, as the training loop sees them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.graphs.graph import Graph, Scope


@dataclass(frozen=True, eq=False)
class Examples:
    """A packed graph and the values to learn, one for each row of `scope`."""

    graph: Graph
    """All crystals in one batch."""
    values: Float[Tensor, "rows *columns"]
    """Targets in their own unit; of several a column for each, NaN where a label is missing."""
    scope: Scope
    """Crystal, or atom for atomic targets."""

    def __len__(self) -> int:
        return len(self.graph)

    def select(self, crystals: Int[Tensor, " chosen"]) -> "Examples":
        """Return some of the crystals, in the given order."""
        rows = self.graph.rows(self.scope, crystals)
        return Examples(self.graph.select(crystals), self.values.index_select(0, rows), self.scope)

    def to(self, device: torch.device) -> "Examples":
        """Return the examples on a device."""
        return Examples(self.graph.to(device), self.values.to(device), self.scope)


def shuffled_batches(
    examples: Examples, batch_size: int, *, seed: int, epoch: int
) -> Iterator[Examples]:
    """Yield the crystals of one epoch in an order that depends on seed and epoch alone.

    Args:
        examples: What to go through.
        batch_size: Crystals in a batch, at most; the batches are of equal size, give or take
            one, so that no small one is left at the end.
        seed: Of the run.
        epoch: Counted from 0.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(examples))
    for part in np.array_split(order, num_batches(len(examples), batch_size)):
        yield examples.select(torch.from_numpy(part))


def ordered_batches(examples: Examples, batch_size: int) -> Iterator[Examples]:
    """Yield the crystals in their order."""
    for part in torch.arange(len(examples)).split(batch_size):
        yield examples.select(part)


def num_batches(crystals: int, batch_size: int) -> int:
    """Return the number of steps in an epoch."""
    return -(-crystals // batch_size)
