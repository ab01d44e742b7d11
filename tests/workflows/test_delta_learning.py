"""Another calculation of the target, from the table to the prediction."""

import numpy as np
import pandas as pd
import pytest

import xtalgraph
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.workflows.run import Run

SMALL = ["model.width=8", "model.edge_width=8", "model.depth=1", "training.threads=1"]


@pytest.fixture(scope="module")
def calculated(table) -> pd.DataFrame:
    """A calculation for each atom in another unit, of which the label is a multiple and more."""
    rows = table.drop(columns=["charges", "cif"])
    sizes = np.array([len(structure) for structure in rows["structure"]])
    rows["cheap"] = 10.0 * np.random.default_rng(0).normal(size=len(rows))
    rows["y"] = 0.3 * sizes * rows["cheap"] + 0.01 * rows["energy"]
    return rows


def train(data, out, *overrides, **options):
    defaults = {"target": "y", "kind": "extensive", "model": "xgn", "epochs": 3, "progress": False}
    overrides = [*SMALL, "data.store=false", *overrides]
    return xtalgraph.train(data, out=out, overrides=overrides, **defaults | options)


@pytest.fixture(scope="module")
def run(calculated, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "delta"
    half = ["data.delta=cheap", "data.delta_members=half", "training.members=2"]
    return train(calculated, out, *half)


def mae(run, model):
    return run.metrics["targets"]["y"]["models"][model]["test"]["mae"]["value"]


def test_the_difference_is_learned_and_the_calculation_stands_among_the_baselines(run):
    assert mae(run, "other calculation") < 0.1 * mae(run, "composition")
    first, second = run.predictor.members
    assert float(first.delta.factor) == pytest.approx(0.3, abs=0.02)
    assert float(second.delta.factor) == 0


def test_of_an_odd_number_of_members_the_last_learns_the_target(calculated, tmp_path):
    half = ["data.delta=cheap", "data.delta_members=half"]
    for count, wanted in ((1, [True]), (3, [True, False, False])):
        out, several = tmp_path / str(count), f"training.members={count}"
        members = train(calculated, out, *half, several, epochs=1).predictor.members
        assert [bool(member.delta.factor) for member in members] == wanted


def test_predictions_need_the_column_and_follow_it(run, calculated):
    rows = calculated.head(4)
    predicted = run.predictor.predict(rows)["prediction"]
    moved = run.predictor.predict(rows.assign(cheap=rows["cheap"] + 1.0))["prediction"]
    sizes = np.array([len(structure) for structure in rows["structure"]])
    factor = float(run.predictor.members[0].delta.factor)
    np.testing.assert_allclose(moved - predicted, 0.5 * factor * sizes, rtol=1e-4)
    without = run.predictor.predict(rows.drop(columns="cheap"))
    assert without["error"].str.contains("there is no 'cheap'").all()
    nothing = run.predictor.predict(rows.assign(cheap=[1.0, np.nan, 2.0, 3.0]))
    assert nothing["prediction"].notna().tolist() == [True, False, True, True]


def test_a_verification_gives_a_supercell_the_column_of_its_cell(run, calculated):
    found = xtalgraph.verify(run.folder, on=calculated.head(3), progress=False)
    assert found.verification.failures == ()
    tried = {one.check: one.tried for one in found.verification.results}
    assert tried["supercell"] == 3


def test_a_fine_tuning_keeps_the_column_for_the_same_target_alone(run, calculated, tmp_path):
    options = {"epochs": 1, "progress": False, "no_scratch": True}
    same = xtalgraph.finetune(run.folder, calculated, out=tmp_path / "same", **options).run
    assert same.config.data.delta == "cheap"
    first, second = same.predictor.members
    assert float(first.delta.factor) == pytest.approx(0.3, abs=0.02)
    assert float(second.delta.factor) == 0, "it learned the target itself, and goes on"
    other = xtalgraph.finetune(
        run.folder, calculated, target="energy", kind="extensive", out=tmp_path / "o", **options
    ).run
    assert other.config.data.delta is None


def test_a_head_that_learned_something_else_is_not_kept(run, calculated, tmp_path):
    options = {"epochs": 1, "progress": False, "no_scratch": True}
    found = xtalgraph.finetune(
        run.folder, calculated, out=tmp_path / "without", overrides=["data.delta=null"], **options
    )
    started = found.transfer["start"]
    assert (started["heads kept"], started["heads fresh"]) == ([], ["y"])


def test_conditions_that_the_encoder_reads_stand_beside_the_column(calculated, tmp_path):
    rows = calculated.assign(temperature=np.linspace(100.0, 700.0, len(calculated)))
    of_megnet = ["model.width=8", "model.hidden=12", "model.depth=1", "training.threads=1"]
    columns = ["data.conditions=[temperature]", "data.delta=cheap"]
    run = xtalgraph.train(
        rows, target="y", kind="extensive", model="megnet", epochs=1, out=tmp_path / "both",
        overrides=[*of_megnet, *columns], progress=False,
    )  # fmt: skip
    (model,) = run.predictor.members
    assert model.condition_scaler.mean.shape == (1,)
    assert float(model.condition_scaler.mean) == pytest.approx(400.0, abs=100.0)
    few = rows.head(3)
    predicted = run.predictor.predict(few)["prediction"]
    moved = run.predictor.predict(few.assign(cheap=few["cheap"] + 1.0))["prediction"]
    sizes = np.array([len(structure) for structure in few["structure"]])
    np.testing.assert_allclose(moved - predicted, float(model.delta.factor) * sizes, rtol=1e-4)
    warmer = run.predictor.predict(few.assign(temperature=900.0))["prediction"]
    assert (warmer != predicted).all()


def test_what_cannot_be_is_refused(calculated, tmp_path):
    with pytest.raises(ConfigError, match="goes with the column"):
        train(calculated, tmp_path / "a", "data.delta_members=half")
    with pytest.raises(ConfigError, match="one target, got y, energy"):
        train(calculated, tmp_path / "b", "data.delta=cheap", target=["y", "energy"])
    half = ["data.delta=cheap", "data.delta_members=half", "training.members=2"]
    with pytest.raises(ConfigError, match="here learns another quantity"):
        train(calculated, tmp_path / "c", *half, "training.snapshots=true")


def test_totals_in_the_column_are_noticed(calculated, tmp_path, caplog):
    sizes = np.array([len(structure) for structure in calculated["structure"]])
    assert len(set(sizes)) > 1
    train(calculated, tmp_path / "per_atom", "data.delta=cheap", epochs=1)
    assert "totals of the cell" not in caplog.text
    rows = calculated.assign(cheap=calculated["cheap"] * sizes)
    train(rows, tmp_path / "total", "data.delta=cheap", epochs=1)
    assert "'cheap' of data.delta explains 'y' much better when it is divided" in caplog.text
