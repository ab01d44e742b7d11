"""The baseline that knows the chemistry and nothing of the structure."""

from typing import ClassVar, Final, Literal

import numpy as np
from jaxtyping import Float
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from xtalgraph.baselines.baseline import Baseline
from xtalgraph.baselines.composition_features import composition_features, informative_columns

MAX_ROUNDS: Final[int] = 300
"""The most trees."""
MIN_ROWS_TO_CHOOSE: Final[int] = 50
"""With fewer rows nothing is held out: squared error and 100 trees."""


class CompositionBaseline(Baseline):
    """Gradient-boosted trees on element fractions and statistics of element properties.

    Two choices depend on the data: the loss, and the number of trees. Squared error serves smooth
    targets; absolute error serves where one composition has many energies (a perovskite and its
    twin with A and B exchanged). Both are made on a fifth of the training rows, held out once, by
    mean absolute error; then all training rows are learned. The rest is fixed and was chosen by
    cross-validation inside training folds of phonon frequencies and perovskite energies.

    Fit and prediction run on one thread, since the order in which several threads add up would
    change the last bit: the same rows and seed give the same bits on any number of cores.

    Args:
        kind: Whether the target is a total of the cell.
        seed: Seed of the rows held out and of the features drawn at each split.
    """

    name: ClassVar[str] = "composition"
    description: ClassVar[str] = (
        "Gradient-boosted trees on the fractions of the elements and statistics of their "
        "properties; it sees no positions."
    )

    def __init__(self, kind: Literal["extensive", "intensive"], seed: int = 0) -> None:
        super().__init__(kind)
        self.seed = seed

    def _learn(
        self,
        compositions: Float[np.ndarray, "crystals 119"],
        values: Float[np.ndarray, " crystals"],
    ) -> None:
        features = composition_features(compositions)
        self._columns = informative_columns(features)
        features = features[:, self._columns]
        with threadpool_limits(limits=1, user_api="openmp"):
            loss, rounds = self._choose(features, values)
            self._trees = self._regressor(loss, rounds).fit(features, values)

    def _estimate(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        with threadpool_limits(limits=1, user_api="openmp"):
            return self._trees.predict(composition_features(compositions)[:, self._columns])

    def _choose(
        self,
        features: Float[np.ndarray, "crystals columns"],
        values: Float[np.ndarray, " crystals"],
    ) -> tuple[str, int]:
        """Loss and number of trees with the smallest error on a fifth of the rows."""
        if len(values) < MIN_ROWS_TO_CHOOSE:
            return "squared_error", 100
        shuffled = np.random.default_rng(self.seed).permutation(len(values))
        held, kept = np.split(shuffled, [len(values) // 5])
        scores: list[tuple[float, str, int]] = []
        for loss in ("squared_error", "absolute_error"):
            trees = self._regressor(loss, MAX_ROUNDS).fit(features[kept], values[kept])
            for rounds, guess in enumerate(trees.staged_predict(features[held]), start=1):
                scores.append((float(np.abs(guess - values[held]).mean()), loss, rounds))
        _, loss, rounds = min(scores)
        return loss, rounds

    def _regressor(self, loss: str, rounds: int) -> HistGradientBoostingRegressor:
        """Small trees that each look at a third of the features."""
        return HistGradientBoostingRegressor(
            loss=loss,
            learning_rate=0.1,
            max_iter=rounds,
            max_leaf_nodes=8,
            min_samples_leaf=5,
            max_features=0.3,
            early_stopping=False,
            random_state=self.seed,
        )
