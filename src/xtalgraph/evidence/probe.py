"""What frozen features know of a property: a linear model on them, cross-validated."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from sklearn.model_selection import KFold

from xtalgraph.baselines.learners import FeatureRegressor
from xtalgraph.metrics.bootstrap import interval, paired_difference
from xtalgraph.metrics.pairs import mae

_FOLDS: Final = 5


def probe(
    features: Mapping[str, Float[np.ndarray, "crystals _"]],
    labels: Float[np.ndarray, " crystals"],
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Predict a property from each kind of features by ridge regression, in five folds.

    Args:
        features: Of the same crystals, by what they are.
        labels: The property, intensive; none is missing.
        seed: Of the folds and of the intervals.

    Returns:
        For each kind ``mae``, the mean absolute error over all folds in the unit of the labels,
        with its interval, and ``against``: the difference of the first kind from it, by the paired
        test.
    """
    predicted = {name: _predicted(rows, labels, seed) for name, rows in features.items()}
    first = next(iter(predicted.values()))
    errors: dict[str, dict[str, Any]] = {}
    for name, values in predicted.items():
        errors[name] = {"mae": mae(labels, values)} | asdict(
            interval(mae, labels, values, seed=seed)
        )
        if values is not first:
            difference = paired_difference(mae, labels, first, values, seed=seed)
            errors[name]["against"] = asdict(difference)
    return errors


def _predicted(
    features: Float[np.ndarray, "crystals columns"],
    labels: Float[np.ndarray, " crystals"],
    seed: int,
) -> Float[np.ndarray, " crystals"]:
    predicted = np.zeros(len(labels))
    for train, test in KFold(_FOLDS, shuffle=True, random_state=seed).split(features):
        learner = FeatureRegressor("intensive", "ridge", seed)
        learner.fit(features[train], np.ones(len(train)), labels[train])
        predicted[test] = learner.predict(features[test], np.ones(len(test)))
    return predicted
