"""The baseline of derivatives: energies of the elements alone have none."""

from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float


class ReferenceEnergies:
    """No force and no stress: what a sum of energies of free atoms predicts."""

    name: ClassVar[str] = "reference energies"
    description: ClassVar[str] = (
        "Energies of the elements alone, added up: no force on any atom, and no stress."
    )

    def fit(self, rows: Any, targets: Float[np.ndarray, " rows"]) -> "ReferenceEnergies":
        """Learn nothing.

        Args:
            rows: Atoms or crystals.
            targets: A component of each.
        """
        return self

    def predict(self, rows: Any) -> Float[np.ndarray, " rows"]:
        """Predict zero.

        Args:
            rows: Atoms or crystals.
        """
        return np.zeros(len(rows))
