"""An ablation and a search of a potential say its errors in the units that people read."""

import pandas as pd
import pytest

import xtalgraph
from xtalgraph.workflows.run import Run

SMALL = ["model.width=8", "model.filters=8", "model.depth=1", "graph.cutoff=4.0"]
OPTIONS = {
    "target": ["energy", "forces", "stress"],
    "model": "schnet",
    "epochs": 1,
    "overrides": [*SMALL, "training.threads=1"],
    "progress": False,
}
UNITS = {"energy": "meV/atom", "forces": "meV/Å", "stress": "GPa"}


def test_an_ablation_has_the_errors_that_the_runs_report(frames, tmp_path):
    found = xtalgraph.ablate(frames, out=tmp_path, sweep=["model.depth=1,2"], **OPTIONS)
    assert {target["name"]: target["unit"] for target in found.document["targets"]} == UNITS
    for point in found.points:
        run = Run.open(tmp_path / "points" / point["name"])
        for name, errors in point["targets"].items():
            reported = run.metrics["targets"][name]["reported"]["models"]["schnet"]
            assert errors["test"] == reported["test"]["mae"]["value"]
            assert errors["validation"] == reported["val"]["mae"]["value"]
    page = (tmp_path / "ablate.html").read_text(encoding="utf-8")
    assert "validation MAE, meV/Å" in page
    assert "eV/Å³" not in page


def test_a_search_shows_the_error_of_each_target(frames, tmp_path):
    found = xtalgraph.tune(
        frames, out=tmp_path, trials=1, space=["training.learning_rate=1e-3..1e-2:log"], **OPTIONS
    )
    selected = pd.read_csv(found.run.folder / "log.csv").query("selected == 1").iloc[-1]
    columns = [f"val_mae:{name} ({unit})" for name, unit in UNITS.items()]
    assert list(found.best["errors"]) == columns
    for column in columns:
        assert found.best["errors"][column] == pytest.approx(selected[column], rel=1e-6)
    assert list(pd.read_csv(tmp_path / "tune.csv").columns[-4:]) == [*columns, "reason"]
