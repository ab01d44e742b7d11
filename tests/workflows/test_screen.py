"""Screening: the order, one line for each crystal, and memory that does not grow."""

import itertools
import math
import shutil
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

import xtalgraph
from xtalgraph.cli.tables import screened_table
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.reading import read_file
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.row import Row
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.evidence import screening as module
from xtalgraph.evidence.numbers import meaningful, plain, with_unit
from xtalgraph.evidence.screening import Scores, Tally, best_of, put_together
from xtalgraph.evidence.text.screening import about_ties
from xtalgraph.metrics.acquisition import Aim
from xtalgraph.models.manifest import write_manifest
from xtalgraph.models.predictions import PredictedRow, Prediction, Predictions
from xtalgraph.workflows.screen import screen

TARGET = Target("y", Kind.INTENSIVE)


def stream(values, std=None):
    """Predictions of crystals that are made when they are asked for."""
    for number, value in enumerate(values):
        sites = np.random.default_rng(number).random((20, 3))
        crystal = Crystal.from_fractional(9 * np.eye(3), sites, np.full(20, 6))
        own = None if std is None else only(std[number])
        prediction = Prediction(Predictions(only(float(value)), own), np.zeros(8), None)
        yield PredictedRow(Row(f"c{number}", "", number, crystal), prediction)


def only(value) -> Values:
    """Return the value of one target for one crystal."""
    return Values((TARGET,), {"y": np.array([value])}, np.array([20]))


def ranked(predicted, aim, limit, by="prediction", known=0.0):
    return best_of(Tally("skip").scored(predicted, aim, by, known), limit)


def test_the_best_are_those_of_sorting_everything():
    values = np.random.default_rng(0).integers(60, size=400).astype(float)
    for word, key in (
        ("min", values),
        ("max", -values),
        ("target=30.2", np.abs(values - 30.2)),
    ):
        best = ranked(stream(values), Aim.parse(word), 25)
        names = np.array([f"c{number}" for number in range(400)])
        expected = np.lexsort((names, key))[:25]
        assert [int(one.predicted.row.id[1:]) for one in best] == expected.tolist()
    std = np.random.default_rng(1).random(400) * 20
    best = ranked(stream(values, std), Aim("max"), 10, "upper-bound")
    assert [one.score for one in best] == sorted(values + std, reverse=True)[:10]


def test_memory_does_not_grow_with_the_candidates():
    def peak(number):
        tracemalloc.start()
        ranked(stream(range(number)), Aim("max"), 40)  # each is the best so far
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(3000) < 1.3 * peak(300)


def test_the_same_crystal_has_one_line(run, table, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 5)
    crystals = [from_pymatgen(structure) for structure in table["structure"][:8]]
    given = [*crystals, crystals[2], supercell(crystals[3], (2, 1, 1))]
    groups = put_together(given)
    same = {tuple(group) for group in groups if len(group) > 1}
    assert any({2, 8} <= set(group) for group in same)
    assert any({3, 9} <= set(group) for group in same)
    done = screen(run, given, out=tmp_path / "s", top=3, objective="max", progress=False)
    found = pd.read_csv(done.path)
    assert list(found["rank"]) == [1, 2, 3]
    said = xtalgraph.load(run).predict(given)["prediction"]
    assert found["prediction"][0] == pytest.approx(said.max(), rel=1e-5)
    assert found["prediction"].is_monotonic_decreasing
    assert {"id", "formula", "unit", "novelty", "unseen", "same"} <= set(found.columns)
    page = done.page.read_text("utf-8")
    assert page.count("<svg") == 3
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert (done.kept, done.good, done.bad) == (3, 10, 0)


def test_where_nothing_can_be_gained_the_distance_decides_and_it_is_said(
    run_of_members_on_a_fold, csv_path, tmp_path, caplog
):
    stated = pd.read_csv(run_of_members_on_a_fold / "predictions" / "energy_per_atom.csv")
    known = float(stated.loc[stated["split"] == "train", "target"].iloc[0])
    options = {"out": tmp_path / "s", "top": 6, "progress": False}
    aim = f"target={known!r}"
    done = screen(
        run_of_members_on_a_fold, csv_path, objective=aim, by="expected-improvement", **options
    )
    assert (done.table["expected_improvement"] == 0).all()
    assert done.table["distance"].is_monotonic_increasing
    assert done.table["distance"][0] < (stated["prediction"] - known).abs().quantile(0.2)
    tie = done.caveats[0]
    assert "is 0 for all 48 candidates. They are ordered by" in tie
    assert f"already holds a crystal with {known:g}" in tie
    assert tie in caplog.text
    assert "They are ordered by" in done.page.read_text("utf-8")
    far = f"target={known + 1e6!r}"
    done = screen(run_of_members_on_a_fold, csv_path, objective=far, by="upper-bound", **options)
    assert done.table["best_case"].is_monotonic_decreasing
    np.testing.assert_allclose(
        done.table["best_case"], done.table["prediction"] + done.table["std"]
    )
    assert not any("are ordered by" in caveat for caveat in done.caveats)


