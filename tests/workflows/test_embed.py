"""Latent vectors: a table of them, and their picture beside scikit-learn's."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, MissingExtraError
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.transforms import supercell
from xtalgraph.workflows import embed as module
from xtalgraph.workflows.embed import _plane, embed


def test_the_vectors_are_those_from_which_the_readout_starts(run, csv_path, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 20)
    path = tmp_path / "latents.parquet"
    done = embed(run, csv_path, out=path, plot=tmp_path / "map.svg", progress=False)
    assert (done.good, done.bad) == (48, 0)
    table = pd.read_parquet(path)
    assert list(table.columns) == ["id", "target", "prediction", *[f"z{n}" for n in range(12)]]
    source = pd.read_csv(csv_path)
    np.testing.assert_array_equal(table["target"], source["energy"])
    said = xtalgraph.load(run).predict(csv_path)
    np.testing.assert_allclose(table["prediction"], said["prediction"], rtol=1e-5)
    assert "<svg" in (tmp_path / "map.svg").read_text()

    written = tmp_path / "latents.csv"
    assert embed(run, csv_path, out=written, progress=False).good == 48
    again = pd.read_csv(written)
    pd.testing.assert_frame_equal(again.astype(table.dtypes), table, rtol=1e-6)


def test_of_several_members_it_is_said_whose_vectors_they_are(
    run_of_members, csv_path, tmp_path, caplog
):
    caplog.set_level("INFO", "xtalgraph")
    embed(run_of_members, csv_path, out=tmp_path / "z.parquet", progress=False)
    assert "the vectors are those of member 1 of 3" in caplog.text


def test_a_supercell_has_the_vector_of_its_cell(run, table):
    crystal = from_pymatgen(table["structure"][0])
    both = [crystal, supercell(crystal, (2, 2, 2))]
    found = xtalgraph.load(run).predict_crystals(both, novelty=True)
    one, eight = found.embedding
    np.testing.assert_allclose(one, eight, rtol=1e-4)
    assert [one.composition_distance for one in found.novelty] == [0, 0]


def test_the_plane_is_that_of_scikit_learn():
    vectors = np.random.default_rng(0).normal(size=(40, 6)) * np.array([5, 3, 1, 1, 1, 0.1])
    place, names = _plane(vectors, "pca")
    theirs = PCA(2, svd_solver="full").fit(vectors)
    np.testing.assert_allclose(np.abs(place), np.abs(theirs.transform(vectors)), atol=1e-9)
    assert f"{theirs.explained_variance_ratio_[0]:.0%}" in names[0]
    assert _plane(np.ones((1, 3)), "pca")[0].tolist() == [[0, 0]]


def test_what_cannot_be_done_is_refused_before_it_is_begun(run, csv_path, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"must end in \.svg or \.png"):
        embed(run, csv_path, out=tmp_path / "a.parquet", plot=tmp_path / "a.pdf")
    for name in ("a", "a.xlsx", "a.csv.gz"):
        with pytest.raises(ConfigError, match=r"a table is written as \.parquet or \.csv"):
            embed(run, csv_path, out=tmp_path / name)
    monkeypatch.setitem(__import__("sys").modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"xtalgraph\[embed\]"):
        embed(run, csv_path, out=tmp_path / "b.csv", plot=tmp_path / "a.svg", method="umap")
    with pytest.raises(InputError, match=r"no crystal of .*; 1 rows cannot; the first: gone: no"):
        embed(run, [tmp_path / "gone.cif"], out=tmp_path / "a.parquet", progress=False)
