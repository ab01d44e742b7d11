import json
import time
from dataclasses import asdict

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from xtalgraph.metrics.summary import evaluate_predictions

KEYS = ["mae", "rmse", "r2", "spearman", "kendall", "recall@10", "recall@100", "recall@5%"]


def columns(rows):
    generator = np.random.default_rng(rows)
    target = generator.normal(size=rows)
    return target, target + 0.3 * generator.normal(size=rows)


def test_every_value_lies_in_its_interval():
    target, prediction = columns(500)
    metrics = evaluate_predictions(target, prediction, best="low", samples=200)
    assert list(metrics) == KEYS
    assert metrics["mae"].value == pytest.approx(mean_absolute_error(target, prediction))
    for metric in metrics.values():
        assert metric.low <= metric.value <= metric.high


def test_the_mean_as_prediction():
    target, _ = columns(200)
    metrics = evaluate_predictions(target, np.full(200, target.mean()), best="high", samples=50)
    assert metrics["spearman"].value is metrics["kendall"].value is None
    assert metrics["spearman"].low is metrics["spearman"].high is None
    assert metrics["r2"].value == pytest.approx(0, abs=1e-12)
    assert metrics["recall@10"].value == 10 / 200
    assert metrics["recall@100"].value == 100 / 200
    assert metrics["recall@5%"].value == 10 / 200


def test_recall_is_left_out_beyond_half_of_the_rows_or_without_a_direction():
    metrics = evaluate_predictions(*columns(199), best="low", samples=20)
    assert metrics["recall@100"].value is None
    assert metrics["recall@10"].value is not None
    metrics = evaluate_predictions(*columns(19), best="low", samples=20)
    assert metrics["recall@10"].value is None
    assert metrics["recall@5%"].value is not None
    metrics = evaluate_predictions(*columns(500), best=None, samples=20)
    assert [k for k in KEYS if metrics[k].value is None] == KEYS[5:]


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows_are_not_applicable_and_never_nan(rows):
    metrics = evaluate_predictions(*columns(rows), best="low", samples=20)
    assert list(metrics) == KEYS
    text = json.dumps({k: asdict(m) for k, m in metrics.items()}, allow_nan=False)
    assert json.loads(text)["recall@10"] == {"value": None, "low": None, "high": None}
    assert (metrics["mae"].value is None) == (rows == 0)
    assert (metrics["mae"].low is None) == (rows < 2)
    assert (metrics["r2"].value is None) == (rows < 2)


def test_same_seed_same_figures():
    target, prediction = columns(60)
    first = evaluate_predictions(target, prediction, best="low", seed=4, samples=30)
    assert first == evaluate_predictions(target, prediction, best="low", seed=4, samples=30)
    assert first != evaluate_predictions(target, prediction, best="low", seed=5, samples=30)


def test_a_test_fold_of_the_perovskites_takes_seconds():
    start = time.process_time()
    evaluate_predictions(*columns(2720), best="low", samples=300)
    assert time.process_time() - start < 6
