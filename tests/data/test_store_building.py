"""A store is built in parts, by one process or several, goes on when killed, and is never stale."""

import dataclasses
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from filelock import FileLock

from xtalgraph.conventions.errors import GraphError, StoreError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data import store_building, store_packing
from xtalgraph.data.ionic.load import ionic_perovskites
from xtalgraph.data.store import DOCUMENT, TENSORS, GraphStore
from xtalgraph.data.store_building import build_store
from xtalgraph.data.table import read_table
from xtalgraph.graphs.build import GraphSettings, build_supported
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.graphs.strategy import Strategy
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = [*contract_crystals().values()] * 5
GRAPH_SETTINGS = GraphSettings(Hybrid(), 1e-3)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(store_building, "PART", 4)


def content(store: GraphStore) -> bytes:
    return (store.folder / TENSORS).read_bytes()


def parts_built(monkeypatch) -> list[int]:
    built: list[int] = []
    build = store_building._Part.build

    def counted(part):
        built.append(part.start)
        return build(part)

    monkeypatch.setattr(store_building._Part, "build", counted)
    return built


def test_parts_and_processes_do_not_matter(tmp_path, monkeypatch):
    one = build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path / "one", workers=1)
    two = build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path / "two", workers=2)
    monkeypatch.setattr(store_building, "PART", 1000)
    whole = build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path / "whole")
    assert content(one) == content(two) == content(whole)
    assert {p.name for p in one.folder.iterdir()} == {DOCUMENT, TENSORS, "building.lock"}


@pytest.mark.parametrize(
    "graph_settings", [GRAPH_SETTINGS, GraphSettings(Radius(5.0))], ids=["folded", "full"]
)
def test_real_looking_crystals_have_the_bits_of_one_large_batch(tmp_path, graph_settings):
    crystals = read_table(ionic_perovskites(60)).crystals
    graph, stored = (
        graph_settings.build(crystals),
        build_store(crystals, graph_settings, tmp_path).load(),
    )
    for field in dataclasses.fields(graph):
        assert torch.equal(getattr(graph, field.name), getattr(stored, field.name)), field.name


def test_a_second_time_nothing_is_built(tmp_path, monkeypatch, caplog):
    build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path)
    built = parts_built(monkeypatch)
    with caplog.at_level(logging.INFO, "xtalgraph"):
        build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path)
    assert not built
    assert "graphs are reused from" in caplog.text


def shifted(crystal: Crystal) -> Crystal:
    return dataclasses.replace(crystal, positions=np.nextafter(crystal.positions, 9.0))


CHANGES = {
    "crystal": ([*CRYSTALS[:-1], shifted(CRYSTALS[-1])], GRAPH_SETTINGS),
    "order": (CRYSTALS[::-1], GRAPH_SETTINGS),
    "number": (CRYSTALS[:-1], GRAPH_SETTINGS),
    "cutoff": (CRYSTALS, GraphSettings(Hybrid(8.0 + 1e-12), 1e-3)),
    "strategy": (CRYSTALS, GraphSettings(Radius(8.0), 1e-3)),
    "folding": (CRYSTALS, GraphSettings(Hybrid(), 0.0)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_stale_store_is_refused_and_replaced(tmp_path, change, caplog):
    old = build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path)
    key = store_packing.store_key(*change)
    assert key != old.key
    with pytest.raises(StoreError, match="made from other crystals, other settings"):
        GraphStore.open(tmp_path, key)
    new = build_store(*change, tmp_path)
    assert new.key == key
    assert "other settings" in caplog.text
    assert len(new) == len(change[0])


@pytest.mark.parametrize("name", ["BUILDER_VERSION", "FORMAT_VERSION", "version"])
def test_another_builder_has_another_key(monkeypatch, name):
    before = store_packing.store_key(CRYSTALS, GRAPH_SETTINGS)
    assert before == store_packing.store_key(CRYSTALS, GRAPH_SETTINGS)
    monkeypatch.setattr(store_packing, name, (lambda library: "9.9") if name == "version" else 99)
    assert before != store_packing.store_key(CRYSTALS, GRAPH_SETTINGS)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncated, flipped, Path.unlink])
def test_a_damaged_store_is_noticed_and_replaced(tmp_path, damage, caplog):
    store = build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path)
    before = content(store)
    damage(tmp_path / TENSORS)
    if damage is flipped:
        with pytest.raises(StoreError, match="does not match its checksum"):
            GraphStore.open(tmp_path).verify()
    else:
        with pytest.raises(StoreError, match=f"has not the {len(before)} bytes"):
            GraphStore.open(tmp_path)
    assert content(build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path)) == before
    assert "this is done now" in caplog.text


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(StoreError, match=r"holds no store: there is no store\.json"):
        GraphStore.open(tmp_path)
    (tmp_path / DOCUMENT).write_text("{")
    with pytest.raises(StoreError, match=r"store\.json is damaged"):
        GraphStore.open(tmp_path)
    (tmp_path / DOCUMENT).write_text(json.dumps({"format": 0}))
    with pytest.raises(StoreError, match="not in the format 2"):
        GraphStore.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path / "file")


COMMAND = """
import sys
from xtalgraph.data import store_building
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.strategies import Hybrid
from xtalgraph.testing.crystals import contract_crystals
if __name__ == "__main__":
    store_building.PART = 4
    crystals = [*contract_crystals().values()] * 250
    recipe = GraphSettings(Hybrid(), 1e-3)
    store_building.build_store(crystals, recipe, sys.argv[1], workers={workers})
"""


