"""The baseline that has seen only the average."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.baseline import Baseline


class MeanBaseline(Baseline):
    """The mean of the training targets; for an extensive target N times the mean per atom.

    The mean per atom is that of y/N over the crystals, in which every crystal counts once. Σy/ΣN
    would count a crystal more for being stored as a supercell.

    >>> rock_salt = np.zeros((1, 119))
    >>> rock_salt[0, [11, 17]] = 1
    >>> MeanBaseline("extensive").fit(rock_salt, np.array([-6.0])).predict(4 * rock_salt)
    array([-24.])
    """

    name: ClassVar[str] = "mean"
    description: ClassVar[str] = (
        "The mean of the training set; for an extensive target the number of atoms times the "
        "mean per atom."
    )

    def _learn(
        self,
        compositions: Float[np.ndarray, "crystals 119"],
        values: Float[np.ndarray, " crystals"],
    ) -> None:
        self._mean = float(values.mean())

    def _estimate(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        return np.full(len(compositions), self._mean)
