"""What the cache keeps can be seen and taken away, and nothing else is."""

import json
from datetime import datetime

import pytest
from filelock import FileLock

from xtalgraph.cli.main import main
from xtalgraph.conventions.errors import StoreError
from xtalgraph.data.cache import cache_folder
from xtalgraph.data.kept_stores import kept_stores
from xtalgraph.data.store_building import LOCK, build_store
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.strategies import Radius
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = list(contract_crystals().values())


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path / "cache"))


def command(capsys, *args: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(args))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_stores_are_listed_with_size_and_date_and_removed(capsys):
    assert kept_stores() == []
    assert command(capsys, "data", "cache")[1].startswith("0 stores of graphs, 0.0 MB")
    before = datetime.now().replace(microsecond=0)
    one = build_store(CRYSTALS, GraphSettings(Radius(4.0)))
    two = build_store(CRYSTALS[:3], GraphSettings(Radius(4.0), 1e-3, Angles()))
    listed = kept_stores()
    assert [store.folder for store in listed] == [one.folder, two.folder]
    assert [store.crystals for store in listed] == [len(CRYSTALS), 3]
    on_disk = sum(path.stat().st_size for path in one.folder.iterdir())
    assert listed[0].bytes == on_disk
    assert before <= listed[0].built <= datetime.now()
    code, out, _ = command(capsys, "data", "cache")
    assert code == 0
    assert "radius 4 Å, angles, reduced by symmetry" in out
    assert str(listed[0].built.date()) in out
    code, out, _ = command(capsys, "data", "cache", "--clear")
    assert (code, out.split(",")[0]) == (0, "removed 2 stores of graphs")
    assert kept_stores() == []
    assert len(one.select([0, 1])) == 2  # who has it open goes on


def test_what_is_being_built_or_is_not_ours_stays(capsys):
    store = build_store(CRYSTALS, GraphSettings(Radius(4.0)))
    stranger = cache_folder() / "graphs" / "notes"
    stranger.mkdir()
    (cache_folder() / "data.csv").write_text("x")
    with FileLock(store.folder / LOCK):
        with pytest.raises(StoreError, match="being built by another process"):
            kept_stores()[0].remove()
        code, out, err = command(capsys, "data", "cache", "--clear")
    assert (code, "removed 0 stores" in out, "being built" in err) == (1, True, True)
    assert store.folder.is_dir()
    assert command(capsys, "data", "cache", "--clear")[0] == 0
    assert stranger.is_dir()
    assert (cache_folder() / "data.csv").is_file()


def test_a_store_that_is_not_complete_is_listed_as_such(capsys):
    folder = cache_folder() / "graphs" / ("0" * 32)
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "000000000.safetensors").write_bytes(b"x" * 100)
    (store,) = kept_stores()
    assert (store.bytes, store.crystals, store.graph_settings) == (100, None, None)
    assert "not complete" in command(capsys, "data", "cache")[1]
    (folder / "store.json").write_text("{")
    (store,) = kept_stores()
    assert store.crystals is None
    (folder / "store.json").write_text(json.dumps({"format": -1}))
    assert kept_stores()[0].crystals is None
