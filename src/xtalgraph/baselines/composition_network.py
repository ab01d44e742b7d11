"""The network that knows the chemistry and nothing of the structure."""

from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.baseline import Baseline
from xtalgraph.baselines.composition_features import composition_features, informative_columns
from xtalgraph.baselines.learners import FeatureRegressor


class CompositionNetwork(Baseline):
    """A perceptron on the features of `CompositionBaseline`, which are in the manner of Magpie.

    Args:
        kind: Whether the target is a total of the cell.
        seed: Of the weights and of the order of the rows.
    """

    name: ClassVar[str] = "composition-mlp"
    description: ClassVar[str] = (
        "A perceptron on the fractions of the elements and statistics of their properties in the "
        "manner of Magpie; it sees no positions."
    )

    def __init__(self, kind: Literal["extensive", "intensive"], seed: int = 0) -> None:
        super().__init__(kind)
        self._network = FeatureRegressor("intensive", "mlp", seed)

    def _learn(
        self,
        compositions: Float[np.ndarray, "crystals 119"],
        values: Float[np.ndarray, " crystals"],
    ) -> None:
        features = composition_features(compositions)
        self._columns = informative_columns(features)
        self._network.fit(features[:, self._columns], np.ones(len(values)), values)

    def _estimate(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        features = composition_features(compositions)[:, self._columns]
        return self._network.predict(features, np.ones(len(compositions)))

    @property
    def parameters(self) -> int | None:
        """Number of weights."""
        return self._network.parameters
