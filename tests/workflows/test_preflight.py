"""What can be known is checked before a folder is made or a row is read."""

import numpy as np
import pandas as pd
import pytest
import torch

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.data.header import columns_of
from xtalgraph.workflows import request as module
from xtalgraph.workflows.preflight import check_ahead, check_source
from xtalgraph.workflows.request import Request


@pytest.fixture
def broken_table(tmp_path):
    """A table with a good header, whose rows cannot be read: whoever looks at them fails."""
    path = tmp_path / "crystals.csv"
    path.write_text("id,structure,energy,fold,when\n" + "x,not a crystal,1.0,0,2020\n" * 4)
    return path


def train(data, out, **options):
    given = {"target": "energy", "progress": False}
    return xtalgraph.train(data, out=out, **{**given, **options})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("perovskits", "did you mean the data set 'matbench_perovskites'"),
        ("phonons", "did you mean the data set 'matbench_phonons'"),
        ("ionic_perovskite", "did you mean the data set 'ionic_perovskites'"),
        ("matbench_mp_gab", "did you mean the data set 'matbench_mp_gap'"),
        ("x" * 5000, "no such file or folder"),
        ("a\0b", "no such file or folder"),
    ],
)
def test_a_name_that_is_none_is_refused_with_the_nearest(name, meant):
    with pytest.raises(InputError, match=meant):
        check_source(name)


def test_a_misspelt_file_is_refused_with_the_nearest_beside_it(tmp_path, broken_table):
    with pytest.raises(InputError, match=r"did you mean '.*crystals\.csv'"):
        check_source(tmp_path / "cristals.csv")
    check_source(broken_table)
    check_source([tmp_path / "nowhere"])


def test_the_data_is_looked_for_before_the_run_folder(tmp_path, broken_table):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("data: {}\n")
    with pytest.raises(InputError, match="no such file or folder"):
        train(tmp_path / "nowhere.csv", tmp_path / "run")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "enrgy"}, InputError, "no column 'enrgy'; did you mean 'energy'"),
        ({"split": "group:famly"}, ConfigError, "data.split: there is no column 'famly'"),
        ({"split": "time:wen"}, ConfigError, "did you mean 'when'"),
        ({"split": "column:part"}, ConfigError, "there is no column 'part'"),
        ({"overrides": ["training.device=cuda"]}, ConfigError, "finds no CUDA GPU on this machine"),
        (
            {"overrides": ["training.capture=true", "graph.reduction_tolerance=0"]},
            ConfigError,
            "reduced",
        ),
        (
            {"overrides": ["training.compile=true"]},
            ConfigError,
            "training.compile serves potentials",
        ),
        (
            {"overrides": ["training.refit=true"]},
            ConfigError,
            r"training\.refit is for potentials",
        ),
        (
            {"model": "megnet", "overrides": ["data.conditions=temperatur"]},
            InputError,
            "no column 'temperatur'",
        ),
    ],
)
def test_a_start_that_cannot_end_well_leaves_nothing(
    options, error, message, tmp_path, broken_table, monkeypatch
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(error, match=message):
        train(broken_table, tmp_path / "runs" / "run", **options)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["crystals.csv"]


@pytest.mark.parametrize("verb", ["compare", "ablate", "tune"])
def test_the_other_verbs_that_train_check_too(verb, tmp_path, broken_table, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    more = {
        "compare": {},
        "ablate": {"sweep": {"model.depth": [1, 2]}},
        "tune": {"trials": 1},
    }[verb]
    call = getattr(xtalgraph, verb)
    with pytest.raises(ConfigError, match=r"training\.device is cuda"):
        call(
            broken_table,
            out=tmp_path / "out",
            target="energy",
            overrides=["training.device=cuda"],
            progress=False,
            **more,
        )
    assert not (tmp_path / "out").exists()


def test_folds_that_nobody_knows_are_missed_before_reading(tmp_path):
    path = tmp_path / "crystals.csv"
    path.write_text("id,structure,energy\nx,not a crystal,1.0\n")
    with pytest.raises(ConfigError, match="--split folds needs a column 'fold'"):
        train(path, tmp_path / "run", split="folds", fold=0)


def test_settings_are_checked_before_a_data_set_is_fetched(monkeypatch, tmp_path):
    def fetched(source):
        raise AssertionError(f"{source} was fetched")

    monkeypatch.setattr(module, "resolve_source", fetched)
    with pytest.raises(ConfigError, match=r"unknown key model\.deph"):
        xtalgraph.train("matbench_phonons", out=tmp_path / "run", overrides=["model.deph=3"])
    request = Request.of("matbench_phonons", {})
    check_ahead(request.data, request.known, request.config())
    assert request.known.target == "last phdos peak"


def test_headers_are_read_where_that_is_cheap(tmp_path, broken_table):
    names = ["id", "structure", "energy", "fold", "when"]
    assert columns_of(broken_table) == columns_of(str(broken_table)) == names
    frame = pd.read_csv(broken_table)
    assert columns_of(frame) == names
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    assert columns_of(tmp_path / "a.csv.gz") == columns_of(tmp_path / "a.parquet") == names
    assert columns_of(frame.rename(columns={"structure": "path"})) is None
    for name, content in (("b.csv", b""), ("c.csv.gz", b"no gzip"), ("d.parquet", b"no parquet")):
        (tmp_path / name).write_bytes(content)
        assert columns_of(tmp_path / name) is None
    (tmp_path / "latin.csv").write_bytes("id,structure,größe\n".encode("latin-1"))
    assert columns_of(tmp_path / "latin.csv") is None
    assert columns_of([np.zeros(3)]) is None
