"""The baselines of classes: their share, and what the composition tells."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from xtalgraph.baselines.atomic import ElementMeanBaseline
from xtalgraph.baselines.baseline import PrevalenceBaseline
from xtalgraph.baselines.composition import CompositionClassifier
from xtalgraph.conventions.errors import InputError


def compounds(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Binary compounds; those with an element beyond calcium are of class 1, nine times of ten."""
    rng = np.random.default_rng(seed)
    counts = np.zeros((rows, 119))
    for row in counts:
        row[rng.choice(np.arange(1, 40), 2, replace=False)] = rng.integers(1, 4, 2)
    heavy = counts[:, 21:].sum(axis=1) > 0
    return counts, np.where(rng.random(rows) < 0.9, heavy, ~heavy).astype(float)


def test_the_share_of_class_1_is_the_best_constant():
    counts, classes = compounds(200, 0)
    said = PrevalenceBaseline().fit(counts, classes).predict(counts)
    assert set(said) == {classes.mean()}
    loss = log_loss(classes, said)
    for other in (0.9, 1.1):
        assert loss < log_loss(classes, np.clip(other * said, 0.01, 0.99))


def test_what_the_composition_tells_is_learned():
    counts, classes = compounds(400, 0)
    new_counts, new_classes = compounds(400, 1)
    said = CompositionClassifier().fit(counts, classes).predict(new_counts)
    assert ((said > 0) & (said < 1)).all()
    assert roc_auc_score(new_classes, said) > 0.8
    assert log_loss(new_classes, said) < 0.8 * log_loss(new_classes, np.full(400, classes.mean()))
    again = CompositionClassifier().fit(counts, classes).predict(new_counts)
    np.testing.assert_array_equal(said, again)
    doubled = CompositionClassifier().fit(counts, classes).predict(2 * new_counts)
    np.testing.assert_array_equal(said, doubled)


def test_one_class_cannot_be_learned():
    counts, _ = compounds(60, 0)
    with pytest.raises(InputError, match="needs rows of class 0 and of class 1, got only 1"):
        CompositionClassifier().fit(counts, np.ones(60))


def test_few_rows_hold_nothing_out():
    counts, classes = compounds(20, 0)
    assert ((said := CompositionClassifier().fit(counts, classes).predict(counts)) >= 0).all()
    assert (said <= 1).all()


def test_a_prior_keeps_elements_with_few_sites_from_certainty():
    numbers = np.array([8, 8, 8, 26])
    classes = np.array([0.0, 0.0, 0.0, 1.0])
    said = ElementMeanBaseline(prior=1.0).fit(numbers, classes).predict(np.array([8, 26, 92]))
    np.testing.assert_allclose(said, [0.25 / 4, 1.25 / 2, 0.25])
