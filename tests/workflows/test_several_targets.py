"""Several targets on one encoder, some of their labels missing."""

import json
import logging

import numpy as np
import pandas as pd
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, TargetError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.data.dataset import read_dataset
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.data.values import Values
from xtalgraph.evidence.pages.report import write_report
from xtalgraph.models.model import predicted
from xtalgraph.models.predictions import COLUMNS as COLUMNS_OF_PREDICT
from xtalgraph.models.registry import DEFAULT
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.upgrades import FORMAT
from xtalgraph.workflows.config import declared_targets
from xtalgraph.workflows.data_settings import DataConfig

SMALL = ["model.width=12", "model.depth=2", "training.batch_size=8", "training.threads=1"]
NAMES = ["energy", "energy_per_atom", "dense"]
KINDS = ["extensive", "intensive", "intensive"]
TASKS = ["regression", "regression", "classification"]


def trained(data, out, **options):
    given = {"epochs": 2, "progress": False, "target": NAMES, "kind": KINDS, "task": TASKS}
    overrides = [*SMALL, *options.pop("overrides", [])]
    return xtalgraph.train(data, out=out, overrides=overrides, **{**given, **options})


@pytest.fixture(scope="module")
def gappy(table) -> pd.DataFrame:
    """Energies without every third, classes without every fourth, one row without anything."""
    dense = (table["energy_per_atom"] > table["energy_per_atom"].median()).astype(float)
    rows = np.arange(len(table))
    gaps = table.assign(dense=dense)
    gaps.loc[rows % 3 == 1, "energy"] = np.nan
    gaps.loc[rows % 4 == 2, "dense"] = np.nan
    gaps.loc[5, ["energy_per_atom"]] = np.nan
    return gaps


@pytest.fixture(scope="module")
def joint(gappy, tmp_path_factory):
    unit = ["eV/cell", "eV/atom", ""]
    return trained(gappy, tmp_path_factory.mktemp("joint") / "run", epochs=3, unit=unit)


def test_the_tables_have_columns_for_each_target(joint, gappy):
    assert list(joint.predictions) == NAMES
    tables = {name: table.set_index("id") for name, table in joint.predictions.items()}
    predicted = joint.predictor.predict(gappy)
    assert tuple(predicted.columns) == COLUMNS_OF_PREDICT
    said = predicted.pivot(index="id", columns="property", values="prediction")
    for name, table in tables.items():
        assert len(table) == 48
        labels = gappy.set_index("id").loc[table.index]
        pd.testing.assert_series_equal(
            table["target"], labels[name], check_names=False, check_dtype=False
        )
        assert table["prediction"].notna().all(), "predicted where the label is missing"
        np.testing.assert_allclose(said.loc[table.index, name], table["prediction"], 1e-5)
    assert tables["dense"]["prediction"].between(0, 1).all()
    assert set(predicted.query("property == 'energy'")["unit"]) == {"eV/cell"}
    assert predicted["site"].isna().all()


def test_metrics_are_over_the_known_labels(joint):
    found = joint.metrics["targets"]
    assert list(found) == NAMES
    for name in NAMES[:2]:
        for part, models in (("test", DEFAULT), ("train", DEFAULT)):
            rows = joint.predictions[name].query("split == @part").dropna(subset="target")
            error = (rows["target"] - rows["prediction"]).abs().mean()
            assert found[name]["models"][models][part]["mae"]["value"] == pytest.approx(error)
            assert found[name]["splits"][part] == len(rows)
    assert set(found["dense"]["models"]["mean"]["test"]) >= {"roc_auc", "log_loss"}
    assert set(found["energy"]["models"]) == {DEFAULT, "composition", "mean"}
    assert sum(joint.metrics["splits"].values()) == 48
    assert pd.read_csv(joint.folder / "log.csv")["val_error"].notna().all()


def test_baselines_learn_from_the_known_labels_alone(joint, gappy):
    split = json.loads((joint.folder / "split.json").read_text())
    labels = gappy.set_index("id")["energy_per_atom"]
    train = labels[split["train"]].mean()
    test = labels[split["test"]].dropna()
    expected = (test - train).abs().mean()
    found = joint.metrics["targets"]["energy_per_atom"]["models"]["mean"]["test"]
    assert found["mae"]["value"] == pytest.approx(expected)


def test_evaluate_gives_the_metrics_of_each(joint, gappy):
    found = xtalgraph.evaluate(joint.folder, gappy, progress=False)
    assert list(found["targets"]) == NAMES
    assert found["targets"]["dense"]["target"]["task"] == "classification"
    assert found["targets"]["energy"]["metrics"]["mae"]["value"] > 0
    assert found["crystals"] == 48


