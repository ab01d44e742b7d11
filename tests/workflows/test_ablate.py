"""A grid of trainings: nothing repeated, nothing lost, nothing chosen by the test."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.models.layers import smoothing_by_layer
from xtalgraph.models.registry import DEFAULT
from xtalgraph.workflows import ablate as module
from xtalgraph.workflows.ablation import Ablation, choose, summaries
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.sweep import Sweep

SMALL = ["model.width=8", "training.batch_size=16", "training.threads=1"]
GIVEN = {"target": "energy", "kind": "extensive", "unit": "eV/cell", "epochs": 2}


def ablated(data, out, sweep, **options):
    overrides = [*SMALL, *options.pop("overrides", [])]
    given = {**GIVEN, "progress": False, **options}
    return xtalgraph.ablate(data, out=out, sweep=sweep, overrides=overrides, **given)


@pytest.fixture(scope="module")
def done(csv_path, tmp_path_factory):
    out = tmp_path_factory.mktemp("ablate") / "grid"
    return ablated(csv_path, out, ["model.depth=1,2"], seed=[0, 1])


@pytest.fixture
def trainings(monkeypatch):
    """Which run folders are trained."""
    trained = []

    def spied(preparations, config, folder, session):
        trained.append(folder.name)
        return real(preparations, config, folder, session)

    real = module.train_run
    monkeypatch.setattr(module, "train_run", spied)
    return trained


def test_each_point_is_the_run_that_train_makes(done, csv_path, tmp_path):
    assert [(p["settings"]["model.depth"], p["seed"]) for p in done.points] == [
        (1, 0),
        (1, 1),
        (2, 0),
        (2, 1),
    ]
    point = done.points[3]
    run = xtalgraph.train(
        csv_path, out=tmp_path / "run", seed=1, overrides=[*SMALL, "model.depth=2"], **GIVEN
    )
    own = run.metrics["targets"]["energy"]["models"][DEFAULT]
    assert point["targets"]["energy"]["test"] == own["test"]["mae"]["value"]
    assert point["targets"]["energy"]["validation"] == own["val"]["mae"]["value"]
    assert point["validation error"] == pytest.approx(own["val"]["mae"]["value"], rel=1e-5)
    there = Run.open(done.folder / "points" / point["name"])
    assert there.config == run.config


def test_the_means_are_those_of_the_table(done):
    table = done.table
    assert list(table["state"]) == ["done"] * 4
    means = table.groupby("model.depth")[["validation mae", "test mae"]].agg(["mean", "std"])
    for one in done.settings:
        row = means.loc[one["settings"]["model.depth"]]
        for part in ("validation", "test"):
            found = one["targets"]["energy"][part]
            np.testing.assert_allclose(found["mean"], row[f"{part} mae"]["mean"], rtol=1e-12)
            np.testing.assert_allclose(found["std"], row[f"{part} mae"]["std"], rtol=1e-9)
    assert done.chosen["settings"]["model.depth"] == means["validation mae"]["mean"].idxmin()


def test_the_layers_are_those_of_the_trained_model_on_its_test_crystals(done):
    point = done.points[2]
    run = Run.open(done.folder / "points" / point["name"])
    data = run.data()
    crystals = [data.dataset.table.crystals[i] for i in data.split.test]
    predictor = run.predictor
    wanted = smoothing_by_layer(predictor.members[0].encoder, predictor.spec.make_graph(crystals))
    assert len(point["smoothing"]) == len(wanted) == 3
    for found, layer in zip(point["smoothing"], wanted, strict=True):
        assert found == pytest.approx(layer, rel=1e-6)


def test_more_values_add_points_and_repeat_none(done, csv_path, tmp_path, trainings):
    out = tmp_path / "grid"
    shutil.copytree(done.folder, out)
    again = ablated(csv_path, out, ["model.depth=1,2"], seed=[0, 1])
    assert trainings == []
    assert again.document == done.document
    # a further key whose value is the default names the same runs, in the folders that are there
    wider = ablated(csv_path, out, ["model.depth=2,3", "model.dropout=0.0"], seed=0)
    assert len(trainings) == 1
    assert [p["name"] for p in wider.points] == [done.points[2]["name"], trainings[0]]


@pytest.mark.long
def test_a_killed_sweep_goes_on_where_it_was(done, csv_path, tmp_path, trainings, monkeypatch):
    def killed(*args):
        if len(trainings) == 1:
            raise KeyboardInterrupt
        return spied(*args)

    spied = module.train_run
    with monkeypatch.context() as patch:
        patch.setattr(module, "train_run", killed)
        with pytest.raises(KeyboardInterrupt):
            ablated(csv_path, tmp_path / "grid", ["model.depth=2"], seed=[0, 1])
    states = [p["state"] for p in Ablation.open(tmp_path / "grid").points]
    assert states == ["done", "waiting"]
    resumed = ablated(csv_path, tmp_path / "grid", ["model.depth=2"], seed=[0, 1])
    assert len(trainings) == 2
    for found, wanted in zip(resumed.points, done.points[2:], strict=True):
        assert {**found, "seconds": 0} == {**wanted, "seconds": 0}


def test_a_point_that_fails_is_a_row_and_the_others_go_on(csv_path, tmp_path):
    # within 0.5 Å no atom of any crystal has twelve neighbours, so that knn refuses them all
    found = ablated(
        csv_path, tmp_path / "grid", ["graph.cutoff=0.5,8"], overrides=["graph.strategy=knn"]
    )
    assert [p["state"] for p in found.points] == ["failed", "done"]
    assert "neighbours" in found.failed[0]["reason"]
    assert list(found.table["state"]) == ["failed", "done"]
    page = (tmp_path / "grid" / "ablate.html").read_text()
    assert "1 point of 2 failed" in page
    assert found.chosen["settings"] == {"graph.cutoff": 8}


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        (["model.deph=1,2"], "unknown key model.deph; did you mean 'depth'"),
        (["modell.depth=1,2"], "unknown section 'modell'; did you mean 'model'"),
        (["model.depth=1", "model.width=none"], "model.width must be of type int"),
        (["model.depth=1,1"], "two points of the sweep are the same"),
        (["model.depth=1", "model.depth=2"], "each setting is swept once"),
        (["model.depth"], "--sweep takes section.key"),
        (["model.depth="], "has no value"),
        (["training.seed=0,1"], "give the seeds with --seed"),
        (["data.path=a,b"], "is not swept"),
        ([], "nothing is swept"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_there(csv_path, tmp_path, sweep, said):
    with pytest.raises(ConfigError, match=said):
        ablated(csv_path, tmp_path / "grid", sweep)
    assert not (tmp_path / "grid").exists()


def test_other_data_and_other_folders_are_refused(done, table, csv_path, tmp_path):
    out = tmp_path / "grid"
    shutil.copytree(done.folder, out)
    moved = pd.read_csv(csv_path)
    moved["energy"] += 1.0
    moved.to_csv(tmp_path / "moved.csv", index=False)
    with pytest.raises(RunError, match="begun with other crystals or targets"):
        ablated(tmp_path / "moved.csv", out, ["model.depth=1,2"], seed=[0, 1])
    with pytest.raises(RunError, match="holds no ablation"):
        ablated(csv_path, out / "points", ["model.depth=1,2"])
    bad = table.assign(energy=["x", *table["energy"][1:]])
    with pytest.raises(InputError, match="1 row cannot be used"):
        ablated(bad, tmp_path / "new", ["model.depth=1,2"])


def test_values_are_yaml():
    assert Sweep.parse("training.learning_rate=1e-3, 0.01").values == ("1e-3", 0.01)
    assert Sweep.parse("data.split=random,element:O").values == ("random", "element:O")
    assert Sweep.parse("data.classes=[a, b],[b, a]").values == (["a", "b"], ["b", "a"])


def record(depth, state="done", error=1.0):
    point = {"settings": {"model.depth": depth}, "state": state, "fold": None, "seed": 0}
    if state == "done":
        errors = {"validation": error, "test": None if error is None else -error}
        point |= {"targets": {"e": errors}, "validation error": error}
        point |= {"parameters": 1, "smoothing": []}
    return point


def test_the_choice_is_by_validation_and_among_what_is_complete():
    points = [record(1, error=3.0), record(2, error=1.0), record(2, "failed"), record(3, error=2.0)]
    settings = summaries(points)
    assert [one["settings"]["model.depth"] for one in settings] == [1, 2, 3]
    assert choose(settings) == 2, "of depth 2 a repetition is missing; the test would choose 1"
    assert choose(summaries([record(1, "failed")])) is None
    assert choose(summaries([record(1, error=None)])) is None, "there is no validation part"


def test_the_document_is_json_without_nan(done):
    text = (done.folder / "ablate.json").read_text()
    assert json.loads(text) == done.document
    assert "NaN" not in text
