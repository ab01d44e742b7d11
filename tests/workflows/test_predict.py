"""Predicting whatever comes in: a row for each, a reason for the bad ones."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from pymatgen.core import Structure

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.crystals.convert import from_pymatgen, to_ase, to_pymatgen
from xtalgraph.crystals.transforms import supercell
from xtalgraph.models.head import Head
from xtalgraph.models.predictions import COLUMNS
from xtalgraph.workflows import predict as module
from xtalgraph.workflows import train as module_of_training


@pytest.fixture
def folder(table, tmp_path):
    """Good CIFs among a truncated one, partial occupancies, an empty file and a JPEG."""
    where = tmp_path / "cifs"
    where.mkdir()
    for name, cif in zip(table["id"][:10], table["cif"][:10], strict=True):
        (where / f"{name}.cif").write_text(cif)
    whole = table["cif"][0]
    (where / "truncated.cif").write_text(whole[: len(whole) // 2])
    (where / "empty.cif").write_text("")
    (where / "picture.cif").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 8)
    head, _, sites = whole.rpartition("_atom_site_occupancy\n")
    assert head, "the writer states occupancies"
    partial = (
        head
        + "_atom_site_occupancy\n"
        + sites.replace(" 1\n", " 0.5\n").replace(" 1.0\n", " 0.5\n")
    )
    assert partial != whole
    (where / "partial.cif").write_text(partial)
    return where


def test_parquet_holds_what_the_csv_holds_and_other_suffixes_are_refused(
    run, folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "_CHUNK", 4)  # parts without a good row, without a bad one
    for suffix in ("csv", "parquet"):
        xtalgraph.predict(run, folder, out=tmp_path / f"p.{suffix}", progress=False)
    read = pd.read_parquet(tmp_path / "p.parquet")
    text = pd.read_csv(tmp_path / "p.csv", keep_default_na=False, na_values=[""])
    assert list(read.columns) == list(text.columns)
    np.testing.assert_array_equal(read["prediction"], text["prediction"])
    assert list(read["error"]) == list(text["error"].fillna(""))
    for name in ("p.xlsx", "p.json", "p"):
        with pytest.raises(ConfigError, match=r"a table is written as \.parquet or \.csv"):
            xtalgraph.predict(run, folder, out=tmp_path / name, progress=False)


def test_every_file_gets_a_row(run, folder, tmp_path):
    out = tmp_path / "predictions.csv"
    done = xtalgraph.predict(run, folder, out=out, progress=False)
    assert (done.good, done.bad) == (10, 4)
    table = pd.read_csv(out)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 14
    bad = table[table["prediction"].isna()].set_index("id")["error"]
    assert set(bad.index) == {"truncated", "empty", "picture", "partial"}
    assert "occupan" in bad["partial"]
    assert table["error"].isna().sum() == 10
    good = table[table["error"].isna()]
    assert set(good["unit"]) == {"eV/cell"}
    assert set(good["property"]) == {"energy"}
    assert table[["site", "component", "std", "lower", "upper"]].isna().all(axis=None)
    formulas = {
        path.stem: Structure.from_file(path).composition.reduced_formula
        for path in folder.glob("*.cif")
        if path.stem in set(good["id"])
    }
    assert good.set_index("id")["formula"].to_dict() == formulas
    assert table[table["error"].notna()]["formula"].isna().all()


def test_a_device_that_is_not_there_is_told(run, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ConfigError, match="finds no CUDA GPU on this machine: set it to cpu"):
        xtalgraph.predict(run, folder, out=tmp_path / "p.csv", device="cuda", progress=False)
    for verb in (xtalgraph.embed, xtalgraph.screen):
        with pytest.raises(ConfigError, match="finds no CUDA GPU"):
            verb(run, folder, out=tmp_path / "p.csv", device="cuda", progress=False)
    with pytest.raises(ConfigError, match="finds no CUDA GPU"):
        xtalgraph.evaluate(run, folder, device="cuda", progress=False)
    for verb in (xtalgraph.verify, xtalgraph.diagnose):
        with pytest.raises(ConfigError, match="finds no CUDA GPU"):
            verb(run, device="cuda", progress=False)
    with pytest.raises(ConfigError, match="device must be one of 'cpu', 'cuda', got 'tpu'"):
        xtalgraph.predict(run, folder, out=tmp_path / "p.csv", device="tpu", progress=False)
    assert not (tmp_path / "p.csv").exists()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_says_the_same_to_single_precision(run_of_members, csv_path, tmp_path):
    tables = {}
    for device in ("cpu", "cuda"):
        path = tmp_path / f"{device}.csv"
        xtalgraph.predict(run_of_members, csv_path, out=path, device=device, progress=False)
        tables[device] = pd.read_csv(path)
    for name in ("prediction", "std", "embedding_distance"):
        one, other = (tables[device][name] for device in ("cpu", "cuda"))
        assert other.to_numpy() == pytest.approx(one.to_numpy(), rel=1e-3, abs=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_model_is_verified_and_diagnosed_on_a_gpu(run):
    assert not xtalgraph.verify(run, sample=2, device="cuda", progress=False).verification.failures
    only = ("order", "smoothing", "reach", "cutoff-path")
    asked = xtalgraph.diagnose(run, only=only, sample=4, device="cuda", progress=False)
    assert tuple(one.name for one in asked.results) == only


def test_raise_stops_at_the_first(run, folder, tmp_path):
    with pytest.raises(InputError, match="empty"):
        xtalgraph.predict(run, folder, out=tmp_path / "p.csv", on_error="raise", progress=False)


def test_chunks_give_the_table_of_one_piece(run, csv_path, tmp_path, monkeypatch):
    xtalgraph.predict(run, csv_path, out=tmp_path / "one.csv", progress=False)
    monkeypatch.setattr(module, "_CHUNK", 7)
    xtalgraph.predict(run, csv_path, out=tmp_path / "many.csv", progress=False)
    one, many = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("one", "many"))
    assert list(one["id"]) == list(many["id"])
    np.testing.assert_allclose(one["prediction"], many["prediction"], rtol=1e-5)


def test_structures_atoms_and_paths_are_the_same_to_a_predictor(run, table, tmp_path):
    predictor = xtalgraph.load(run)
    structure = table["structure"][0]
    path = tmp_path / "a.cif"
    path.write_text(table["cif"][0])
    said = predictor.predict([structure, to_ase(from_pymatgen(structure)), path, str(path)])
    np.testing.assert_allclose(said["prediction"], said["prediction"][0], rtol=1e-5)


def test_an_extensive_prediction_doubles_with_the_cell(run, table):
    crystal = from_pymatgen(table["structure"][0])
    said = xtalgraph.load(run).predict([crystal, supercell(crystal, (2, 2, 2))])["prediction"]
    assert said[1] == pytest.approx(8 * said[0], rel=1e-5)


def test_elements_never_seen_are_told(run, table, tmp_path, caplog):
    structure = table["structure"][0].copy()
    structure[0] = "U"
    with caplog.at_level("WARNING", logger="xtalgraph"):
        xtalgraph.predict(run, [structure], out=tmp_path / "p.csv", progress=False)
    assert "no training crystal contains U (in 1 here)" in caplog.text
    assert xtalgraph.load(run).unseen_elements(from_pymatgen(structure)) == ("U",)


def test_a_model_with_weights_of_its_elements_alone_refuses_the_others(csv_path, table, tmp_path):
    small = ("channels=4", "depth=1", "radial_width=8", "degree=1", "correlation=2")
    xtalgraph.train(
        csv_path,
        target="energy",
        kind="extensive",
        model="mace",
        epochs=1,
        out=tmp_path / "run",
        overrides=[f"model.{setting}" for setting in small],
        progress=False,
    )
    predictor = xtalgraph.load(tmp_path / "run")
    held = sorted({site.specie.symbol for s in table["structure"] for site in s})
    assert sorted(predictor.spec.settings["elements"]) == held == sorted(predictor.elements)
    parts = [p.shape for n, p in predictor.members[0].named_parameters() if ".weights." in n]
    assert (len(held), 4, 4) in parts
    known, strange = table["structure"][0], table["structure"][0].copy()
    strange[0] = "U"
    answered = predictor.predict([known, strange])
    assert np.isfinite(answered["prediction"][0])
    assert np.isnan(answered["prediction"][1])
    assert answered["error"][0] == ""
    assert answered["error"][1] == (
        "it holds U, of which the model has no weights: it knows "
        f"{', '.join(predictor.spec.settings['elements'])}"
    )


def test_what_is_no_run_and_what_holds_nothing_is_refused(run, tmp_path):
    with pytest.raises(RunError, match="not a run folder"):
        xtalgraph.predict(tmp_path, [], out=tmp_path / "p.csv")
    with pytest.raises(InputError):
        xtalgraph.predict(run, tmp_path / "nothing.csv", out=tmp_path / "p.csv")


def test_evaluate_without_labels_says_that_there_are_none(run, table, tmp_path, caplog):
    frame = table[["id", "structure", "energy_per_atom"]]
    with pytest.raises(
        InputError, match=r"no column 'energy', for which .*predicts without labels"
    ):
        xtalgraph.evaluate(run, frame, progress=False)
    empty = frame.assign(energy=None)
    with pytest.raises(
        InputError, match=r"column 'energy' of the data holds no label: .*predicts without"
    ):
        xtalgraph.evaluate(run, empty, progress=False)
    some = table[["id", "structure", "energy"]].astype({"energy": object})
    some.loc[:3, "energy"] = None
    found = xtalgraph.evaluate(run, some, progress=False)
    assert found["crystals"] == len(table) - 4
    assert "4 of 48 crystals have no label 'energy'" in caplog.text


def test_evaluate_gives_the_metrics_of_the_rows(run, csv_path, table):
    found = xtalgraph.evaluate(run, csv_path, progress=False)
    said = xtalgraph.load(run).predict(csv_path)["prediction"]
    assert found["crystals"] == 48
    assert found["targets"]["energy"]["metrics"]["mae"]["value"] == pytest.approx(
        (said - table["energy"]).abs().mean(), rel=1e-5
    )


def test_report_is_written_again(run):
    page = run / "report.html"
    page.unlink()
    assert xtalgraph.report(run) == page
    assert "<html" in page.read_text("utf-8")
    with pytest.raises(RunError, match=r"holds no metrics\.json"):
        xtalgraph.report(run.parent)


def test_a_report_of_a_damaged_verification_says_what_to_do(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "run")
    (folder / "verify.json").write_text("[1]")
    with pytest.raises(RunError, match=r"verify\.json .* make it again by `xtalgraph verify`"):
        xtalgraph.report(folder)


def test_pymatgen_round_trip_of_the_fixture(table):
    structure = table["structure"][0]
    assert to_pymatgen(from_pymatgen(structure)) == structure


def test_a_prediction_that_is_no_finite_number_is_a_reason(run, table, tmp_path, monkeypatch):
    forward = Head.forward

    def overflows(self, features, graph):
        value = forward(self, features, graph)
        return torch.where(graph.num_atoms > 3, torch.inf, value)

    monkeypatch.setattr(Head, "forward", overflows)
    rows = table["structure"].tolist()[:6]
    large = [len(structure) > 3 for structure in rows]
    assert 0 < sum(large) < len(rows)
    done = xtalgraph.predict(run, rows, out=tmp_path / "p.csv", progress=False)
    assert (done.good, done.bad) == (len(rows) - sum(large), sum(large))
    said = pd.read_csv(tmp_path / "p.csv")
    assert said["prediction"].isna().tolist() == large
    assert said["error"].str.contains("no finite number").fillna(False).tolist() == large


def test_a_training_whose_weights_are_not_finite_is_not_saved(csv_path, tmp_path, monkeypatch):
    options = {"target": "energy", "kind": "extensive", "members": 1, "progress": False}
    fit = module_of_training.gathered

    def diverges(*args, **kwargs):
        fitted = fit(*args, **kwargs)
        with torch.no_grad():
            next(fitted.members[0].parameters()).fill_(torch.nan)
        return fitted

    monkeypatch.setattr(module_of_training, "gathered", diverges)
    small = ["model.width=8", "model.depth=1", "training.threads=1"]
    with pytest.raises(RunError, match=r"not all finite.*learning_rate"):
        xtalgraph.train(csv_path, out=tmp_path / "run", epochs=1, overrides=small, **options)
    assert not (tmp_path / "run" / "model.json").exists()
