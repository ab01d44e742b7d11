"""A training takes its graphs from the cache, from memory or from disk; the run is the same."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, GraphError, InputError, StoreError
from xtalgraph.data import store_building
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.graphs.build import GraphSettings, build_graph
from xtalgraph.graphs.nearest import Hybrid
from xtalgraph.graphs.strategies import Radius
from xtalgraph.metrics.bootstrap import Interval, interval
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.graph_source import Graphs, make_graphs

SMALL = ["model.width=12", "model.depth=2", "training.batch_size=8", "training.threads=1"]
SAME = ("predictions/energy.csv", "metrics.json", "model.safetensors")
CRYSTALS = list(contract_crystals().values())


def trained(data, out, *overrides, **options):
    given = {"target": "energy", "kind": "extensive", "epochs": 2, "progress": False}
    return xtalgraph.train(data, out=out, overrides=[*SMALL, *overrides], **{**given, **options})


def data_config(**values):
    return RunConfig.from_sections({"data": {"path": "x", "target": "y", **values}}).data


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """An empty cache; and no report, and few resamples, which take the seconds of a training."""
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("xtalgraph.workflows.train.write_report", lambda folder: None)
    monkeypatch.setattr("xtalgraph.metrics.summary.interval", quick_interval)


def quick_interval(*args, samples: int, **options) -> Interval:
    return interval(*args, samples=min(samples, 10), **options)


def test_from_memory_disk_or_without_a_store_the_run_is_the_same(table, tmp_path, caplog):
    frame = table.drop(columns=["cif"])
    with caplog.at_level(logging.INFO, "xtalgraph"):
        runs = [
            trained(frame, tmp_path / str(number), *overrides).folder
            for number, overrides in enumerate(([], ["data.memory_gb=0"], ["data.store=false"]))
        ]
    for name in SAME:
        first, *others = [(run / name).read_bytes() for run in runs]
        assert all(first == other for other in others), name
    assert caplog.text.count("graphs are saved in") == 1
    assert caplog.text.count("graphs are reused from") == 1
    assert caplog.text.count("read from disk batch by batch") == 1


def test_a_second_run_with_other_settings_of_the_model_builds_nothing(
    csv_path, tmp_path, monkeypatch
):
    trained(csv_path, tmp_path / "one")
    monkeypatch.setattr(Hybrid, "edges", None)
    trained(csv_path, tmp_path / "two", "model.width=8", seed=3)
    with pytest.raises(TypeError):
        trained(csv_path, tmp_path / "three", "graph.cutoff=7.9")


@pytest.mark.parametrize("store", ["true", "false"])
def test_a_crystal_without_a_graph_is_a_rejected_row(csv_path, tmp_path, monkeypatch, store):
    edges = Hybrid.edges

    def refusing(self, crystal):
        if 11 in crystal.numbers and crystal.volume > 110:
            raise GraphError(f"{crystal.formula} cannot be had")
        return edges(self, crystal)

    monkeypatch.setattr(Hybrid, "edges", refusing)
    with pytest.raises(InputError, match="NaClO cannot be had"):
        trained(csv_path, tmp_path / "run", f"data.store={store}")
    run = trained(csv_path, tmp_path / "run", f"data.store={store}", on_error="skip").folder
    rejected = pd.read_csv(run / "rejected.csv")
    assert 0 < len(rejected) < 24
    assert rejected["row"].is_monotonic_increasing
    ids = set(pd.read_csv(run / "predictions" / "energy.csv")["id"])
    assert len(ids) == 48 - len(rejected)
    assert not ids & set(rejected["id"])


def test_where_nothing_is_left_there_is_no_run(tmp_path, monkeypatch):
    @dataclass(frozen=True)
    class Nothing(Radius):
        def edges(self, crystal):
            raise GraphError("never")

    for store in (True, False):
        with pytest.raises(GraphError, match="any of the 9 crystals: never"):
            make_graphs(CRYSTALS, GraphSettings(Nothing()), data_config(store=store))


def test_a_cache_that_cannot_be_written_is_an_error_with_advice(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path / "file"))
    with pytest.raises(StoreError, match=r"XTALGRAPH_CACHE, or .* data\.store=false"):
        make_graphs(CRYSTALS, GraphSettings(Radius()), data_config())
    assert len(make_graphs(CRYSTALS, GraphSettings(Radius()), data_config(store=False)).source) == 9


def test_settings_that_cannot_be():
    with pytest.raises(ConfigError, match=r"data\.workers must be at least 1, got 0"):
        data_config(workers=0)
    with pytest.raises(ConfigError, match=r"data\.memory_gb must be at least 0 GB, got -1"):
        data_config(memory_gb=-1)


def test_what_is_known_of_all_graphs_is_known_piece_by_piece(monkeypatch):
    monkeypatch.setattr("xtalgraph.workflows.graph_source.SURVEYED", 2)
    monkeypatch.setattr(store_building, "PART", 4)
    full = build_graph(CRYSTALS, Radius(4.0))
    for tolerance in (0.0, 1e-3):
        graph_settings = GraphSettings(Radius(4.0), tolerance)
        stored = make_graphs(CRYSTALS, graph_settings, data_config(memory_gb=0)).source
        assert isinstance(stored, StoredGraphs)
        for source in (stored, graph_settings.build(CRYSTALS)):
            seen = Graphs(source, (), 0.0).survey
            assert seen.alone == (7, 8), "one atom in a cell of 4.1 Å, and one far from all"
            assert seen.mean_edges == pytest.approx(len(full.center) / len(CRYSTALS))
            if tolerance == 0:
                assert seen.mean_reduced_edges == seen.mean_edges
                np.testing.assert_array_equal(seen.num_atoms, [len(c) for c in CRYSTALS])
        assert torch.is_tensor(stored.select(torch.arange(2)).num_atoms)
