"""What every part of an interatomic model returns: energy, forces and stress."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class Interaction:
    """Energy of a cell with its derivatives. Two of them add up."""

    energy: float
    """Total of the cell, eV."""
    forces: Float[np.ndarray, "atoms 3"]
    """Minus the derivative by the positions, eV/Å."""
    stress: Float[np.ndarray, "3 3"]
    """Derivative by the strain over the volume, eV/Å³, positive in tension."""

    def __add__(self, other: "Interaction") -> "Interaction":
        return Interaction(
            self.energy + other.energy, self.forces + other.forces, self.stress + other.stress
        )
