"""The baseline of a classifier that knows the chemistry and nothing of the structure."""

from typing import ClassVar

import numpy as np
from jaxtyping import Float
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from xtalgraph.baselines.baseline import Baseline
from xtalgraph.baselines.composition import MAX_ROUNDS, MIN_ROWS_TO_CHOOSE
from xtalgraph.baselines.composition_features import composition_features, informative_columns
from xtalgraph.conventions.errors import InputError


class CompositionClassifier(Baseline):
    """Gradient-boosted trees on the features of `CompositionBaseline`; predicts a probability.

    The number of trees is the one with the smallest log loss on a fifth of the training rows, held
    out once; then all training rows are learned. Fit and prediction run on one thread, so that the
    bits do not depend on the number of cores.

    Args:
        seed: Seed of the rows held out and of the features drawn at each split.
    """

    name: ClassVar[str] = "composition"
    description: ClassVar[str] = (
        "Gradient-boosted trees on the fractions of the elements and statistics of their "
        "properties; it sees no positions."
    )

    def __init__(self, seed: int = 0) -> None:
        super().__init__("intensive")
        self.seed = seed

    def _learn(
        self,
        compositions: Float[np.ndarray, "crystals 119"],
        values: Float[np.ndarray, " crystals"],
    ) -> None:
        classes = values.astype(np.int64)
        if not np.array_equal(np.unique(values), [0.0, 1.0]):
            distinct = ", ".join(f"{value:g}" for value in np.unique(values)[:5])
            raise InputError(
                f"a classifier needs rows of class 0 and of class 1, got only {distinct}"
            )
        features = composition_features(compositions)
        self._columns = informative_columns(features)
        features = features[:, self._columns]
        with threadpool_limits(limits=1, user_api="openmp"):
            rounds = self._choose(features, classes)
            self._trees = self._classifier(rounds).fit(features, classes)

    def _estimate(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        features = composition_features(compositions)[:, self._columns]
        with threadpool_limits(limits=1, user_api="openmp"):
            return self._trees.predict_proba(features)[:, 1]

    def _choose(self, features: np.ndarray, classes: np.ndarray) -> int:
        """Number of trees with the smallest log loss on a fifth of the rows."""
        shuffled = np.random.default_rng(self.seed).permutation(len(classes))
        held, kept = np.split(shuffled, [len(classes) // 5])
        if len(classes) < MIN_ROWS_TO_CHOOSE or len(np.unique(classes[kept])) < 2:
            return 100
        trees = self._classifier(MAX_ROUNDS).fit(features[kept], classes[kept])
        losses = []
        for probabilities in trees.staged_predict_proba(features[held]):
            given = probabilities[np.arange(len(held)), classes[held]]
            losses.append(float(-np.log(np.maximum(given, 1e-15)).mean()))
        return int(np.argmin(losses)) + 1

    def _classifier(self, rounds: int) -> HistGradientBoostingClassifier:
        """Small trees that each look at a third of the features, as for numbers."""
        return HistGradientBoostingClassifier(
            learning_rate=0.1,
            max_iter=rounds,
            max_leaf_nodes=8,
            min_samples_leaf=5,
            max_features=0.3,
            early_stopping=False,
            random_state=self.seed,
        )
