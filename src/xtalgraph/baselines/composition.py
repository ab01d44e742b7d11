"""The baselines that know the chemistry and nothing of the structure."""

from abc import abstractmethod
from typing import Any, ClassVar, Final, Literal, final

import numpy as np
from jaxtyping import Float
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from xtalgraph.baselines.baseline import Baseline
from xtalgraph.baselines.composition_features import composition_features, informative_columns
from xtalgraph.baselines.learners import FeatureRegressor
from xtalgraph.conventions.errors import InputError

MAX_ROUNDS: Final[int] = 300
"""The most trees."""
MIN_ROWS_TO_CHOOSE: Final[int] = 50
"""With fewer rows nothing is held out: squared error and 100 trees."""
_TREES: Final[dict[str, Any]] = {
    "learning_rate": 0.1,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 5,
    "max_features": 0.3,
    "early_stopping": False,
}
"""Small trees that each look at a third of the features."""

Features = Float[np.ndarray, "crystals columns"]
"""Those of `composition_features` that vary over the training crystals."""


class _OfFeatures(Baseline):
    """Learns from features of compositions, on one thread.

    The order in which several threads add up would change the last bit: the same rows and seed give
    the same bits on any number of cores.
    """

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
        with threadpool_limits(limits=1, user_api="openmp"):
            self._fit(features[:, self._columns], values)

    def _estimate(
        self, compositions: Float[np.ndarray, "crystals 119"]
    ) -> Float[np.ndarray, " crystals"]:
        features = composition_features(compositions)[:, self._columns]
        with threadpool_limits(limits=1, user_api="openmp"):
            return self._predict(features)

    def _held_out(self, rows: int) -> list[np.ndarray]:
        """Divide rows into a fifth that is held out, and the others."""
        return np.split(np.random.default_rng(self.seed).permutation(rows), [rows // 5])

    @abstractmethod
    def _fit(self, features: Features, values: Float[np.ndarray, " crystals"]) -> None:
        """Learn values."""

    @abstractmethod
    def _predict(self, features: Features) -> Float[np.ndarray, " crystals"]:
        """Predict values."""


@final
class CompositionBaseline(_OfFeatures):
    """Gradient-boosted trees on element fractions and statistics of element properties.

    Two choices depend on the data: the loss, and the number of trees. Squared error serves smooth
    targets; absolute error serves where one composition has many energies (a perovskite and its
    twin with A and B exchanged). Both are made on a fifth of the training rows, held out once, by
    mean absolute error; then all training rows are learned. The rest is fixed and was chosen by
    cross-validation inside training folds of phonon frequencies and perovskite energies.

    Args:
        kind: Whether the target is a total of the cell.
        seed: Seed of the rows held out and of the features drawn at each split.
    """

    name: ClassVar[str] = "composition"

    def _fit(self, features: Features, values: Float[np.ndarray, " crystals"]) -> None:
        loss, rounds = self._choose(features, values)
        self._trees = self._regressor(loss, rounds).fit(features, values)

    def _predict(self, features: Features) -> Float[np.ndarray, " crystals"]:
        return self._trees.predict(features)

    def _choose(
        self, features: Features, values: Float[np.ndarray, " crystals"]
    ) -> tuple[str, int]:
        """Loss and number of trees with the smallest error on a fifth of the rows."""
        if len(values) < MIN_ROWS_TO_CHOOSE:
            return "squared_error", 100
        held, kept = self._held_out(len(values))
        scores: list[tuple[float, str, int]] = []
        for loss in ("squared_error", "absolute_error"):
            trees = self._regressor(loss, MAX_ROUNDS).fit(features[kept], values[kept])
            for rounds, guess in enumerate(trees.staged_predict(features[held]), start=1):
                scores.append((float(np.abs(guess - values[held]).mean()), loss, rounds))
        _, loss, rounds = min(scores)
        return loss, rounds

    def _regressor(self, loss: str, rounds: int) -> HistGradientBoostingRegressor:
        return HistGradientBoostingRegressor(
            loss=loss, max_iter=rounds, random_state=self.seed, **_TREES
        )


@final
class CompositionClassifier(_OfFeatures):
    """The same for classes; predicts a probability.

    The number of trees is the one with the smallest log loss on a fifth of the training rows, held
    out once; then all training rows are learned.

    Args:
        seed: Seed of the rows held out and of the features drawn at each split.
    """

    name: ClassVar[str] = CompositionBaseline.name

    def __init__(self, seed: int = 0) -> None:
        super().__init__("intensive", seed)

    def _fit(self, features: Features, values: Float[np.ndarray, " crystals"]) -> None:
        classes = values.astype(np.int64)
        if not np.array_equal(np.unique(values), [0.0, 1.0]):
            distinct = ", ".join(f"{value:g}" for value in np.unique(values)[:5])
            raise InputError(
                f"a classifier needs rows of class 0 and of class 1, got only {distinct}"
            )
        rounds = self._choose(features, classes)
        self._trees = self._classifier(rounds).fit(features, classes)

    def _predict(self, features: Features) -> Float[np.ndarray, " crystals"]:
        return self._trees.predict_proba(features)[:, 1]

    def _choose(self, features: Features, classes: np.ndarray) -> int:
        """Number of trees with the smallest log loss on a fifth of the rows."""
        held, kept = self._held_out(len(classes))
        if len(classes) < MIN_ROWS_TO_CHOOSE or len(np.unique(classes[kept])) < 2:
            return 100
        trees = self._classifier(MAX_ROUNDS).fit(features[kept], classes[kept])
        losses = []
        for probabilities in trees.staged_predict_proba(features[held]):
            given = probabilities[np.arange(len(held)), classes[held]]
            losses.append(float(-np.log(np.maximum(given, 1e-15)).mean()))
        return int(np.argmin(losses)) + 1

    def _classifier(self, rounds: int) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(max_iter=rounds, random_state=self.seed, **_TREES)


@final
class CompositionNetwork(_OfFeatures):
    """A perceptron on the same features, which are in the manner of Magpie.

    Args:
        kind: Whether the target is a total of the cell.
        seed: Of the weights and of the order of the rows.
    """

    name: ClassVar[str] = "composition-mlp"

    def __init__(self, kind: Literal["extensive", "intensive"], seed: int = 0) -> None:
        super().__init__(kind, seed)
        self._network = FeatureRegressor("intensive", "mlp", seed)

    def _fit(self, features: Features, values: Float[np.ndarray, " crystals"]) -> None:
        self._network.fit(features, np.ones(len(values)), values)

    def _predict(self, features: Features) -> Float[np.ndarray, " crystals"]:
        return self._network.predict(features, np.ones(len(features)))

    @property
    def parameters(self) -> int | None:
        """Number of weights."""
        return self._network.parameters
