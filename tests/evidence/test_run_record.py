import json

import numpy as np
import pytest

from xtalgraph.conventions.errors import RunError
from xtalgraph.evidence.run_record import Estimate, read_run


def test_a_run_is_read(run):
    record = read_run(run)
    assert (record.target, record.unit, record.kind) == ("e_form", "eV/cell", "extensive")
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
