"""A tensor is learned, reported, verified and predicted, from the table to the files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import xtalgraph
from two_convolutions import registered
from xtalgraph.conventions.errors import RunError, TargetError
from xtalgraph.conventions.voigt import NAMED, from_subscripts, subscripts
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.tensor_symmetry import Symmetry
from xtalgraph.crystals.transforms import rotate
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.metrics.calibration import miscalibration_area
from xtalgraph.models.predictor import Predictor

COUNT = 60
DIELECTRIC = NAMED["dielectric"]


def crystals():
    """Rock salts, some stretched along an axis, some rotated, some of low symmetry."""
    rng, made = np.random.default_rng(0), []
    for n in range(COUNT):
        cell = 2.0 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]) * (1 + 0.1 * rng.random())
        if n % 3:
            cell = cell * np.array([1.0, 1.0, 1.0 + 0.25 * rng.random()])
        sites = np.array([[0.0] * 3, [0.5] * 3]) + (0.03 * rng.normal(size=(2, 3)) if n % 5 else 0)
        numbers = np.array([[12, 8], [11, 17], [19, 9]][n % 3])
        made.append(Crystal.from_fractional(cell, sites, numbers))
    return made


def label(crystal):
    """1 + Σ exp(−d/Å) r̂r̂ over the neighbors of each atom: it has the symmetry of the crystal."""
    edges = neighbors_within(crystal, 4.0)
    vector = (
        crystal.positions[edges.neighbor]
        + edges.image @ crystal.cell
        - crystal.positions[edges.center]
    )
    length = np.linalg.norm(vector, axis=1)
    weight = 8.0 * np.exp(-length) / length**2 / len(crystal)
    return np.eye(3) + np.einsum("n,ni,nj->ij", weight, vector, vector)


@pytest.fixture(scope="module")
def table():
    made = crystals()
    values = [label(crystal) for crystal in made]
    frame = pd.DataFrame({"structure": made, "eps": [value.tolist() for value in values]})
    frame["id"] = [f"c{n}" for n in range(COUNT)]
    return frame


@pytest.fixture(scope="module")
def run(table, tmp_path_factory):
    with registered():
        yield xtalgraph.train(
            table,
            out=tmp_path_factory.mktemp("tensor") / "run",
            target="eps",
            tensor="dielectric",
            model="two-convolutions",
            epochs=60,
            members=2,
            overrides=[
                "model.degree=2",
                "graph.strategy=radius",
                "graph.cutoff=4.0",
                "data.calibration_fraction=0.25",
                "training.learning_rate=0.01",
                "training.batch_size=8",
                "training.relative=true",
            ],
            progress=False,
        )


def test_it_is_learned_and_better_than_what_knows_no_direction(run):
    models = run.metrics["targets"]["eps"]["models"]
    assert set(models) == {"two-convolutions", "composition", "mean"}
    errors = {name: model["test"]["frobenius"]["value"] for name, model in models.items()}
    assert errors["two-convolutions"] < 0.85 * errors["composition"]
    test = models["two-convolutions"]["test"]
    assert test["eigenvalue_order"]["value"] > 0.9
    assert models["mean"]["test"]["eigenvalue_order"]["value"] == 0.5


def test_the_files_have_subscripts_and_the_interval_of_the_norm(run):
    lines = pd.read_csv(run.folder / "predictions" / "eps.csv")
    assert sorted(set(lines["component"])) == sorted(subscripts(DIELECTRIC))
    half = ((lines["upper"] - lines["lower"]) / 2).to_numpy().reshape(-1, 6)
    np.testing.assert_allclose(half, half[:, :1] * np.ones(6), rtol=1e-9)
    true, predicted = (
        from_subscripts(DIELECTRIC, lines[key].to_numpy().reshape(-1, 6))
        for key in ("target", "prediction")
    )
    test = lines["split"].to_numpy()[::6] == "test"
    error = np.linalg.norm((predicted - true).reshape(-1, 9), axis=1)[test]
    document = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
    entry = document["targets"]["eps"]
    value = entry["models"]["two-convolutions"]["test"]["frobenius"]["value"]
    assert value == pytest.approx(error.mean())
    held = entry["uncertainty"]["intervals"]["coverage"]["value"]
    assert held == pytest.approx((error <= half[test, 0]).mean())


def test_calibration_is_that_of_components_in_which_the_members_differ(run):
    lines = pd.read_csv(run.folder / "predictions" / "eps.csv").query("split == 'test'")
    off, std = ((lines["prediction"] - lines["target"]), lines["std"])
    largest = std.groupby(lines["id"]).transform("max")
    apart = std > 1e-4 * largest
    assert 0 < (~apart).sum() < len(lines)
    area = miscalibration_area(off[apart].to_numpy(), std[apart].to_numpy())
    quality = run.metrics["targets"]["eps"]["uncertainty"]["std"]
    assert quality["miscalibration_area"] == pytest.approx(area, rel=1e-5)
    assert quality["rows"] == len(lines) // 6


def test_the_report_shows_the_tensor(run):
    page = xtalgraph.report(run.folder).read_text(encoding="utf-8")
    assert "mean Frobenius error" in page
    assert "Fraction within 25 % of the norm" in page
    assert "Surfaces of true and predicted tensors" in page
    assert (run.folder / "figures" / "surfaces.svg").is_file()
    assert "the norm of the difference" in page
    assert "systematic" not in page
    assert "Recall in the top k" not in page
    assert "An isotropic tensor, the same along all directions" in page


def test_the_worst_are_listed_by_the_norm_with_their_worst_component(run):
    lines = pd.read_csv(run.folder / "predictions" / "eps.csv").query("split == 'test'")
    true, predicted = (
        from_subscripts(DIELECTRIC, lines[key].to_numpy().reshape(-1, 6))
        for key in ("target", "prediction")
    )
    error = np.linalg.norm((predicted - true).reshape(-1, 9), axis=1)
    (worst,) = json.loads((run.folder / "worst.json").read_text(encoding="utf-8")).values()
    names = lines["id"].to_numpy()[::6]
    assert [entry["id"] for entry in worst] == names[np.argsort(-error)][: len(worst)].tolist()
    assert worst[0]["norm"] == pytest.approx(error.max())
    of_first = lines[lines["id"] == worst[0]["id"]].set_index("component")
    off = (of_first["prediction"] - of_first["target"]).abs()
    assert worst[0]["component"] == off.idxmax()
    assert worst[0]["prediction"] - worst[0]["target"] == pytest.approx(
        (of_first["prediction"] - of_first["target"])[off.idxmax()]
    )


def test_verify_projects_predictions_on_the_symmetry_of_their_crystals(run, table):
    with registered():
        verified = xtalgraph.verify(run.folder, on=table, sample=12, progress=False)
    results = {result.check: result for result in verified.verification.results}
    assert verified.verification.failures == ()
    assert results["symmetry of the crystal"].relative < 1e-10
    assert results["tensor features turn"].passed


def test_predictions_of_a_cubic_crystal_are_isotropic(run, table, tmp_path):
    cubic = [c for c in table["structure"] if len(Symmetry.of(c).rotations) == 48][:3]
    assert cubic
    with registered():
        xtalgraph.predict(run.folder, cubic, out=tmp_path / "out.csv", progress=False)
    lines = pd.read_csv(tmp_path / "out.csv")
    assert sorted(set(lines["component"])) == sorted(subscripts(DIELECTRIC))
    values = from_subscripts(DIELECTRIC, lines["prediction"].to_numpy().reshape(-1, 6))
    np.testing.assert_allclose(values, values[:, :1, :1] * np.eye(3), atol=1e-5)


def test_compare_measures_tensors_beside_isotropic_ones_on_all_folds(table, tmp_path):
    with registered():
        compared = xtalgraph.compare(
            table,
            out=tmp_path / "compare",
            models=["two-convolutions", "xgn"],
            baselines=["mean", "composition", "acsf-ridge", "pyg-schnet"],
            target="eps",
            tensor="dielectric",
            epochs=30,
            members=1,
            folds=2,
            overrides=[
                "model.degree=2",
                "graph.strategy=radius",
                "graph.cutoff=4.0",
                "training.learning_rate=0.01",
                "training.batch_size=8",
            ],
            progress=False,
        )
    document = compared.document
    assert document["deciding"] == ["frobenius", "norm_spearman"]
    entries = {entry["name"]: entry for entry in document["entries"]}
    assert list(entries) == ["mean", "composition", "two-convolutions"]
    reasons = {entry["name"]: entry["reason"] for entry in document["not_run"]}
    assert "the features of this architecture do not" in reasons["xgn"]
    for name in ("acsf-ridge", "pyg-schnet"):
        assert "'eps' is a tensor" in reasons[name]
    labels = dict(zip(table["id"], table["eps"], strict=True))
    for name, entry in entries.items():
        files = sorted((compared.folder / "entries" / name).glob("*.json"))
        kept = [json.loads(path.read_text(encoding="utf-8")) for path in files]
        tested = [crystal for file in kept for crystal in file["ids"]]
        assert sorted(tested) == sorted(labels)
        predicted = np.array([tensor for file in kept for tensor in file["predictions"]])
        off = predicted - np.array([labels[crystal] for crystal in tested])
        error = np.linalg.norm(off.reshape(-1, 9), axis=1).mean()
        assert entry["metrics"]["frobenius"]["value"] == pytest.approx(error, rel=1e-9), name
    assert entries["mean"]["metrics"]["norm_spearman"]["value"] is None
    assert entries["composition"]["against"]["frobenius"]["outcome"] == "better"
    page = (compared.folder / "compare.html").read_text(encoding="utf-8")
    assert "order of axes" in page
    assert "No recall" not in page
    assert "An isotropic tensor, the same along all directions" in page


def test_mace_with_features_of_degree_two_is_trained_verified_and_predicts(table, tmp_path):
    tiny = {"channels": 4, "depth": 1, "correlation": 2, "radial_width": 8, "output_degree": 2}
    run = xtalgraph.train(
        table,
        out=tmp_path / "run",
        target="eps",
        tensor="dielectric",
        model="mace",
        epochs=2,
        members=1,
        overrides=[
            *(f"model.{key}={value}" for key, value in tiny.items()),
            "graph.strategy=radius",
            "graph.cutoff=4.0",
            "training.batch_size=16",
        ],
        progress=False,
    )
    verified = xtalgraph.verify(run.folder, on=table, sample=4, progress=False)
    results = {result.check: result for result in verified.verification.results}
    assert verified.verification.failures == ()
    assert results["symmetry of the crystal"].relative < 1e-10
    chosen = list(table["structure"][1:3])
    xtalgraph.predict(run.folder, chosen, out=tmp_path / "out.csv", progress=False)
    lines = pd.read_csv(tmp_path / "out.csv")
    printed = lines["prediction"].to_numpy().reshape(-1, 6)
    quarter = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    turned = [rotate(crystal, quarter) for crystal in chosen]
    again = xtalgraph.load(run.folder).predict(turned)["prediction"].to_numpy().reshape(-1, 6)
    before, after = (from_subscripts(DIELECTRIC, values) for values in (printed, again))
    np.testing.assert_allclose(after, DIELECTRIC.rotate(before, quarter), atol=1e-5)
    assert np.ptp(before, axis=(1, 2)).min() > 1e-3
    with pytest.raises(RunError, match="predicts eps and is no potential"):
        xtalgraph.calculator(run.folder)


def test_screen_ranks_the_mean_eigenvalue_by_the_members(run, table, tmp_path):
    given = list(table["structure"][:20])
    with registered():
        options = {"out": tmp_path / "best", "top": 5, "objective": "max", "progress": False}
        done = xtalgraph.screen(run.folder, given, by="upper-bound", **options)
        members = xtalgraph.load(run.folder).members
        alone = [Predictor([one], run.predictor.spec, run.predictor.elements) for one in members]
        tensors = [one.predict_crystals(given).predictions.values["eps"] for one in alone]
    numbers = np.trace(tensors, axis1=2, axis2=3) / 3.0
    mean, std = numbers.mean(axis=0), numbers.std(axis=0, ddof=1)
    best = pd.read_csv(done.path)
    assert best["best_case"].is_monotonic_decreasing
    assert best["best_case"][0] == pytest.approx((mean + std).max(), rel=1e-6)
    first = int(np.argmax(mean + std))
    assert best["prediction"][0] == pytest.approx(mean[first], rel=1e-6)
    assert best["std"][0] == pytest.approx(std[first], rel=1e-5)
    assert "highest mean eigenvalue of eps" in done.page.read_text(encoding="utf-8")
    lines = pd.read_csv(run.folder / "predictions" / "eps.csv").query("split == 'test'")
    traces = lines[lines["component"].isin([11, 22, 33])].groupby("id")
    off = (traces["prediction"].sum() - traces["target"].sum()).abs() / 3.0
    assert done.error == pytest.approx(off.mean())


def test_diagnose_and_embed_take_the_mean_eigenvalue(run, table, tmp_path):
    with registered():
        options = {"progress": False, "retrain": True}
        diagnosis = xtalgraph.diagnose(run.folder, table, **options)
        xtalgraph.embed(run.folder, list(table["structure"][:4]), out=tmp_path / "z.csv")
        computed = run.predictor.predict_crystals(list(table["structure"]))
    predicted = np.trace(computed.predictions.values["eps"], axis1=1, axis2=2) / 3.0
    embedded = pd.read_csv(tmp_path / "z.csv")
    np.testing.assert_allclose(embedded["prediction"], predicted[:4], rtol=1e-6)
    assert diagnosis.quantity.name == "mean eigenvalue of eps"
    numbers = {result.name: result.numbers for result in diagnosis.results}
    test = [int(crystal[1:]) for crystal in run.division["test"]]
    true = np.array([np.trace(value) / 3.0 for value in table["eps"]])
    error = np.abs(predicted - true)[test].mean()
    assert numbers["cutoff-path"].mae == pytest.approx(error, rel=1e-5)
    assert numbers["retrained"].mae[0] == pytest.approx(error, rel=1e-5)
    assert len(numbers["retrained"].mae) == 3


def test_an_invariant_architecture_says_before_the_training_why_it_cannot(table, tmp_path):
    with pytest.raises(TargetError, match="the features of this architecture do not"):
        xtalgraph.train(
            table, out=tmp_path / "run", target="eps", tensor="dielectric", progress=False
        )
    assert not Path(tmp_path / "run" / "report.html").exists()
