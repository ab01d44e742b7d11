"""A disk that refuses: exit code 2, a message with path and advice, and what was there is whole."""

import errno
import os

import pytest

from xtalgraph.training.loop import Trainer


@pytest.fixture
def full_disk(monkeypatch):
    """Refuse to put anything on the disk, once it is switched on by appending to this list."""
    switched: list[bool] = []
    fsync = os.fsync

    def refuse(file):
        if switched:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(file)

    monkeypatch.setattr(os, "fsync", refuse)
    return switched


def test_a_disk_that_fills_up_ends_with_2_and_the_rest_is_done_when_there_is_space(
    xtalgraph_command, quick_training, tmp_path, monkeypatch, full_disk
):
    run = tmp_path / "run"
    monkeypatch.setattr("xtalgraph.training.loop._SECONDS_BETWEEN_STATES", -1.0)
    record = Trainer._record

    def fills(self, loss, errors):
        record(self, loss, errors)
        if self.progress.epoch == 3:
            full_disk.append(True)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_record", fills)
        code, _, err = xtalgraph_command(*quick_training, "--out", run)
    assert code == 2
    assert err.count("Error:") == 1
    assert f"{run / 'state'}" in err
    assert "No space left on device. Free some space there" in err
    assert (run / "state" / "epoch-000002.safetensors").is_file()
    full_disk.clear()
    code, _, err = xtalgraph_command(*quick_training, "--out", run, "--resume")
    assert code == 0, err
    table = tmp_path / "table.csv"
    predict = ("predict", run, quick_training[1], "--out", table, "--quiet")
    assert xtalgraph_command(*predict)[0] == 0
    before = table.read_bytes()
    full_disk.append(True)
    code, _, err = xtalgraph_command(*predict)
    assert code == 2
    assert f"Error: {table}: No space left on device" in err
    assert table.read_bytes() == before
    assert not list(run.rglob("*.part"))


def test_a_place_that_cannot_be_ends_with_2(xtalgraph_command, quick_training, tmp_path):
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file" / "run", tmp_path / "file", tmp_path / ("x" * 300)):
        code, _, err = xtalgraph_command(*quick_training, "--out", out)
        assert code == 2
        assert str(out) in err
        assert "hoose" in err


def test_a_folder_where_a_file_is_expected_ends_with_2(xtalgraph_command, tmp_path):
    (tmp_path / "POSCAR").mkdir()
    code, _, err = xtalgraph_command("graph", tmp_path / "POSCAR")
    assert code == 2
    assert str(tmp_path / "POSCAR") in err
