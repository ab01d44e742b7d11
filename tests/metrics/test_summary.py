import json
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.conventions.voigt import NAMED
from xtalgraph.data.potential_targets import forces_target, stress_target
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.metrics.summary import evaluate

LOW = Target("e", Kind.INTENSIVE, "eV")
HIGH = replace(LOW, best="high")

KEYS = ["mae", "rmse", "r2", "spearman", "kendall", "recall@10", "recall@100", "recall@5%"]


def columns(rows):
    generator = np.random.default_rng(rows)
    target = generator.normal(size=rows)
    return target, target + 0.3 * generator.normal(size=rows)


def test_every_value_lies_in_its_interval():
    target, prediction = columns(500)
    metrics = evaluate(LOW, target, prediction, samples=200)
    assert list(metrics) == KEYS
    assert metrics["mae"].value == pytest.approx(mean_absolute_error(target, prediction))
    for metric in metrics.values():
        assert metric.low <= metric.value <= metric.high


def test_the_mean_as_prediction():
    target, _ = columns(200)
    metrics = evaluate(HIGH, target, np.full(200, target.mean()), samples=50)
    assert metrics["spearman"].value is metrics["kendall"].value is None
    assert metrics["spearman"].low is metrics["spearman"].high is None
    assert metrics["r2"].value == pytest.approx(0, abs=1e-12)
    assert metrics["recall@10"].value == 10 / 200
    assert metrics["recall@100"].value == 100 / 200
    assert metrics["recall@5%"].value == 10 / 200


def test_recall_is_left_out_beyond_half_of_the_rows_or_without_a_direction():
    metrics = evaluate(LOW, *columns(199), samples=20)
    assert metrics["recall@100"].value is None
    assert metrics["recall@10"].value is not None
    metrics = evaluate(LOW, *columns(19), samples=20)
    assert metrics["recall@10"].value is None
    assert metrics["recall@5%"].value is not None
    metrics = evaluate(replace(LOW, best=None), *columns(500), samples=20)
    assert [k for k in KEYS if metrics[k].value is None] == KEYS[5:]


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_rows_are_not_applicable_and_never_nan(rows):
    metrics = evaluate(LOW, *columns(rows), samples=20)
    assert list(metrics) == KEYS
    text = json.dumps({k: asdict(m) for k, m in metrics.items()}, allow_nan=False)
    assert json.loads(text)["recall@10"] == {"value": None, "low": None, "high": None}
    assert (metrics["mae"].value is None) == (rows == 0)
    assert (metrics["mae"].low is None) == (rows < 2)
    assert (metrics["r2"].value is None) == (rows < 2)


def test_same_seed_same_figures():
    target, prediction = columns(60)
    first = evaluate(LOW, target, prediction, seed=4, samples=30)
    assert first == evaluate(LOW, target, prediction, seed=4, samples=30)
    assert first != evaluate(LOW, target, prediction, seed=5, samples=30)


def test_a_test_fold_of_the_perovskites_takes_seconds():
    start = time.process_time()
    evaluate(LOW, *columns(2720), samples=300)
    assert time.process_time() - start < 6


def test_a_vector_has_pooled_errors_and_the_mean_of_the_correlations():
    (a, a_hat), (b, b_hat) = columns(60), columns(61)
    true = np.stack([a, 10 * b[:60]], axis=1)
    predicted = np.stack([a_hat, 10 * b_hat[:60]], axis=1)
    vector = replace(LOW, tensor=TensorType(copies=2))
    found = evaluate(vector, true, predicted, samples=50)
    each = [evaluate(LOW, true[:, n], predicted[:, n], samples=50) for n in range(2)]
    assert list(found) == KEYS
    assert found["mae"].value == pytest.approx(np.abs(true - predicted).mean())
    assert found["rmse"].value == pytest.approx(np.sqrt(np.square(true - predicted).mean()))
    for key in ("r2", "spearman", "kendall", "recall@10"):
        assert found[key].value == pytest.approx(np.mean([one[key].value for one in each]))
        assert found[key].low <= found[key].value <= found[key].high
    true[:, 1] = 1.0
    assert evaluate(vector, true, predicted, samples=5)["spearman"].value is None
    labels = replace(vector, unit="", task=Task.CLASSIFICATION)
    classes = (np.stack([a, b[:60]], axis=1) > 0).astype(float)
    found = evaluate(labels, classes, np.full((60, 2), 0.5), samples=5)
    assert found["roc_auc"].value == 0.5
    assert found["log_loss"].value == pytest.approx(np.log(2))


def test_the_order_of_very_many_numbers_has_no_interval():
    generator = np.random.default_rng(0)
    true = generator.normal(size=(7000, 3))
    measured = evaluate(LOW, true, true + generator.normal(size=(7000, 3)), samples=3)
    assert 0.45 < measured["kendall"].value < 0.55
    assert measured["spearman"].low is None
    assert measured["mae"].low is not None


@pytest.mark.parametrize(
    ("target", "shape"),
    [
        (LOW, ()),
        (Target("c", Kind.INTENSIVE, task=Task.CLASSIFICATION), ()),
        (forces_target(), (3,)),
        (stress_target(), (3, 3)),
        (Target("v", Kind.INTENSIVE, tensor=NAMED["vector"]), (3,)),
        (Target("d", Kind.INTENSIVE, tensor=NAMED["dielectric"]), (3, 3)),
        (Target("p", Kind.INTENSIVE, tensor=NAMED["piezoelectric"]), (3, 3, 3)),
        (Target("e", Kind.INTENSIVE, tensor=NAMED["elastic"]), (3, 3, 3, 3)),
    ],
    ids=lambda given: getattr(given, "name", str(given)),
)
def test_an_empty_validation_part_has_no_figures(target, shape):
    nothing = np.zeros((0, *shape))
    metrics = evaluate(target, nothing, nothing)
    assert metrics
    assert {metric.value for metric in metrics.values()} == {None}
