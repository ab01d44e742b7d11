"""One table of measures: each is the function of its name, and knows its end and its unit."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.metrics.measures import MEASURES, error_of, measures_of, rank_of

NUMBER = Target("gap", Kind.INTENSIVE, "eV", best="high")
CLASS = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)
GENERATOR = np.random.default_rng(0)
TRUE = GENERATOR.normal(size=300)
PREDICTED = TRUE + 0.4 * GENERATOR.normal(size=300)
CLASSES = (TRUE > 0).astype(float)
PROBABILITY = 1 / (1 + np.exp(-3 * PREDICTED))
ORACLES = {
    "mae": metrics.mean_absolute_error,
    "rmse": lambda true, predicted: math.sqrt(metrics.mean_squared_error(true, predicted)),
    "r2": metrics.r2_score,
    "spearman": lambda true, predicted: stats.spearmanr(true, predicted).statistic,
    "kendall": lambda true, predicted: stats.kendalltau(true, predicted).statistic,
    "roc_auc": metrics.roc_auc_score,
    "balanced_accuracy": lambda c, p: metrics.balanced_accuracy_score(c, p >= 0.5),
    "f1": lambda c, p: metrics.f1_score(c, p >= 0.5),
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score_loss,
}


@pytest.mark.parametrize("key", ORACLES)
def test_each_is_the_function_of_its_name(key):
    measure = MEASURES[key]
    pair = (CLASSES, PROBABILITY) if measure.of_classes else (TRUE, PREDICTED)
    assert measure.of(*pair) == pytest.approx(ORACLES[key](*pair), abs=1e-12)


@pytest.mark.parametrize(("key", "k"), [("recall@10", 10), ("recall@100", 100), ("recall@5%", 15)])
def test_a_recall_counts_the_best_at_the_wanted_end(key, k):
    measure = MEASURES[key]
    for best, sign in (("low", 1), ("high", -1)):
        both = set(np.argsort(sign * TRUE)[:k]) & set(np.argsort(sign * PREDICTED)[:k])
        assert measure.of(TRUE, PREDICTED, best) == len(both) / k
    assert math.isnan(measure.of(TRUE, PREDICTED, None))
    assert math.isnan(measure.of(TRUE[:19], PREDICTED[:19], "low")) == (k != 15)


@pytest.mark.parametrize(
    "measure", [one for one in MEASURES.values() if one.of_tensors is None], ids=lambda one: one.key
)
def test_the_better_end_is_that_of_the_better_prediction(measure):
    true, near = (CLASSES, PROBABILITY) if measure.of_classes else (TRUE, PREDICTED)
    far = np.random.default_rng(1).permutation(near)
    good, bad = measure.of(true, near, "low"), measure.of(true, far, "low")
    assert (good < bad) == (measure.better == "low")
    order = measure.of(true, near**3, "low") == good
    assert order == measure.by_order


def test_a_target_has_its_measures_in_order_and_the_unit_only_where_it_is_one():
    numbers = [measure.key for measure in measures_of(NUMBER)]
    assert numbers == [
        "mae", "rmse", "r2", "spearman", "kendall", "recall@10", "recall@100", "recall@5%",
    ]  # fmt: skip
    assert [measure.key for measure in measures_of(CLASS)] == [
        "roc_auc", "balanced_accuracy", "f1", "log_loss", "brier",
    ]  # fmt: skip
    assert [m.key for m in measures_of(NUMBER) if m.unit(NUMBER)] == ["mae", "rmse"]
    assert (error_of(NUMBER).key, rank_of(NUMBER).key) == ("mae", "spearman")
    assert (error_of(CLASS).key, rank_of(CLASS).key) == ("log_loss", "roc_auc")


def columns(measure, rows, generator):
    """True and predicted numbers with ties, of a tensor those that its measure is made of."""
    if measure.of_classes:
        return generator.integers(2, size=rows).astype(float), generator.random(rows).round(1)
    made = np.abs(generator.normal(size=(2, rows))).round(1)
    return made[0], made[1]


@pytest.mark.parametrize("rows", [2, 3, 30, 150])
@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda one: one.key)
def test_draws_together_have_the_value_of_each_alone(measure, rows):
    generator = np.random.default_rng(rows)
    true, predicted = columns(measure, rows, generator)
    drawn = generator.integers(rows, size=(40, rows))
    drawn[0] = 0  # one value alone, of which an order is not defined
    together = measure.of_draws(true[drawn], predicted[drawn], "low")
    alone = [measure.of(true[rows], predicted[rows], "low") for rows in drawn]
    np.testing.assert_allclose(together, alone, rtol=1e-12, atol=1e-15)
    assert np.isnan(together).any() == np.isnan(alone).any()


@pytest.mark.parametrize("measure", MEASURES.values(), ids=lambda one: one.key)
def test_of_no_rows_nothing_is_defined_and_of_a_single_one_nothing_fails(measure):
    shapes = {"all": (3, 3), "matrices": (3, 3), "stiffness": (3, 3, 3, 3), None: (3,)}
    row = np.ones(() if measure.of_classes else shapes[measure.of_tensors])
    if measure.of_tensors == "stiffness":
        row = (np.eye(9) + 0.1).reshape(3, 3, 3, 3)
    nothing = np.zeros((0, *row.shape))
    assert math.isnan(measure.of(nothing, nothing, "low"))
    assert not math.isinf(measure.of(row[None], row[None], "low"))


@pytest.mark.parametrize("key", ["mae", "r2", "kendall", "recall@5%"])
def test_numbers_of_vectors_are_drawn_with_their_row(key):
    measure, generator = MEASURES[key], np.random.default_rng(1)
    true, predicted = generator.normal(size=(2, 40, 3))
    drawn = generator.integers(40, size=(20, 40))
    together = measure.of_draws(true[drawn], predicted[drawn], "high")
    alone = [measure.of(true[rows], predicted[rows], "high") for rows in drawn]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
