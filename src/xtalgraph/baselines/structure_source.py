"""What draws crystals of a composition: the interface of the baselines of generation."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from xtalgraph.crystals.crystal import Crystal


class StructureSource(ABC):
    """Draws crystals of a given cell content."""

    name: ClassVar[str]
    """As in tables."""

    @abstractmethod
    def draw(
        self, numbers: Int[np.ndarray, " atoms"], count: int, generator: np.random.Generator
    ) -> list[Crystal]:
        """Draw crystals, the most likely first.

        Args:
            numbers: Atomic numbers of all atoms of the cell, in any order.
            count: How many at most.
            generator: Draws what is random.

        Returns:
            So many; fewer, or none, where there are no more.
        """
