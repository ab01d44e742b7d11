"""Screening: the order, one line for each crystal, and memory that does not grow."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.row import Row
from xtalgraph.metrics.acquisition import Aim
from xtalgraph.models.prediction import Prediction
from xtalgraph.models.predictor import PredictedRow
from xtalgraph.workflows import screen as module
from xtalgraph.workflows.screen import best_of, put_together, screen


def stream(values, spread=None):
    """Predictions of crystals that are made when they are asked for."""
    for number, value in enumerate(values):
        sites = np.random.default_rng(number).random((20, 3))
        crystal = Crystal.from_fractional(9 * np.eye(3), sites, np.full(20, 6))
        own = None if spread is None else np.array([spread[number]])
        said = Prediction(np.array([float(value)]), own, None, None, np.zeros(8), None)
        yield PredictedRow(Row(f"c{number}", "", number, crystal), said)


def test_the_best_are_those_of_sorting_everything():
    values = np.random.default_rng(0).integers(60, size=400).astype(float)
    for word, key in (
        ("min", values),
        ("max", -values),
        ("target=30.2", np.abs(values - 30.2)),
    ):
        best = best_of(stream(values), Aim.parse(word), "prediction", 0.0, 25)
        expected = np.argsort(key, kind="stable")[:25]
        assert [int(one.predicted.row.id[1:]) for one in best] == expected.tolist()
    spread = np.random.default_rng(1).random(400) * 20
    best = best_of(stream(values, spread), Aim("max"), "upper-bound", 0.0, 10)
    assert [one.score for one in best] == sorted(values + spread, reverse=True)[:10]


def test_memory_does_not_grow_with_the_candidates():
    def peak(number):
        tracemalloc.start()
        best_of(stream(range(number)), Aim("max"), "prediction", 0.0, 40)  # each is the best so far
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(100)
    assert peak(3000) < 1.3 * peak(300)


def test_the_same_crystal_has_one_line(run, table, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 5)
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


def test_what_cannot_be_ranked_is_refused(run, table, tmp_path):
    structure = table["structure"][0]
    with pytest.raises(ConfigError, match="no variance: train it with --members"):
        screen(run, [structure], out=tmp_path, by="upper-bound")
    with pytest.raises(ConfigError, match="min, max or target=NUMBER, got 'lowest'"):
        screen(run, [structure], out=tmp_path, objective="lowest")
    with pytest.raises(ConfigError, match="at least 1 candidate"):
        screen(run, [structure], out=tmp_path, top=0)
    with pytest.raises(InputError, match="no crystal that can be used; 1 rows cannot"):
        screen(run, [tmp_path / "gone.cif"], out=tmp_path, progress=False)
    with pytest.raises(InputError, match="gone"):
        screen(run, [tmp_path / "gone.cif"], out=tmp_path, on_error="raise", progress=False)
