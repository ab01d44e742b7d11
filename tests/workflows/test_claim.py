"""One writer a folder, settings that stay the same, and a failed start that leaves nothing."""

import platform
import signal
import subprocess
import sys

import pytest

import xtalgraph
from xtalgraph.conventions.errors import FileError, InputError, RunError
from xtalgraph.workflows.claim import claimed, sole_writer
from xtalgraph.workflows.run import Run

HOLDING = """
import sys, time
from pathlib import Path
from xtalgraph.workflows.claim import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path):
    """A folder that another process writes into, and that process."""
    folder = tmp_path / "run"
    command = [sys.executable, "-c", HOLDING, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield folder, process
        process.kill()


def test_a_second_training_is_told_who_writes_there(held, csv_path):
    folder, process = held
    with pytest.raises(RunError, match="being written by") as unsupported:
        xtalgraph.train(csv_path, target="energy", out=folder, progress=False)
    assert f"process {process.pid} on {platform.node()}" in str(unsupported.value)
    assert "choose another --out" in str(unsupported.value)


def test_so_are_a_second_comparison_ablation_and_search(held, csv_path):
    folder, process = held
    options = {"target": "energy", "out": folder, "progress": False}
    with pytest.raises(RunError, match=f"being written by process {process.pid}"):
        xtalgraph.compare(csv_path, **options)
    with pytest.raises(RunError, match=f"being written by process {process.pid}"):
        xtalgraph.ablate(csv_path, sweep={"model.depth": [1, 2]}, **options)
    with pytest.raises(RunError, match=f"being written by process {process.pid}"):
        xtalgraph.tune(csv_path, trials=1, **options)


def test_a_killed_process_holds_nothing(held):
    folder, process = held
    process.send_signal(signal.SIGKILL)
    process.wait()
    with sole_writer(folder):
        (folder / "result").write_text("")
    assert [path.name for path in folder.iterdir()] == ["result"]


def test_a_folder_in_which_nothing_was_written_is_removed_with_those_above_it(tmp_path):
    with sole_writer(tmp_path / "a" / "b"):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    with sole_writer(tmp_path / "there"):
        pass
    assert (tmp_path / "there").is_dir()


def test_a_start_that_fails_leaves_nothing(csv_path, tmp_path):
    with pytest.raises(InputError, match="nothing"):
        xtalgraph.train(csv_path, target="nothing", out=tmp_path / "runs" / "run", progress=False)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_had_half_written_is_removed(run, tmp_path):
    (tmp_path / "state").mkdir()
    for name in ("split.json.17.part", "state/epoch-000001.safetensors.17.part"):
        (tmp_path / name).write_text("half")
    with claimed(tmp_path, Run.open(run).config, resume=True):
        assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("below", ["", "run"])
def test_a_file_in_the_way_is_named(csv_path, tmp_path, below):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises((RunError, FileError), match=r"file.*[Cc]hoose another"):
        xtalgraph.train(csv_path, target="energy", out=file / below, progress=False)
    assert file.read_text() == "mine"


def test_a_finished_run_is_left_as_it_is(run, csv_path, caplog):
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files_of(run)}
    settings = {"config": run / "config.yaml", "out": run, "resume": True, "progress": False}
    with caplog.at_level("INFO", logger="xtalgraph"):
        again = xtalgraph.train(csv_path, **settings)
    assert again.folder == run
    assert "is finished: nothing is left to do" in caplog.text
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in files_of(run)} == before
    with pytest.raises(RunError, match=r"training\.seed was 0, is 1"):
        xtalgraph.train(csv_path, seed=1, **settings)


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())
