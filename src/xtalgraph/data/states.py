"""What is known of crystals beside their atoms, as values that go with their graphs."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.graphs.graph import Graph

G = TypeVar("G", bound=Graph)


@dataclass(frozen=True, eq=False)
class States:
    """The state of each of some crystals, in their order."""

    numbers: Float[Tensor, "crystals numbers"]
    """Numbers such as temperature and pressure, in their own units."""
    fidelity: Int[Tensor, " crystals"]
    """Of the method by which the label was found; −1 where it is not known."""

    def __len__(self) -> int:
        return len(self.fidelity)

    def select(self, crystals: Int[Tensor, " chosen"] | Int[np.ndarray, " chosen"]) -> "States":
        """Return the states of some of the crystals, in the given order."""
        chosen = torch.as_tensor(crystals, dtype=torch.long)
        return States(self.numbers[chosen], self.fidelity[chosen])

    def attach(self, graph: G) -> G:
        """Return the graph of the same crystals with their states."""
        return graph.replace(state=self.numbers, fidelity=self.fidelity)

    def to_bytes(self) -> bytes:
        """Return all of it, little-endian."""
        return self.numbers.numpy().astype("<f8").tobytes() + self.fidelity.numpy().tobytes()
