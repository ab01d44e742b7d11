"""A learned variance: from the training to the table of new crystals, alone and with members."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, RunError, TargetError
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.transforms import supercell
from xtalgraph.metrics.bootstrap import interval
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.run import Run

SMALL = [
    *("model.name=cgcnn", "model.width=12", "model.depth=1"),
    *("training.batch_size=8", "training.threads=1", "training.loss=gaussian"),
]


def trained(data, out, **options) -> Run:
    given = {"target": "energy", "kind": "extensive", "unit": "eV/cell", "epochs": 3}
    overrides = [*SMALL, *options.pop("overrides", ())]
    return xtalgraph.train(
        data, out=out, overrides=overrides, progress=False, **{**given, **options}
    )


@pytest.fixture(scope="module", autouse=True)
def quick():
    """Leave the seconds of a tiny training to other tests: the resamples."""

    def few(*args, samples, **options):
        return interval(*args, samples=min(samples, 10), **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xtalgraph.metrics.summary.interval", few)
        yield


@pytest.fixture(scope="module")
def alone(csv_path, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("alone") / "run"
    return trained(csv_path, out, overrides=["data.test_fraction=0.25"])


@pytest.fixture(scope="module")
def several(csv_path, tmp_path_factory) -> Run:
    out = tmp_path_factory.mktemp("several") / "run"
    return trained(csv_path, out, members=2, overrides=["data.calibration_fraction=0.4"])


def test_one_model_says_what_it_has_learned(alone, table):
    stated = pd.read_csv(alone.folder / "predictions" / "energy.csv").set_index("id")
    assert stated["lower"].isna().all()
    assert stated["upper"].isna().all()
    predictor = alone.predictor
    assert (len(predictor.members), predictor.has_std) == (1, True)
    crystals = [from_pymatgen(one) for one in table["structure"]]
    graph = predictor.spec.make_graph(crystals)
    with torch.no_grad():
        (found,) = predictor.members[0](graph).deviations.values()
    np.testing.assert_allclose(stated["std"][table["id"]], found, rtol=1e-4)
    assert (stated["std"] > 0).all()
    log = pd.read_csv(alone.folder / "log.csv")
    assert "val_mae" in log.columns, "the epoch is chosen by the error of the mean"


def test_metrics_and_report_say_that_it_was_learned(alone):
    found = alone.metrics["targets"]["energy"]["uncertainty"]
    assert (found["members"], found["learned"]) == (1, True)
    assert 0 <= found["std"]["miscalibration_area"] <= 0.5
    assert alone.metrics["targets"]["energy"]["models"]["cgcnn"]["variance"] is True
    page = xtalgraph.report(alone.folder).read_text()
    assert ">Uncertainty</h2>" in page
    assert "1, with a learned variance" in page
    assert "The rank correlation of the predicted standard deviation and the error is" in page
    assert "gaussian" in (alone.folder / "card.md").read_text()


def test_eight_cells_are_eight_times_as_uncertain_as_one(alone, several, table):
    crystal = from_pymatgen(table["structure"][0])
    for run in (alone, several):
        both = run.predictor.predict([crystal, supercell(crystal, (2, 2, 2))]).dropna(axis=1)
        one, eight = both.to_dict("records")
        for name in {"prediction", "std", "lower", "upper"} & set(both.columns):
            assert eight[name] == pytest.approx(8 * one[name], rel=1e-4), name
    assert "upper" in both.columns


def test_batched_and_alone_it_is_the_same(alone, table):
    crystals = [from_pymatgen(one) for one in table["structure"]]
    together = alone.predictor.predict(crystals)["std"]
    single = [alone.predictor.predict([one])["std"][0] for one in crystals]
    np.testing.assert_allclose(together, single, rtol=1e-4)


def test_of_members_it_is_the_mean_variance_and_that_of_the_means(several, table):
    stated = (
        pd.read_csv(several.folder / "predictions" / "energy.csv").set_index("id").loc[table["id"]]
    )
    predictor = several.predictor
    graph = predictor.spec.make_graph([from_pymatgen(one) for one in table["structure"]])
    with torch.no_grad():
        outputs = [one(graph) for one in predictor.members]
    means = np.stack([one.values["energy"].double().numpy() for one in outputs])
    variances = np.stack([one.deviations["energy"].double().numpy() ** 2 for one in outputs])
    expected = variances.mean(axis=0) + (means[0] - means[1]) ** 2 / 2
    np.testing.assert_allclose(stated["std"] ** 2, expected, rtol=1e-3)
    new = predictor.predict([from_pymatgen(one) for one in table["structure"]])
    np.testing.assert_allclose(new["std"], stated["std"], rtol=1e-3)
    page = xtalgraph.report(several.folder).read_text()
    text = "the mean of 2 members, each CGCNN, a graph neural network with a mean-variance head"
    assert text in page


def test_intervals_are_normalised_by_it(several, table):
    stated = pd.read_csv(several.folder / "predictions" / "energy.csv").set_index("id")
    atoms = table.set_index("id")["structure"].map(len)[stated.index]
    per_atom = (stated["std"] / atoms)[stated["split"] == "val"].median()
    width = (stated["upper"] - stated["lower"]) / (stated["std"] + per_atom * atoms)
    np.testing.assert_allclose(width, width.iloc[0])


def test_it_goes_on_where_it_stopped_with_the_same_bits(several, csv_path, tmp_path):
    folder, fraction = tmp_path / "run", "data.calibration_fraction=0.4"
    shutil.copytree(several.folder, folder)
    for name in ("manifest.json", "metrics.json", "predictions/energy.csv", "model.json"):
        (folder / name).unlink()
    shutil.rmtree(folder / "members" / "1")
    trained(csv_path, folder, members=2, overrides=[fraction], resume=True)
    for name in ("predictions/energy.csv", "metrics.json", "members/1/model.safetensors"):
        assert (folder / name).read_bytes() == (several.folder / name).read_bytes(), name
    other = [fraction, "training.loss=mse"]
    with pytest.raises(RunError, match=r"training\.loss was 'gaussian', is 'mse'"):
        trained(csv_path, folder, members=2, overrides=other, resume=True)


def test_several_targets_with_missing_labels_have_one_each(table, tmp_path):
    gaps = table.copy()
    gaps.loc[gaps.index % 5 == 1, "energy"] = np.nan
    run = trained(
        gaps,
        tmp_path / "run",
        target=["energy", "energy_per_atom"],
        kind=["extensive", "intensive"],
        unit=["eV/cell", "eV/atom"],
    )
    for name in ("energy", "energy_per_atom"):
        stated = pd.read_csv(run.folder / "predictions" / f"{name}.csv")
        assert (stated["std"] > 0).all(), "where a label is missing, too"
        assert run.metrics["targets"][name]["uncertainty"]["learned"]
    crystal = from_pymatgen(table["structure"][0])
    both = run.predictor.predict([crystal, supercell(crystal, (2, 1, 1))])
    for name, times in (("energy", 2), ("energy_per_atom", 1)):
        one, two = both.loc[both["property"] == name, "std"]
        assert two == pytest.approx(times * one, rel=1e-4)


def test_every_site_has_its_own(table, tmp_path):
    run = trained(table, tmp_path / "run", target="charges", kind="atomic", unit="e")
    stated = pd.read_csv(run.folder / "predictions" / "charges.csv")
    assert len(stated) == sum(len(one) for one in table["structure"])
    assert (stated["std"] > 0).all()
    crystal = from_pymatgen(table["structure"][0])
    one, two = (run.predictor.predict([c]) for c in (crystal, supercell(crystal, (2, 1, 1))))
    assert len(two) == 2 * len(one)
    assert sorted(two["std"]) == pytest.approx(sorted([*one["std"]] * 2), rel=1e-4)


def test_candidates_are_ranked_by_it(alone, csv_path, tmp_path):
    done = xtalgraph.screen(
        alone.folder, csv_path, out=tmp_path / "best", by="expected-improvement", progress=False
    )
    assert done.kept > 0


def test_one_setting_is_enough_and_a_class_is_refused():
    sections = {"data": {"path": "a", "target": "y"}, "training": {"loss": "gaussian"}}
    config = RunConfig.from_sections(sections)
    assert config.spec.variance
    assert RunConfig.from_sections(config.sections()).spec == config.spec
    assert not RunConfig.from_sections({"data": sections["data"]}).spec.variance
    classes = {"path": "a", "target": "metal", "task": "classification"}
    with pytest.raises(TargetError, match="'metal' is a class, whose probability"):
        RunConfig.from_sections({**sections, "data": classes})
    with pytest.raises(ConfigError, match=r"unknown key model\.variance"):
        RunConfig.from_sections({**sections, "model": {"variance": True}})


def test_networks_of_other_libraries_are_trained_with_the_same_head(table, tmp_path):
    done = xtalgraph.compare(
        table,
        out=tmp_path / "leaderboard",
        target="energy",
        kind="extensive",
        baselines=["mean", "pyg-schnet"],
        epochs=1,
        overrides=SMALL,
        progress=False,
    )
    assert {"pyg-schnet", "cgcnn"} <= set(done.table["name"])
