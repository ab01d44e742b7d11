"""Vectors and a tensor of rank 3, computed from charges, from the table to report and checks."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xtalgraph.cli.main import main
from xtalgraph.conventions.voigt import NAMED, from_voigt
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.tensor_symmetry import Symmetry

PATH = Path(__file__).parents[2] / "benchmarks" / "rigid_ions.py"
FOUND = importlib.util.spec_from_file_location("rigid_ions", PATH)
RIGID = importlib.util.module_from_spec(FOUND)
FOUND.loader.exec_module(RIGID)


def test_the_labels_have_the_symmetry_of_their_crystals():
    for what in RIGID.MAKERS:
        tensor = NAMED["piezoelectric" if what == "piezoelectric" else "vector"]
        crystals, labels = RIGID.rows(what, 20)
        for crystal, label in zip(crystals, labels, strict=True):
            full = from_voigt(tensor, label) if what == "piezoelectric" else label
            share = Symmetry.of(crystal).outside(tensor, full, what == "field")
            assert share * np.linalg.norm(full) < 1e-9


def test_first_neighbors_of_zincblende_have_the_piezoelectric_constant_q_over_a_squared(
    monkeypatch,
):
    monkeypatch.setattr(RIGID, "REACH", 3.0)
    half = 2.7 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
    zns = Crystal.from_fractional(half, np.array([[0.0] * 3, [0.25] * 3]), np.array([30, 16]))
    found = RIGID.piezoelectric(zns)
    expected = np.zeros((3, 6))
    expected[[0, 1, 2], [3, 4, 5]] = 2.0 / 5.4**2 * 16.02176634
    np.testing.assert_allclose(np.abs(found), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("what", "components"),
    [
        pytest.param("dipole", 3, marks=pytest.mark.long),
        pytest.param("field", 3, marks=pytest.mark.long),
        ("piezoelectric", 18),
    ],
)
def test_they_are_trained_verified_predicted_and_reported_by_the_command(
    what, components, tmp_path, capsys, monkeypatch
):
    # The figures of a report take longer than the training.
    monkeypatch.setattr("xtalgraph.workflows.train.write_report", lambda folder: None)
    table, run = RIGID.write_table(what, tmp_path, 30), tmp_path / "run"
    settings = {
        "model.channels": 4,
        "model.depth": 2 if what == "piezoelectric" else 1,
        "model.degree": RIGID.DEGREE[what],
        "graph.strategy": "radius",
        "graph.cutoff": 3.5,
        "data.calibration_fraction": 0.0 if what == "field" else 0.4,
    }
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    asked = ["--model", "nequip", "--epochs", "2", "--members", "2", "--jobs", "1", "--quiet"]

    def done(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert not ended.value.code, printed.err
        return printed.out

    printed = done("train", table, "--out", run, "--target", what, *RIGID.OPTIONS[what], *asked,
                   *given)  # fmt: skip
    assert "Frobenius" in printed
    done("verify", run, "--on", table, "--sample", "2")
    verified = json.loads((run / "verify.json").read_text(encoding="utf-8"))
    checks = {check["check"]: check["status"] for check in verified["results"]}
    assert "fail" not in checks.values()
    assert checks["symmetry of the crystal"] in ("pass", "n/a")
    assert checks["tensor features turn"] == "pass"
    done("predict", run, table, "--out", tmp_path / "out.csv")
    lines = pd.read_csv(tmp_path / "out.csv")
    assert lines["component"].nunique() == components
    calibrated = [] if what == "field" else ["lower", "upper"]
    assert np.isfinite(lines[["prediction", "std", *calibrated]].to_numpy()).all()
    if what == "dipole":
        done("report", run)
        page = (run / "report.html").read_text(encoding="utf-8")
        assert "Zero: such a tensor has no isotropic part" in page
        assert "the norm of the difference" in page