def test_equal_scores_stand_by_their_distance_and_then_by_id():
    values, std = [3.0, 1.2, 0.9, 1.1, 5.0], np.array([0.1, 0.5, 0.5, 0.5, 0.1])
    for order in itertools.permutations(range(5)):
        given = list(stream(values, std))
        best = ranked([given[n] for n in order], Aim("target", 1.0), 4, "upper-bound")
        assert [one.predicted.row.id for one in best] == ["c2", "c3", "c1", "c0"]
    scores = Scores("upper-bound", -3.9, 0.0, 5, 3)
    said = about_ties(scores, Aim("target", 1.0), math.nan, "gap")
    assert said.startswith(
        "The first 3 candidates have the same best case (1.00). They are ordered by"
    )
    least = about_ties(Scores("upper-bound", -3.9, -1.5, 5, 3), Aim("min", 0.0), math.nan, "gap")
    assert "the same best case (1.50)" in least
    assert "distance of the predicted gap to 1" in said


def test_a_spread_that_knows_no_errors_is_warned_of_with_the_number(
    run_of_members_on_a_fold, csv_path, tmp_path, caplog
):
    folder = shutil.copytree(run_of_members_on_a_fold, tmp_path / "run")
    path = folder / "predictions" / "energy_per_atom.csv"
    stated = pd.read_csv(path)
    test = stated["split"] == "test"
    errors = (stated.loc[test, "prediction"] - stated.loc[test, "target"]).abs().to_numpy()
    options = {"out": tmp_path / "s", "top": 3, "by": "upper-bound", "progress": False}

    def caveats(std):
        stated.loc[test, "std"] = std
        stated.to_csv(path, index=False)
        write_manifest(folder)
        return [one for one in screen(folder, csv_path, **options).caveats if "relies on" in one]

    shuffled = np.random.default_rng(5).permutation(errors)
    rank = spearmanr(shuffled, errors).statistic
    assert rank < 0.3
    (said,) = caveats(shuffled)
    assert f"has a rank correlation of only {rank:.2f} with the error on the {test.sum()}" in said
    assert said in caplog.text
    assert caveats(errors) == []
    assert "has no rank correlation" in caveats(np.ones(len(errors)))[0]
    assert screen(folder, csv_path, **options | {"by": "prediction"}).caveats == ()
    stated.to_csv(path, index=False, float_format="%.3f")
    with pytest.raises(RunError, match=r"energy_per_atom\.csv has changed"):
        screen(folder, csv_path, **options)


def test_the_structures_of_the_best_stand_beside_the_table(run, table, tmp_path):
    slab = Crystal(
        np.diag([4.0, 4.0, 20.0]),
        np.array([[0, 0, 0], [2, 2, 2.0]]),
        np.array([38, 8]),
        np.array([True, True, False]),
    )
    given = [*table["structure"][:4], slab]
    out = tmp_path / "s"
    done = screen(run, given, out=out, top=5, progress=False)
    assert list(done.table["file"]) == list(pd.read_csv(done.path)["file"])
    suffixes = []
    for line in done.table.to_dict("records"):
        path = out / line["file"]
        suffixes.append(path.suffix)
        assert path.name.startswith(f"{line['rank']:03d}-")
        (entry,) = read_file(path)
        assert reduced_formula(entry.crystal) == line["formula"]
        again = xtalgraph.load(run).predict([entry.crystal])["prediction"][0]
        assert again == pytest.approx(line["prediction"], rel=1e-5)
    assert sorted(set(suffixes)) == [".cif", ".extxyz"]

    done = screen(run, given[:3], out=out, top=1, structures="poscar", progress=False)
    (only,) = (out / "structures").iterdir()
    assert out / done.table["file"][0] == only
    assert only.suffix == ".vasp"
    (entry,) = read_file(only)
    assert reduced_formula(entry.crystal) == done.table["formula"][0]
    with pytest.raises(ConfigError, match="take another --out"):
        screen(run, only, out=out, progress=False)
    with pytest.raises(ConfigError, match="'xyz'"):
        screen(run, given, out=out, structures="xyz", progress=False)
    assert only.is_file()


def test_what_is_wanted_stands_in_title_and_cards_with_the_digits_that_it_has(
    run_of_members_on_a_fold, csv_path, tmp_path
):
    done = screen(run_of_members_on_a_fold, csv_path, out=tmp_path / "s", top=2, progress=False)
    page = done.page.read_text("utf-8")
    assert "The first 2 of 48 candidates for the lowest energy_per_atom" in page
    best = done.table.iloc[0]
    shown = f"{meaningful(best['prediction'], done.error)} ± {plain(best['std'], 1)}"
    assert with_unit(shown, "eV/atom") in page
    assert repr(float(best["prediction"])) in done.path.read_text("utf-8")
    said = screened_table(done.table, done.error).splitlines()
    assert meaningful(best["prediction"], done.error) in said[1]
    assert "std" in said[0]


def test_what_cannot_be_ranked_is_refused(run, table, tmp_path):
    structure = table["structure"][0]
    with pytest.raises(ConfigError, match="no variance: train it with --members"):
        screen(run, [structure], out=tmp_path, by="upper-bound")
    with pytest.raises(ConfigError, match="min, max or target=NUMBER, got 'lowest'"):
        screen(run, [structure], out=tmp_path, objective="lowest")
    with pytest.raises(ConfigError, match="top must be at least 1, got"):
        screen(run, [structure], out=tmp_path, top=0)
    with pytest.raises(InputError, match=r"no crystal of .*; 1 rows cannot; the first: gone: no"):
        screen(run, [tmp_path / "gone.cif"], out=tmp_path, progress=False)
    with pytest.raises(InputError, match="gone"):
        screen(run, [tmp_path / "gone.cif"], out=tmp_path, on_error="raise", progress=False)
