"""Functions of the positions of a crystal, of which a linear potential is a sum."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.crystal import Crystal


@dataclass(frozen=True, eq=False)
class Design:
    """What the coefficients are multiplied with for the labels of a crystal."""

    energy: Float[np.ndarray, " columns"]
    """Of the energy of the cell."""
    forces: Float[np.ndarray, "atoms 3 columns"]
    """−∂/∂r of it."""
    stress: Float[np.ndarray, "3 3 columns"]
    """∂/∂ε of it, over the volume."""


class Basis(ABC):
    """Functions of the positions, a sum of which is the energy.

    Subclasses state `name`.
    """

    name: ClassVar[str]
    """As in tables."""
    expensive: ClassVar[bool] = False
    """Whether what is computed of a crystal is better kept than computed again."""

    @property
    @abstractmethod
    def columns(self) -> int:
        """The number of coefficients."""

    @abstractmethod
    def design(self, crystal: Crystal) -> Design:
        """Return the functions of a crystal, and their derivatives."""


@final
class NoBasis(Basis):
    """No function at all: the energies of the elements remain."""

    name: ClassVar[str] = "reference energies"

    @property
    def columns(self) -> int:
        """There is no coefficient."""
        return 0

    def design(self, crystal: Crystal) -> Design:
        """Return nothing."""
        return Design(np.zeros(0), np.zeros((len(crystal), 3, 0)), np.zeros((3, 3, 0)))