def alive(pid: str) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.is_file() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_killed_build_goes_on_and_leaves_no_process(tmp_path, workers, monkeypatch, caplog):
    script, folder = tmp_path / "script.py", tmp_path / "store"
    script.write_text(COMMAND.format(workers=workers))
    process = subprocess.Popen([sys.executable, script, folder])
    deadline = time.monotonic() + 120
    while len(list(folder.glob("parts/*.safetensors"))) < 20:
        assert process.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    while any(map(alive, children)):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.01)
    there = sorted(folder.glob("parts/*.safetensors"))
    assert not (folder / DOCUMENT).exists()
    truncated(there[0])

    crystals = [*contract_crystals().values()] * 250
    built = parts_built(monkeypatch)
    resumed = build_store(crystals, GRAPH_SETTINGS, folder)
    assert len(built) == -(-len(crystals) // 4) - len(there) + 1
    assert "it is built again" in caplog.text
    assert content(resumed) == content(build_store(crystals, GRAPH_SETTINGS, tmp_path / "whole"))


def test_a_part_that_was_changed_is_built_again(tmp_path, monkeypatch, caplog):
    whole = content(build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path / "whole"))
    build = store_building._finish
    monkeypatch.setattr(store_building, "_finish", lambda *_: (_ for _ in ()).throw(KeyError))
    with pytest.raises(KeyError):
        build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path / "killed")
    part = min((tmp_path / "killed").glob("parts/*.safetensors"))
    changed = bytearray(part.read_bytes())
    changed[-1] ^= 1  # of the last array: sizes and header are as they were
    part.write_bytes(changed)
    monkeypatch.setattr(store_building, "_finish", build)
    built = parts_built(monkeypatch)
    assert content(build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path / "killed")) == whole
    assert len(built) == 1
    assert f"{part} does not match its checksum; it is built again" in caplog.text


def test_a_store_whose_document_was_changed_is_refused(tmp_path):
    build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path)
    path = tmp_path / DOCUMENT
    path.write_text(path.read_text().replace('"refused": []', '"refused": [[0, ""]]'))
    with pytest.raises(StoreError, match=r"store\.json does not match its own checksum"):
        GraphStore.open(tmp_path)


def test_parts_of_another_store_are_not_taken(tmp_path, monkeypatch):
    build = store_building._finish
    monkeypatch.setattr(store_building, "_finish", lambda *_: (_ for _ in ()).throw(KeyError))
    with pytest.raises(KeyError):
        build_store(CRYSTALS, GraphSettings(Radius(4.0)), tmp_path)
    monkeypatch.setattr(store_building, "_finish", build)
    built = parts_built(monkeypatch)
    build_store(CRYSTALS, GRAPH_SETTINGS, tmp_path)
    assert len(built) == -(-len(CRYSTALS) // 4)


@dataclass(frozen=True)
class NoOxygen(Strategy):
    """Refuses every crystal with oxygen."""

    cutoff: float = 4.0
    name: ClassVar[str] = "no-oxygen"
    continuous: ClassVar[bool] = True
    rule: ClassVar[str] = "all neighbours of crystals without oxygen"

    def edges(self, crystal):
        if 8 in crystal.numbers:
            raise GraphError(f"{crystal.formula} holds oxygen")
        return Radius(self.cutoff).edges(crystal)


def test_crystals_that_are_refused_are_named_and_the_others_kept(tmp_path):
    graph_settings = GraphSettings(NoOxygen())
    store = build_store(CRYSTALS, graph_settings, tmp_path)
    with_oxygen = [i for i, crystal in enumerate(CRYSTALS) if 8 in crystal.numbers]
    assert [one.index for one in store.unsupported] == with_oxygen
    assert store.unsupported[0].reason == "SrTiO3 holds oxygen"
    kept = [i for i in range(len(CRYSTALS)) if i not in with_oxygen]
    assert store.kept.tolist() == kept
    expected = GraphSettings(Radius(4.0)).build([CRYSTALS[i] for i in kept])
    assert torch.equal(store.load().position, expected.position)
    assert torch.equal(store.load().neighbor, expected.neighbor)
    assert GraphStore.open(tmp_path).unsupported == store.unsupported


def test_where_all_are_refused_there_is_no_store(tmp_path):
    oxides = [contract_crystals()["cubic"]] * 9
    with pytest.raises(GraphError, match="any of the 9 crystals: SrTiO3 holds oxygen"):
        build_store(oxides, GraphSettings(NoOxygen()), tmp_path)
    with pytest.raises(GraphError, match="any of the 0 crystals"):
        build_store([], GRAPH_SETTINGS, tmp_path)
    assert build_supported([], GRAPH_SETTINGS) == (None, [])


def test_only_one_process_builds_at_a_time(tmp_path, caplog):
    held, done = threading.Event(), threading.Event()

    def other() -> None:
        with FileLock(tmp_path / "building.lock"):
            held.set()
            done.wait(0.3)
            assert not (tmp_path / DOCUMENT).exists()

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    with caplog.at_level(logging.INFO, "xtalgraph"):
        build_store(CRYSTALS[:4], GRAPH_SETTINGS, tmp_path)
    thread.join()
    assert "waiting for it" in caplog.text


def test_without_a_folder_it_is_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path))
    store = build_store(CRYSTALS, GRAPH_SETTINGS)
    assert store.folder == tmp_path / "graphs" / store.key[:32]
    assert os.listdir(tmp_path / "graphs") == [store.key[:32]]  # noqa: PTH208
