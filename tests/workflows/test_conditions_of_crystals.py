"""Temperature, pressure and method of a label, from the table to the prediction; molecules."""

import json
import logging
from dataclasses import replace

import ase.build
import ase.collections
import numpy as np
import pandas as pd
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, GraphError, InputError
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.data.targets import Kind, Target
from xtalgraph.evidence.diagnostics.result import Verdict
from xtalgraph.evidence.verification import verify
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.model_under_test import ModelUnderTest
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.upgrades import FORMAT
from xtalgraph.workflows.run import Run

SMALL = ["model.width=8", "model.hidden=12", "model.depth=1", "training.threads=1"]
CONDITIONS = ["data.conditions=[temperature]", "data.fidelity=method", "data.fidelities=[PBE, HSE]"]


@pytest.fixture(scope="module")
def warm(table) -> pd.DataFrame:
    """The same crystals at two temperatures, labelled by one of two methods."""
    rows = pd.concat([table, table], ignore_index=True)
    count = len(table)
    rows["id"] = [f"{name}-{n // count}" for n, name in enumerate(rows["id"])]
    rows["temperature"] = np.repeat([100.0, 700.0], count)
    rows["method"] = np.where(np.arange(2 * count) % 3 == 0, "HSE", "PBE")
    rows["y"] = 0.004 * rows["temperature"] + 2.0 * (rows["method"] == "HSE")
    return rows.drop(columns=["cif", "fold", "part", "charges"])


def train(data, out, *overrides, **options):
    defaults = {"target": "y", "model": "megnet", "epochs": 25, "progress": False}
    return xtalgraph.train(
        data,
        out=out,
        overrides=[*SMALL, "training.batch_size=16", "training.learning_rate=0.01", *overrides],
        **defaults | options,
    )


@pytest.fixture(scope="module")
def run(warm, tmp_path_factory) -> Run:
    return train(warm, tmp_path_factory.mktemp("runs") / "warm", *CONDITIONS, "data.store=false")


def test_what_only_a_condition_tells_is_learned(run, warm, tmp_path):
    mae = run.metrics["targets"]["y"]["models"]["megnet"]["test"]["mae"]["value"]
    blind = train(warm, tmp_path / "blind", "data.store=false", epochs=5)
    assert mae < 0.5
    assert mae < 0.5 * blind.metrics["targets"]["y"]["models"]["megnet"]["test"]["mae"]["value"]


def test_the_statistics_of_the_training_part_are_in_the_checkpoint(run, warm):
    train_ids = run.division["train"]
    seen = warm.set_index("id").loc[train_ids, "temperature"]
    scaler = Predictor.load(run.folder).members[0].condition_scaler
    assert scaler.mean.tolist() == pytest.approx([seen.mean()], rel=1e-12)
    assert scaler.std.tolist() == pytest.approx([seen.std(ddof=0)], rel=1e-12)
    document = json.loads((run.folder / "model.json").read_text())
    assert document["format"] == FORMAT
    assert document["model"]["conditions"]["numbers"] == ["temperature"]


def test_predict_reads_the_same_columns_and_says_which_row_lacks_them(run, warm):
    rows = warm.iloc[:6].copy()
    rows["temperature"] = [100.0, None, 700.0, 100.0, 100.0, 100.0]
    rows["method"] = ["PBE", "PBE", "PBE", "HSE", "SCAN", "PBE"]
    found = run.predictor.predict(rows)
    assert found["prediction"].notna().tolist() == [True, False, True, True, False, True]
    assert "no 'temperature', which the model reads" in found["error"][1]
    assert "no method that the model knows: 'SCAN'" in found["error"][4]
    one, hot = found["prediction"][[0, 2]]
    assert hot - one == pytest.approx(2.4, abs=1.0)
    first = from_pymatgen(rows["structure"].iloc[0])
    assert "no 'temperature'" in run.predictor.predict(first)["error"][0]
    with pytest.raises(InputError, match="reads the conditions temperature, method"):
        run.predictor.predict_crystals([first])


def test_predictions_of_the_run_come_again(run, warm):
    known = pd.read_csv(run.folder / "predictions" / "y.csv").set_index("id")["prediction"]
    again = run.predictor.predict(warm).set_index("id")["prediction"]
    np.testing.assert_allclose(again, known.loc[again.index], rtol=1e-5, atol=1e-5)
    measured = xtalgraph.evaluate(run.folder, warm, progress=False)
    assert measured["targets"]["y"]["metrics"]["mae"]["value"] == pytest.approx(
        np.abs(again.values - warm["y"]).mean()
    )
    data = run.data(warm)
    assert len(data.dataset.condition_values) == len(warm)


