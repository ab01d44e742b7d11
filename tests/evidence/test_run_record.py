import json

import numpy as np
import pytest

from xtalgraph.conventions.errors import RunError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.run_record import Estimate, outcome_of, read_run
from xtalgraph.metrics.bootstrap import Outcome


def test_a_run_is_read(run):
    record = read_run(run)
    assert record.target == Target("e_form", Kind.EXTENSIVE, "eV/cell")
    assert record.test_rows().sum() == 40
    assert record.estimate("mean", "spearman") == Estimate(None)
    assert record.estimate("cgcnn", "mae", "val").value == 0.041
    assert record.estimate("mean", "mae", "val") == Estimate(None)
    assert record.log is not None
    np.testing.assert_array_equal(record.log["epoch"], np.arange(1.0, 21.0))


@pytest.mark.parametrize(
    ("name", "missing"),
    [("metrics.json", "metrics.json"), ("predictions.csv", "predictions/e_form.csv")],
)
def test_what_must_be_there_is_named(run, name, missing):
    (run / name).unlink()
    with pytest.raises(RunError, match=f"must hold .*{missing}, which is missing"):
        read_run(run)


def test_damage_is_named(run):
    (run / "metrics.json").write_text("{")
    with pytest.raises(RunError, match=r"metrics\.json is damaged"):
        read_run(run)
    (run / "metrics.json").write_text("{}")
    with pytest.raises(RunError, match="must hold model, splits and targets"):
        read_run(run)


def test_units_must_agree(run):
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["target"]["unit"] = "eV/atom"
    (run / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(RunError, match="unit of the target, 'eV/atom', got 'eV/cell'"):
        read_run(run)


def test_runs_without_a_paired_test_are_compared_only_where_intervals_do_not_overlap():
    model, mean = Estimate(0.0434, 0.0412, 0.0457), Estimate(0.56, 0.54, 0.58)
    assert outcome_of(model, mean, None) is Outcome.BETTER
    assert outcome_of(mean, model, None) is Outcome.WORSE
    assert outcome_of(model, Estimate(0.0430, 0.041, 0.045), None) is Outcome.UNKNOWN
    assert outcome_of(model, Estimate(None), None) is Outcome.UNKNOWN
    assert outcome_of(model, mean, {"outcome": "no difference"}) is Outcome.NO_DIFFERENCE
