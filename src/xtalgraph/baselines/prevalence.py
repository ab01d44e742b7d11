"""The baseline of a classifier that has seen only how frequent the classes are."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.baseline import Baseline


class PrevalenceBaseline(Baseline):
    """The share of class 1 among the training crystals, for every crystal the same.

    Of all constant probabilities it has the lowest log loss where the classes are as frequent as in
    training.
    """

    name: ClassVar[str] = "mean"
    description: ClassVar[str] = "The share of class 1 in the training set, for every crystal."

    def __init__(self) -> None:
        super().__init__("intensive")

    def _learn(
        self,
        compositions: Float[np.ndarray, "crystals 119"],
        values: Float[np.ndarray, " crystals"],
    ) -> None:
        self._share = float(values.mean())

    def _estimate(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        return np.full(len(compositions), self._share)
