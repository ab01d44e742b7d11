"""Members, their spread, and intervals: from the training to the table of new crystals."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.transforms import supercell
from xtalgraph.evidence.run_files import COLUMNS
from xtalgraph.metrics.bootstrap import interval
from xtalgraph.metrics.conformal import conformal_quantile
from xtalgraph.models.checkpoint import load_model
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.registry import DEFAULT
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.fit import member_seed
from xtalgraph.workflows.request import Request
from xtalgraph.workflows.run import Run

SMALL = ["model.width=12", "model.depth=2", "training.batch_size=8", "training.threads=1"]
WANTED = [*SMALL, "data.calibration_fraction=0.4"]


def trained(data, out, **options):
    given = {"target": "energy", "kind": "extensive", "unit": "eV/cell", "epochs": 4}
    overrides = options.pop("overrides", WANTED)
    return xtalgraph.train(
        data, out=out, overrides=overrides, progress=False, **{**given, **options}
    )


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Leave the seconds of a tiny training to other tests: its report, and the resamples."""

    def few(*args, samples, **options):
        return interval(*args, samples=min(samples, 10), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xtalgraph.metrics.summary.interval", few)
        patch.setattr("xtalgraph.workflows.train.write_report", lambda folder: None)
        yield


@pytest.fixture(scope="module")
def ensemble(csv_path, tmp_path_factory) -> Run:
    return trained(csv_path, tmp_path_factory.mktemp("ensemble") / "run", members=3)


def test_the_first_member_of_an_ensemble_is_the_run_without_others(run, csv_path, tmp_path):
    several = trained(csv_path, tmp_path / "two", members=2, overrides=SMALL).folder
    for name in ("model.safetensors", "split.json"):
        assert (run / name).read_bytes() == (several / name).read_bytes()
    table = pd.read_csv(several / "predictions" / "energy.csv")
    assert tuple(table.columns) == COLUMNS
    first = pd.read_csv(run / "predictions" / "energy.csv")["prediction"]
    models = [load_model(several)[0], load_model(several / "members" / "1")[0]]
    assert not any(
        np.array_equal(one.detach(), two.detach())
        for one, two in zip(*(model.parameters() for model in models), strict=True)
        if one.ndim > 1
    )
    # of two members a and b the mean is (a + b)/2 and the deviation |a - b|/√2
    other = 2 * table["prediction"] - first
    np.testing.assert_allclose(table["std"], (first - other).abs() / np.sqrt(2), rtol=1e-9)


def test_where_nothing_is_said_as_many_are_trained_as_are_recommended(
    csv_path, tmp_path, as_recommended
):
    assert as_recommended == 3
    run = trained(csv_path, tmp_path / "run", epochs=1, overrides=SMALL)
    assert len(run.predictor.members) == as_recommended
    assert run.config.training.members == as_recommended  # written out in config.yaml
    assert (pd.read_csv(run.folder / "predictions" / "energy.csv")["std"] > 0).all()
    said = {"target": "energy", "overrides": ["training.members=2"]}
    for options, count in (({"model": "cgcnn"}, 1), ({}, 3), (said, 2)):
        request = Request.of(csv_path, {"target": "energy", **options}).recommended()
        assert request.config().training.members == count


def test_the_calibration_part_is_of_no_other_use(ensemble, table):
    division, stated = (
        ensemble.division,
        pd.read_csv(ensemble.folder / "predictions" / "energy.csv"),
    )
    names = ("train", "val", "test", "calibration")
    assert sorted(name for part in names for name in division[part]) == sorted(table["id"])
    assert division["drawn"]["calibration"] == 0.4
    rows = stated[stated["split"] == "calibration"]
    assert list(rows["id"]) == division["calibration"]
    assert len(rows) == round(0.4 * 38)
    data = ensemble.data()
    assert [data.dataset.table.ids[i] for i in data.split.calibration] == list(rows["id"])
    assert "calibration crystals" in (ensemble.folder / "card.md").read_text()


def test_the_intervals_are_those_of_the_definition(ensemble, table):
    stated = pd.read_csv(ensemble.folder / "predictions" / "energy.csv").set_index("id")
    atoms = table.set_index("id")["structure"].map(len)[stated.index]
    per_atom = (stated["std"] / atoms)[stated["split"] == "val"].median()
    difficulty = stated["std"] + per_atom * atoms
    scores = ((stated["target"] - stated["prediction"]).abs() / difficulty).to_numpy()
    quantile = conformal_quantile(scores[stated["split"] == "calibration"], 0.9)
    np.testing.assert_allclose(stated["upper"] - stated["prediction"], quantile * difficulty)
    np.testing.assert_allclose(stated["prediction"] - stated["lower"], quantile * difficulty)
    test = stated[stated["split"] == "test"]
    held = test["target"].between(test["lower"], test["upper"])
    found = ensemble.metrics["targets"]["energy"]["uncertainty"]["intervals"]
    assert (found["coverage"]["count"], found["coverage"]["rows"]) == (held.sum(), len(test))
    assert found["sharpness"] == pytest.approx((test["upper"] - test["lower"]).mean())
    assert found["calibrating"] == 15


def test_new_crystals_get_the_spread_and_the_interval_too(ensemble, csv_path, table, tmp_path):
    xtalgraph.predict(ensemble.folder, csv_path, out=tmp_path / "new.csv", progress=False)
    said = pd.read_csv(tmp_path / "new.csv").set_index("id")
    stated = pd.read_csv(ensemble.folder / "predictions" / "energy.csv").set_index("id")
    for name in ("prediction", "std", "lower", "upper"):
        np.testing.assert_allclose(said[name][stated.index], stated[name], rtol=2e-4, atol=1e-5)
    crystal = from_pymatgen(table["structure"][0])
    one, eight = ensemble.predictor.predict([crystal, supercell(crystal, (2, 2, 2))]).to_dict(
        "records"
    )
    for name in ("prediction", "std", "lower", "upper"):
        assert eight[name] == pytest.approx(8 * one[name], rel=1e-4), "extensive"
    assert f"3 × {DEFAULT}" in repr(ensemble.predictor)


def test_one_model_has_intervals_by_the_number_of_atoms(csv_path, table, tmp_path):
    run = trained(csv_path, tmp_path / "run", intervals=True)
    stated = pd.read_csv(run.folder / "predictions" / "energy.csv").set_index("id")
    assert stated["std"].isna().all()
    atoms = table.set_index("id")["structure"].map(len)[stated.index]
    width = (stated["upper"] - stated["lower"]) / atoms
    np.testing.assert_allclose(width, width.iloc[0])
    assert run.config.data.calibration_fraction == 0.4, "what was said wins over --intervals"


def test_a_copied_member_is_told(ensemble, csv_path, tmp_path, caplog):
    folder = tmp_path / "copied"
    shutil.copytree(ensemble.folder, folder)
    shutil.rmtree(folder / "members" / "2")
    shutil.copytree(folder / "members" / "1", folder / "members" / "2")
    write_manifest(folder)
    with caplog.at_level("WARNING", logger="xtalgraph"):
        xtalgraph.predict(ensemble.folder, csv_path, out=tmp_path / "a.csv", progress=False)
        assert "copies" not in caplog.text
        xtalgraph.predict(folder, csv_path, out=tmp_path / "b.csv", progress=False)
    assert "members are copies of others: 3 of 2" in caplog.text
    shutil.rmtree(folder / "members" / "2")
    with pytest.raises(RunError, match=r"members/2/model\.json is missing"):
        xtalgraph.load(folder)


def test_an_ensemble_goes_on_where_it_stopped_with_the_same_bits(ensemble, csv_path, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(ensemble.folder, folder)
    for name in ("manifest.json", "metrics.json", "predictions/energy.csv", "model.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "members" / "2")
    trained(csv_path, folder, members=3, resume=True)
    for name in ("predictions/energy.csv", "metrics.json", "members/2/model.safetensors"):
        assert (folder / name).read_bytes() == (ensemble.folder / name).read_bytes(), name
    with pytest.raises(RunError, match=r"training\.members was 3, is 1"):
        trained(csv_path, folder, resume=True)


def test_a_snapshot_starts_where_the_one_before_ended_and_goes_on_with_the_same_bits(
    csv_path, tmp_path
):
    def weights(folder):
        return torch.cat([p.detach().flatten() for p in load_model(folder)[0].parameters()])

    still = [*SMALL, "training.snapshots=true", "training.learning_rate=1e-9"]
    whole = trained(csv_path, tmp_path / "whole", members=3, overrides=still).folder
    first = weights(whole)
    for number in (1, 2):
        torch.testing.assert_close(
            weights(whole / "members" / str(number)), first, atol=1e-6, rtol=0
        )
    moved = [*SMALL, "training.snapshots=true"]
    whole = trained(csv_path, tmp_path / "moved", members=3, overrides=moved).folder
    assert (weights(whole / "members" / "1") - weights(whole)).abs().max() > 1e-3
    killed = tmp_path / "killed"
    shutil.copytree(whole, killed)
    for name in ("manifest.json", "metrics.json", "predictions/energy.csv", "model.json"):
        (killed / name).unlink()
    shutil.rmtree(killed / "members" / "2")
    trained(csv_path, killed, members=3, overrides=moved, resume=True)
    for name in ("predictions/energy.csv", "members/2/model.safetensors"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name


def test_what_cannot_be_calibrated_is_refused(csv_path, tmp_path):
    with pytest.raises(ConfigError, match=r"at least 9 crystals .* are 4: set it higher"):
        trained(csv_path, tmp_path / "few", intervals=True, overrides=SMALL)
    sections = {"data": {"path": "a", "target": "y", "calibration_fraction": 0.1}}
    RunConfig.from_sections(sections)
    for said in ({"kind": "atomic"}, {"task": "classification"}):
        with pytest.raises(ConfigError, match="set it to 0"):
            RunConfig.from_sections({"data": {**sections["data"], **said}})
    with pytest.raises(ConfigError, match="at least 1, got 0"):
        RunConfig.from_sections({**sections, "training": {"members": 0}})
    with pytest.raises(ConfigError, match=r"snapshots needs training\.members of 2"):
        RunConfig.from_sections({**sections, "training": {"snapshots": True}})


def test_several_targets_have_intervals_of_their_own(table, tmp_path):
    gaps = table.copy()
    gaps.loc[gaps.index % 5 == 1, "energy"] = np.nan
    dense = (table["energy_per_atom"] > table["energy_per_atom"].median()).astype(float)
    run = trained(
        gaps.assign(dense=dense),
        tmp_path / "run",
        target=["energy", "energy_per_atom", "dense"],
        kind=["extensive", "intensive", "intensive"],
        task=["regression", "regression", "classification"],
        unit=["eV/cell", "eV/atom", ""],
        members=2,
        epochs=2,
    )
    tables = {one: stated.set_index("id") for one, stated in run.predictions.items()}
    for name in ("energy", "energy_per_atom"):
        stated = tables[name]
        half = stated["upper"] - stated["prediction"]
        np.testing.assert_allclose(half, stated["prediction"] - stated["lower"])
        found = run.metrics["targets"][name]["uncertainty"]["intervals"]["calibrating"]
        known = stated["target"].notna() & (stated["split"] == "calibration")
        assert found == known.sum()
    assert tables["dense"]["upper"].isna().all()
    assert tables["dense"]["std"].notna().all()
    assert "intervals" not in run.metrics["targets"]["dense"].get("uncertainty", {})
    stated = tables["energy"]
    said = run.predictor.predict(gaps).query("property == 'energy'").set_index("id")
    np.testing.assert_allclose(said["upper"][stated.index], stated["upper"], rtol=1e-3)


def test_members_are_seeded_apart():
    assert member_seed(5, 0) == 5
    seeds = [member_seed(seed, number) for seed in range(20) for number in range(20)]
    assert len(set(seeds)) == 400