def test_the_report_has_sections_for_each(joint):
    page = write_report(joint.folder).read_text()
    for number, name in enumerate(NAMES, start=1):
        assert f'id="metrics-{number}"' in page
        assert f"{name}: comparison with baselines" in page
        assert (joint.folder / "figures" / f"target-{number}" / "comparison.svg").is_file()
    assert page.count('id="training"') == 1
    assert write_report(joint.folder).read_text() == page


def test_the_kinds_are_kept_when_the_cell_is_doubled(joint, gappy):
    crystal = from_pymatgen(gappy["structure"][0])
    doubled = transforms.supercell(crystal, (2, 1, 1))
    values = joint.predictor.predict_crystals([crystal, doubled]).predictions.values
    for name, times in zip(NAMES, (2, 1, 1), strict=True):
        one, two = values[name]
        assert two == pytest.approx(times * one, rel=1e-4)


def test_the_declarations_travel_with_the_model(joint):
    targets = joint.predictor.targets
    assert [target.kind for target in targets] == KINDS
    assert [target.unit for target in targets] == ["eV/cell", "eV/atom", ""]
    assert json.loads((joint.folder / "model.json").read_text())["format"] == FORMAT
    assert "energy_per_atom in eV/atom" in repr(joint.predictor)


@pytest.mark.long
def test_how_many_labels_there_are_is_told(gappy, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "xtalgraph"):
        trained(gappy, tmp_path / "run", epochs=1)
    assert "target energy: 32 of 48 crystals have a label" in caplog.messages


def test_a_row_without_any_label_or_with_a_wrong_one_is_rejected(gappy):
    targets = [Target("energy", Kind.EXTENSIVE), Target("dense", Kind.INTENSIVE)]
    dataset = read_dataset(gappy.assign(dense=gappy["dense"].replace(0.0, np.inf)), targets)
    reasons = {one.id: one.reason for one in dataset.table.rejected}
    assert reasons["c10"] == "all of the targets energy, dense are missing"
    assert "not finite" in next(why for why in reasons.values() if "all" not in why)


def test_the_scalers_are_fitted_to_the_known_labels():
    targets = Target("a", Kind.INTENSIVE), Target("b", Kind.INTENSIVE, task=Task.CLASSIFICATION)
    spec = ModelSpec("cgcnn", {"width": 4}, "auto", "radius", {}, targets)
    model, crystal = spec.make_model(), from_pymatgen_nacl()
    arrays = {"a": np.array([1.0, np.nan, 3.0]), "b": np.array([np.nan, 1.0, 0.0])}
    labels = Values(targets, arrays, np.full(3, len(crystal)))
    model.fit_scales(labels, [crystal] * 3)
    start = model.start(spec.make_graph(crystal))
    assert {name: value.tolist() for name, value in start.items()} == {"a": [2.0], "b": [0.0]}
    raw = zip(targets, [4.0, 0.0], strict=True)
    said = [predicted(target, torch.tensor([value])).tolist() for target, value in raw]
    assert said == [[4.0], [0.5]]
    assert ModelSpec.from_dict(spec.as_dict()) == spec


def from_pymatgen_nacl():
    from xtalgraph.testing.crystals import contract_crystals

    return contract_crystals()["cubic"]


@pytest.fixture(scope="module")
def vector(table, tmp_path_factory):
    """A run on lists of two numbers, some missing, beside a total."""
    lists = [[a, b] for a, b in zip(table["energy"], table["energy_per_atom"], strict=True)]
    lists[3] = [lists[3][0], None]
    lists[4] = None
    lists[5] = lists[5][:1]
    options = {"task": None, "unit": "eV", "on_error": "skip"}
    data = table.assign(v=lists, w=table["energy"])
    run = trained(
        data,
        tmp_path_factory.mktemp("vector") / "run",
        target=["v", "w"],
        kind=["intensive", "extensive"],
        overrides=["data.size=[2, null]", "data.calibration_fraction=0.3", "model.width=4"],
        members=2,
        jobs=1,
        **options,
    )
    return run, data