@pytest.mark.long
def test_from_disk_come_the_same_bits(run, warm, tmp_path):
    other = train(warm, tmp_path / "disk", *CONDITIONS, "data.memory_gb=0")
    one, two = ((r.folder / "model.safetensors").read_bytes() for r in (run, other))
    assert one == two


def test_other_conditions_are_other_data(run, warm):
    changed = warm.assign(temperature=warm["temperature"] + 1.0)
    with pytest.raises(InputError, match="are not those that"):
        run.data(changed)


def test_a_column_that_is_not_there_and_rows_without_a_condition(warm, tmp_path, caplog):
    with pytest.raises(InputError, match="no column 'temperatur'; did you mean 'temperature'"):
        train(warm, tmp_path / "a", "data.conditions=[temperatur]")
    gaps = warm.assign(temperature=warm["temperature"].where(np.arange(len(warm)) != 4))
    with pytest.raises(InputError, match=r"c4-0 .*there is no 'temperature'"):
        train(gaps, tmp_path / "b", *CONDITIONS)
    with caplog.at_level(logging.INFO, "xtalgraph"):
        run = train(gaps, tmp_path / "c", *CONDITIONS, epochs=1, on_error="skip")
    assert "c4-0" in (run.folder / "rejected.csv").read_text()
    assert "Conditions of a crystal: temperature" in caplog.text
    assert "Method of a label: method, one of PBE, HSE" in caplog.text


@pytest.mark.parametrize("encoder", ["cgcnn", "xgn", "schnet"])
def test_other_encoders_refuse_with_the_reason(encoder, warm, tmp_path):
    with pytest.raises(ConfigError, match=rf"{encoder} reads atoms .*no conditions.*\(megnet\)"):
        xtalgraph.train(warm, target="y", model=encoder, out=tmp_path / "r", overrides=CONDITIONS)


def test_the_number_of_conditions_follows_from_the_columns(run):
    spec = run.predictor.spec
    assert (spec.settings["state_width"], spec.settings["fidelities"]) == (1, 2)
    assert ModelSpec.from_dict(spec.as_dict()) == spec
    target = Target("y", Kind.INTENSIVE)
    with pytest.raises(ConfigError, match=r"model\.state_width follows .* is 1, got 3"):
        ModelSpec(
            "megnet",
            {"state_width": 3},
            "auto",
            "radius",
            {},
            (target,),
            conditions=spec.conditions,
        )


def test_a_graph_must_have_the_conditions_that_the_model_reads(run, warm):
    spec, model = run.predictor.spec, run.predictor.members[0]
    crystal = from_pymatgen(warm["structure"].iloc[0])
    graph = spec.make_graph(crystal)
    with pytest.raises(GraphError, match=r"reads temperature, method .*has 0 numbers"):
        model(graph)
    numbers = torch.tensor([[300.0]], dtype=torch.float64)
    with pytest.raises(GraphError, match="may lack the method"):
        model(graph.replace(conditions=numbers))
    blind = ModelSpec(
        "megnet", {}, "auto", "radius", {}, (Target("y", Kind.INTENSIVE),)
    ).make_model()
    with pytest.raises(GraphError, match="reads nothing as conditions, and the graph"):
        blind(graph.replace(conditions=numbers))


def test_molecules_without_a_cell_are_learned_with_their_temperature(tmp_path):
    names = [name for name in ase.collections.g2.names if len(ase.build.molecule(name)) > 1]
    molecules = [ase.build.molecule(name) for name in names]
    rows = pd.DataFrame({"id": names, "atoms": molecules})
    rows["temperature"] = np.linspace(200.0, 400.0, len(rows))
    rows["mass"] = [float(one.get_masses().sum()) for one in molecules]
    run = xtalgraph.train(
        rows,
        target="mass",
        kind="extensive",
        model="megnet",
        out=tmp_path / "g2",
        epochs=20,
        on_error="skip",
        overrides=[
            *SMALL,
            "data.conditions=temperature",
            "graph.strategy=radius",
            "graph.cutoff=4.0",
        ],
        progress=False,
    )
    assert len(run.division["train"]) > 100
    measured = run.metrics["targets"]["mass"]["models"]
    assert measured["megnet"]["test"]["mae"]["value"] < measured["mean"]["test"]["mae"]["value"]
    water = rows[rows["id"] == "H2O"]
    assert run.predictor.predict(water)["prediction"][0] == pytest.approx(18.0, abs=6.0)


