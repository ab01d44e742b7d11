"""Results go nowhere where something would be lost."""

import signal

import pandas as pd
import pytest

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, FileError, InputError
from xtalgraph.conventions.stopping import Stopped
from xtalgraph.workflows import predict as module
from xtalgraph.workflows.outputs import check_output

QUIET = {"progress": False}


@pytest.mark.parametrize("name", ["x.cif", "POSCAR", "x.vasp", "x.extxyz", "x.db", "id_prop.csv"])
def test_the_name_of_a_file_of_crystals_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="has the name of a file of crystals"):
        check_output(tmp_path / name)


@pytest.mark.parametrize("spelling", ["{}", "{}/../{name}/table.csv", "link"])
def test_what_is_read_is_refused_however_it_is_spelt(csv_path, tmp_path, monkeypatch, spelling):
    folder = csv_path.parent
    path = csv_path
    if spelling == "link":
        path = tmp_path / "link.csv"
        path.symlink_to(csv_path)
    elif "name" in spelling:
        path = folder / ".." / folder.name / csv_path.name
    with pytest.raises(ConfigError, match="is what is read"):
        check_output(path, csv_path)
    with pytest.raises(ConfigError, match="is what is read"):
        check_output(path, ["other", str(csv_path)])
    monkeypatch.chdir(folder)
    with pytest.raises(ConfigError, match="is what is read"):
        check_output(path, csv_path.name)


NAMES = [
    "predictions/energy.csv",
    "model.json",
    "split.json",
    "state/new.csv",
    "members/1/model.json",
]


TABLE = "predictions/energy.csv"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_a_run_is_refused_and_another_name_there_is_not(run, csv_path, name):
    with pytest.raises(ConfigError, match="is a file of the run"):
        check_output(run / name)
    check_output(run / "mine.csv", csv_path)


def test_every_verb_refuses_before_it_writes(run, csv_path, table, tmp_path):
    top = tmp_path / "top.csv"
    top.write_bytes(csv_path.read_bytes())
    before = {path: path.read_bytes() for path in (top, csv_path, run / TABLE)}
    with pytest.raises(ConfigError, match="is what is read"):
        xtalgraph.predict(run, [str(csv_path)], out=csv_path, **QUIET)
    with pytest.raises(ConfigError, match="is a file of the run"):
        xtalgraph.predict(run, csv_path, out=run / TABLE, **QUIET)
    with pytest.raises(ConfigError, match="is what is read"):
        xtalgraph.screen(run, top, out=tmp_path, **QUIET)
    with pytest.raises(ConfigError, match="is what is read"):
        xtalgraph.embed(run, csv_path, out=csv_path, **QUIET)
    picture = tmp_path / "salt.svg"
    with pytest.raises(ConfigError, match="is what is read"):
        xtalgraph.embed(run, picture, out=tmp_path / "z.parquet", plot=picture, **QUIET)
    assert {path: path.read_bytes() for path in before} == before


def test_a_prediction_that_fails_leaves_the_old_table(run, csv_path, tmp_path):
    out = tmp_path / "out.csv"
    xtalgraph.predict(run, csv_path, out=out, **QUIET)
    before = out.read_bytes()
    with pytest.raises(InputError):
        xtalgraph.predict(run, [[]], out=out, on_error="raise", **QUIET)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"choose another|Choose another"):
        xtalgraph.predict(run, csv_path, out=tmp_path / "file" / "out.csv", **QUIET)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "out.csv"]


def test_a_prediction_that_is_stopped_keeps_whole_rows_under_another_name(
    run, csv_path, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "_CHUNK", 10)
    tabulate, calls = module.tabulate, []

    def asked(predicted):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGTERM)
        return tabulate(predicted)

    monkeypatch.setattr(module, "tabulate", asked)
    out = tmp_path / "out.csv"
    out.write_text("old")
    with pytest.raises(Stopped, match="the first 20 rows are in") as stopped:
        xtalgraph.predict(run, csv_path, out=out, **QUIET)
    assert stopped.value.exit_code == 143
    assert out.read_text() == "old"
    [part] = tmp_path.glob("*.part")
    assert str(part) in str(stopped.value)
    assert pd.read_csv(part)["prediction"].notna().sum() == 20


def test_a_link_is_followed_and_a_device_is_written(run, csv_path, tmp_path, capfd):
    (tmp_path / "link.csv").symlink_to(tmp_path / "there.csv")
    xtalgraph.predict(run, csv_path, out=tmp_path / "link.csv", **QUIET)
    assert (tmp_path / "link.csv").is_symlink()
    assert len(pd.read_csv(tmp_path / "there.csv")) == 48
    xtalgraph.predict(run, csv_path, out="/dev/stdout", **QUIET)
    assert capfd.readouterr().out == (tmp_path / "there.csv").read_text()