def test_a_list_is_one_target_of_several_numbers(vector, table):
    run, data = vector
    assert list(run.metrics["targets"]) == ["v", "w"]
    assert [head.name for head in run.predictor.targets] == ["v", "w"]
    rejected = pd.read_csv(run.folder / "rejected.csv")
    assert list(rejected["id"]) == ["c5"]
    assert rejected["reason"][0].startswith("the target 'v' must be a list of 2 numbers, got [")
    labels = run.predictions["v"].pivot(index="id", columns="component", values="target")
    assert labels.loc["c3"].isna().tolist() == [False, True]
    assert labels.loc["c4"].isna().all()
    assert labels.loc["c6", 1] == pytest.approx(table["energy_per_atom"][6])
    assert ModelSpec.from_dict(run.predictor.spec.as_dict()).targets == run.predictor.targets
    predicted = run.predictor.predict(data[:3])
    assert predicted.groupby("property").size().to_dict() == {"v": 6, "w": 3}
    saved = run.predictions["v"].set_index(["id", "component"])
    numbers = predicted.query("property == 'v'").set_index(["id", "component"])
    for name in ("prediction", "std", "lower", "upper"):
        np.testing.assert_allclose(numbers[name], saved.loc[numbers.index, name], rtol=1e-4)


def test_a_list_is_measured_as_a_whole_and_number_by_number(vector):
    run, data = vector
    entry = run.metrics["targets"]["v"]
    rows = run.predictions["v"].query("split == 'test'").pivot(index="id", columns="component")
    rows = rows[rows["target"].notna().all(axis=1)]
    errors = (rows["prediction"] - rows["target"]).abs()
    assert entry["splits"]["test"] == len(rows)
    assert set(entry["models"]) == {DEFAULT, "composition", "mean"}
    own = entry["models"][DEFAULT]
    assert own["test"]["mae"]["value"] == pytest.approx(errors.to_numpy().mean())
    for number, figures in enumerate(own["components"]):
        assert figures["mae"]["value"] == pytest.approx(errors[number].mean())
    inside = (rows["lower"] <= rows["target"]) & (rows["target"] <= rows["upper"])
    assert entry["uncertainty"]["intervals"]["coverage"]["value"] == inside.all(axis=1).mean()
    assert "components" not in run.metrics["targets"]["w"]["models"][DEFAULT]
    page = write_report(run.folder).read_text()
    assert "v[1]" in page
    assert "Mean absolute error by number" in page
    again = xtalgraph.evaluate(run.folder, data, progress=False)
    assert again["crystals"] == 47
    assert len(again["targets"]["v"]["components"]) == 2


def test_what_asks_about_one_number_refuses_a_list(vector, tmp_path):
    run, data = vector
    with pytest.raises(InputError, match="'v' has a list of numbers, and diagnose asks about"):
        xtalgraph.diagnose(run.folder, data, target="v", progress=False)
    with pytest.raises(ConfigError, match="this one predicts intensive v in eV, a list of 2 numb"):
        xtalgraph.screen(run.folder, data, out=tmp_path / "found.csv")
    with pytest.raises(ConfigError, match="a number or a tensor, got intensive v, a list of 2"):
        xtalgraph.compare(data, target="v", overrides=["data.size=2"], out=tmp_path / "compared")


def test_a_size_is_at_least_one():
    with pytest.raises(ConfigError, match=r"data\.size must be at least 1, got 0"):
        declared_targets(DataConfig("x", "v", size=0))


def test_targets_of_sites_and_of_crystals_are_learned_together(gappy, tmp_path):
    run = trained(
        gappy,
        tmp_path / "run",
        target=["energy", "charges"],
        kind=["extensive", "atomic"],
        unit=["eV/cell", "e"],
        task=None,
    )
    sizes = gappy["structure"].map(len)
    assert len(run.predictions["energy"]) == 48
    assert len(run.predictions["charges"]) == sizes.sum()
    log = pd.read_csv(run.folder / "log.csv")
    assert log[["val_error", "val_mae:energy", "val_mae:charges"]].notna().all(axis=None)
    found = run.predictor.predict(gappy[:2]).groupby("property").size()
    assert found.to_dict() == {"energy": 2, "charges": sizes[:2].sum()}
    again = xtalgraph.evaluate(run.folder, gappy, progress=False)["targets"]
    assert list(again) == ["energy", "charges"]


def test_targets_that_cannot_be_learned_together_are_refused(gappy, tmp_path):
    with pytest.raises(TargetError, match="may be named once"):
        trained(gappy, tmp_path / "b", target=["energy", "energy"], kind="extensive", task=None)
    with pytest.raises(ConfigError, match=r"data\.kind must be one value for all of energy, dense"):
        declared_targets(DataConfig("x", ["energy", "dense"], kind=["extensive"]))
    with pytest.raises(InputError, match="there is no column 'densely'; did you mean 'dense'"):
        trained(gappy, tmp_path / "c", target=["energy", "densely"], kind="intensive", task=None)
    rare = gappy.assign(dense=[1.0 if i == 0 else np.nan for i in range(48)], energy=1.0)
    with pytest.raises(ConfigError, match="of the rows with 'dense' leaves"):
        trained(rare, tmp_path / "d", target=["energy", "dense"], kind="intensive", task=None)
