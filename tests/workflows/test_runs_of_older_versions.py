"""What is asked of a run is answered by those of older versions, too."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import xtalgraph
from xtalgraph.workflows.claim import check_settings
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.run import Run

FOLDER = Path(__file__).parents[1] / "old_runs"
RUNS = sorted(path.parent.name for path in FOLDER.glob("*/model.json"))
INPUT = {
    "format-1-sites": "sites.extxyz",
    "format-5-vector": "sites.extxyz",
    "format-5-disorder": "mixed.csv",
}
QUICK = ("format-1-sites", "format-2-targets", "format-3-members")
"""Of which the report, with its figures, is written in every run of the tests."""
ASKED = (
    "format-1-total",
    "format-2-class",
    "format-3-conditions",
    "format-4-variance",
    "format-5-disorder",
)
"""Of which everything else is asked in every run of the tests."""


@pytest.fixture(params=RUNS)
def old(request, tmp_path) -> tuple[Run, Path]:
    """A copy of an old run, and its crystals."""
    folder = tmp_path / request.param
    shutil.copytree(FOLDER / request.param, folder)
    return Run.open(folder), FOLDER / INPUT.get(request.param, "crystals.csv")


def test_an_old_run_finds_its_crystals_again(old):
    run, source = old
    data = run.data(source)
    assert set(data.split.parts()) >= {"train", "val", "test"}
    asked, trained = run.config.spec, run.predictor.spec
    assert asked.targets == trained.targets
    assert asked.make_graph_settings() == trained.make_graph_settings()


def test_the_measures_of_an_old_run_are_those_of_its_predictions(old):
    run, _ = old
    for name, metrics in run.metrics["targets"].items():
        table = run.predictions[name]
        rows = table[(table["split"] == "test") & table["target"].notna()]
        if metrics["target"].get("task") == "classification" or rows.empty:
            continue
        error = np.abs(rows["prediction"] - rows["target"]).mean()
        stated = metrics["models"][run.metrics["model"]]["test"]["mae"]["value"]
        assert error == pytest.approx(stated, rel=1e-6), name


@pytest.mark.parametrize(
    "old",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.long) for name in RUNS],
    indirect=True,
)
def test_an_old_run_is_evaluated_and_reported(old):
    run, source = old
    found = xtalgraph.evaluate(run.folder, source, progress=False)
    assert found["crystals"] >= 8
    page = xtalgraph.report(run.folder)
    assert all(name in page.read_text(encoding="utf-8") for name in run.metrics["targets"])


@pytest.mark.parametrize(
    "old",
    [pytest.param(name, marks=() if name in ASKED else pytest.mark.long) for name in RUNS],
    indirect=True,
)
def test_an_old_run_is_verified_embedded_screened_and_diagnosed(old, tmp_path, monkeypatch):
    run, source = old
    monkeypatch.setattr("xtalgraph.workflows.verify.report", lambda folder: None)
    assert not xtalgraph.verify(
        run.folder, on=source, sample=1, progress=False
    ).verification.failures
    embedded = xtalgraph.embed(run.folder, source, out=tmp_path / "z.csv", progress=False)
    assert embedded.good >= 8
    target, *others = run.config.targets
    if target.is_one_number and not others:
        screened = xtalgraph.screen(run.folder, source, out=tmp_path / "top", top=3, progress=False)
        assert screened.kept == 3
    if target.is_one_number and run.config.data.disorder == "refuse":
        only = ("size", "smoothing")
        asked = xtalgraph.diagnose(run.folder, source, only=only, sample=8, progress=False)
        assert {one.name for one in asked.results} == set(only)


def test_the_settings_of_an_old_run_train_the_same_model_again(old):
    run, source = old
    trained = run.predictor.spec
    again = Request.of(source, {"config": run.folder / "config.yaml"}).config()
    assert again.spec == trained
    assert again.spec.readouts == trained.readouts
    as_begun = replace(again, data=run.config.data, spec=replace(again.spec, readout="auto"))
    check_settings(run.folder, as_begun)
