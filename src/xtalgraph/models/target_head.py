"""What turns the features of an encoder into one target, of numbers or of tensors."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.crystals.composition import Elements
from xtalgraph.data.targets import Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Features


class TargetHead(nn.Module, ABC):
    """Base of every head."""

    deviations: nn.ModuleList
    """What predicts the standard deviation of its errors; empty where nothing does."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target
        self.deviations = nn.ModuleList()

    @abstractmethod
    def forward(self, features: Features, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return a row for each crystal, or for each atom if the target is atomic."""

    @abstractmethod
    def deviation(self, features: Features, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return the standard deviation of the error of each value, in the target's unit."""

    @abstractmethod
    def start(self, graph: Graph) -> Float[Tensor, "rows *shape"]:
        """Return what the scales say by themselves, in float64: where training begins."""

    @abstractmethod
    def fit(self, values: Float[np.ndarray, "rows *shape"], numbers: Sequence[Elements]) -> None:
        """Fit the scales to the training crystals that have a label.

        Args:
            values: A row for each crystal, or for each atom of an atomic target; NaN where a label
                is missing.
            numbers: Atomic numbers of each crystal, or the amounts of its elements, see
                `xtalgraph.models.head.Scaler.fit`.

        Raises:
            InputError: If there is only one class to learn from.
        """

    @property
    def size(self) -> float:
        """Typical size of a number of the labels, in the unit of the target; 0 if not known."""
        return 0.0

    @abstractmethod
    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the vector of each crystal from which the target is read."""

    @property
    @abstractmethod
    def learns_pooling(self) -> bool:
        """Whether the pooling has weights; if not, the embedding is the mean of the atoms."""