@pytest.mark.long
def test_a_verification_keeps_the_conditions_of_each_crystal(run, warm, tmp_path):
    rows = warm.iloc[[0, 1, 60, 61]]
    found = xtalgraph.verify(run.folder, on=rows, progress=False)
    assert found.verification.failures == ()
    tried = {one.check: one.tried for one in found.verification.results}
    assert tried["rotation"] == tried["batch as single"] == 4
    assert tried["reduced as full, merged distances"] == 4
    blind = rows.assign(temperature=[100.0, None, 700.0, 700.0])
    assert xtalgraph.verify(run.folder, on=blind, progress=False).document["of"] == 3
    with pytest.raises(InputError, match="4 were rejected; the first: c0-0: there is no 'temp"):
        xtalgraph.verify(run.folder, on=rows.drop(columns="temperature"), progress=False)
    with pytest.raises(InputError, match="with the columns temperature, method"):
        xtalgraph.verify(run.folder, progress=False)  # it was trained on data in memory


def test_what_is_verified_is_the_model_under_the_conditions_of_the_crystal(run, warm):
    tested = ModelUnderTest.of(run.predictor.members, run.predictor.spec)
    crystal = from_pymatgen(warm["structure"].iloc[0])
    with pytest.raises(InputError, match="reads the conditions temperature, method"):
        verify(tested, {"c0": crystal})
    conditions = run.predictor.spec.conditions.values_of(warm.iloc[[0, 60]].to_dict("records"))
    with pytest.raises(InputError, match="give those of all 1 crystals"):
        verify(tested, {"c0": crystal}, conditions)
    by_radius = replace(tested, graph_settings=GraphSettings(Radius(4.0)))
    cold, hot = (
        verify(by_radius, {"c0": crystal}, conditions.select(np.array([n]))) for n in (0, 1)
    )
    found = {one.check: one for one in cold.results}
    assert found["value at the cutoff"].tried >= 2
    assert found["value at the cutoff"].violation is not None  # None would be a value that is none
    assert cold.results != hot.results


@pytest.mark.long
def test_a_diagnosis_predicts_as_the_run_did_and_keeps_conditions_while_crystals_change(run, warm):
    reading = ["elements", "geometry", "retrained", "volume", "cutoff-path"]  # what predicts
    reading += ["cutoff", "smoothing", "reach", "worst"]
    found = xtalgraph.diagnose(run.folder, warm, retrain=True, only=reading, progress=False)
    assert [one.name for one in found.results] == reading
    assert all(one.verdict is not Verdict.NOT_APPLICABLE for one in found.results)
    known = pd.read_csv(run.folder / "predictions" / "y.csv").set_index("id")
    mae = np.abs(known["prediction"] - known["target"])[known["split"] == "test"].mean()
    (path,) = (one for one in found.results if one.name == "cutoff-path")
    assert path.numbers.mae == pytest.approx(mae, rel=1e-4)
    # the label follows the condition, which stays: elements or geometry explain nothing
    changed = next(one.numbers for one in found.results if one.name == "elements")
    assert min(changed.r2) > 0.5


@pytest.mark.long
def test_searches_and_comparisons_read_the_conditions(warm, tmp_path):
    options = {"target": "y", "epochs": 1, "progress": False}
    overrides = [*SMALL, *CONDITIONS, "training.batch_size=16"]
    swept = xtalgraph.ablate(
        warm,
        out=tmp_path / "swept",
        model="megnet",
        sweep={"model.depth": [1]},
        overrides=overrides,
        **options,
    )
    (point,) = swept.points
    assert len(point["smoothing"]) == 2
    assert 0 < point["smoothing"][-1]["mean average distance"] < 2
    tuned = xtalgraph.tune(
        warm,
        out=tmp_path / "tuned",
        trials=1,
        model="megnet",
        space=["training.learning_rate=1e-3..1e-2:log"],
        overrides=overrides,
        **options,
    )
    alone = train(warm, tmp_path / "alone", *CONDITIONS, "training.learning_rate=0.003", epochs=1)
    wanted = alone.metrics["targets"]["y"]["models"]["megnet"]["val"]["mae"]["value"]
    assert tuned.best["validation error"] == pytest.approx(wanted, rel=1e-6)
    compared = xtalgraph.compare(
        warm,
        out=tmp_path / "compared",
        models=["megnet"],
        baselines=["mean"],
        overrides=overrides,
        **options,
    )
    assert [one["name"] for one in compared.document["entries"]] == ["mean", "megnet"]
    assert not compared.document["not_run"]
