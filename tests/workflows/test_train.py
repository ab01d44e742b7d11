"""Training from a source to a run folder."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import spearmanr

import xtalgraph
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.evidence.run_files import COLUMNS
from xtalgraph.models.registry import DEFAULT

SMALL = ["model.width=12", "model.depth=2", "training.batch_size=8", "training.threads=1"]
FILES = {
    "manifest.json",
    "model.safetensors",
    "model.json",
    "config.yaml",
    "split.json",
    "log.csv",
    "predictions/energy.csv",
    "metrics.json",
    "rejected.csv",
    "card.md",
    "report.html",
}


def trained(data, out, **options):
    given = {"target": "energy", "kind": "extensive", "epochs": 2, "progress": False}
    overrides = [*SMALL, *options.pop("overrides", [])]
    return xtalgraph.train(data, out=out, overrides=overrides, **{**given, **options})


def test_a_run_folder_holds_what_it_should(run):
    assert {p.relative_to(run).as_posix() for p in run.rglob("*")} >= FILES
    assert not [p for p in run.rglob("*") if p.suffix in (".pt", ".pth", ".pkl", ".ckpt")]
    model = json.loads((run / "model.json").read_text())
    assert model["model"]["targets"][0]["unit"] == "eV/cell"
    assert set(model["elements"]) == {"Sr", "Ti", "O", "Na", "Cl"}
    assert len(model["data_sha256"]) == 64
    config = yaml.safe_load((run / "config.yaml").read_text())
    assert config["data"]["kind"] == "extensive"
    assert config["training"]["patience"] is None
    epochs = config["training"]["epochs"]
    length = json.loads((run / "record.json").read_text())["Training"]
    assert (length["epochs"], length["patience"]) == (epochs, epochs)
    assert length["selection"] == "one standard error"
    card = (run / "card.md").read_text()
    for word in ("cutoff", "maximum neighbours", "radial basis", "periodic convention", "vesin"):
        assert word in card


def test_predictions_and_metrics_agree(run):
    predictions = pd.read_csv(run / "predictions" / "energy.csv")
    assert tuple(predictions.columns) == COLUMNS
    assert len(predictions) == 48
    split = json.loads((run / "split.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics["targets"]["energy"]["models"]) == {DEFAULT, "composition", "mean"}
    for part, size in metrics["splits"].items():
        rows = predictions[predictions["split"] == part]
        assert list(rows["id"]) == split[part]
        assert len(rows) == size
        found = metrics["targets"]["energy"]["models"][DEFAULT][part]
        error = (rows["prediction"] - rows["target"]).abs()
        assert found["mae"]["value"] == pytest.approx(error.mean(), rel=1e-12)
        expected = spearmanr(rows["prediction"], rows["target"])[0]
        assert found["spearman"]["value"] == pytest.approx(expected, rel=1e-9)
    mean = metrics["targets"]["energy"]["models"]["mean"]["test"]
    assert mean["recall@100"]["value"] is None, "100 of 5 crystals is nothing to find"


def test_the_mean_of_an_extensive_target_is_n_times_the_mean_per_atom(run, table):
    metrics = json.loads((run / "metrics.json").read_text())
    split = json.loads((run / "split.json").read_text())
    rows = table.set_index("id")
    size = rows["structure"].map(len)
    per_atom = (rows["energy"] / size)[split["train"]].mean()
    error = (rows["energy"] - per_atom * size)[split["test"]].abs().mean()
    mean = metrics["targets"]["energy"]["models"]["mean"]["test"]
    assert mean["mae"]["value"] == pytest.approx(error)


def test_the_same_command_gives_the_same_predictions(csv_path, tmp_path):
    one, two = (trained(csv_path, tmp_path / name).folder for name in "ab")
    for name in ("predictions/energy.csv", "metrics.json", "model.safetensors"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


COMMAND = """
import sys, xtalgraph
from xtalgraph.training import loop
loop._SECONDS_BETWEEN_STATES = -1.0
xtalgraph.train({data!r}, target="energy", kind="extensive", out=sys.argv[1], epochs=25,
                overrides={small!r}, resume=True, progress=False)
"""


@pytest.mark.long
def test_killed_ten_times_and_resumed_gives_the_same_bits(csv_path, tmp_path):
    code = COMMAND.format(data=str(csv_path), small=[*SMALL, "model.width=32"])
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(folder):
        return subprocess.Popen([sys.executable, "-c", code, str(folder)], env=environment)

    began = time.monotonic()
    assert start(tmp_path / "whole").wait() == 0
    whole = time.monotonic() - began
    generator = random.Random(0)
    for _ in range(10):
        process = start(tmp_path / "killed")
        time.sleep(generator.uniform(0.3, 1.0) * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start(tmp_path / "killed").wait() == 0
    for name in ("predictions/energy.csv", "metrics.json", "model.safetensors"):
        killed = (tmp_path / "killed" / name).read_bytes()
        assert killed == (tmp_path / "whole" / name).read_bytes(), name


def test_folds_columns_and_frames(table, csv_path, tmp_path):
    frame = table.drop(columns=["cif"])
    by_fold = trained(frame, tmp_path / "fold", split="folds", fold=1)
    ids = json.loads((by_fold.folder / "split.json").read_text())["test"]
    assert ids == list(table["id"][table["fold"] == 1])
    by_column = trained(csv_path, tmp_path / "column", split="column:part")
    ids = json.loads((by_column.folder / "split.json").read_text())["val"]
    assert ids == list(table["id"][table["part"] == "val"])
    with pytest.raises(ConfigError, match="did you mean 'part'"):
        trained(csv_path, tmp_path / "typo", split="column:prat")
    with pytest.raises(ConfigError, match="there is no fold 9"):
        trained(csv_path, tmp_path / "nofold", split="folds", fold=9)


def test_a_target_for_each_atom(table, tmp_path):
    frame = table.drop(columns=["cif"])
    done = trained(frame, tmp_path / "run", target="charges", kind="atomic", unit="e")
    predictions = pd.read_csv(done.folder / "predictions" / "charges.csv")
    assert tuple(predictions.columns) == COLUMNS
    assert len(predictions) == table["charges"].map(len).sum()
    said = done.predictor.predict(list(frame["structure"][:2]))
    assert len(said) == 8
    first = said[said["id"] == said["id"][0]]
    assert first["site"].tolist() == list(range(len(first)))
    assert set(said["property"]) == {"charges"}


def test_bad_rows_stop_a_training_before_it_starts_or_are_left_out(table, tmp_path):
    frame = table.drop(columns=["structure", "charges"]).copy()
    frame.loc[3, "cif"] = frame.loc[3, "cif"][:200]
    frame.loc[5, "energy"] = None
    path = tmp_path / "bad.csv"
    frame.to_csv(path, index=False)
    with pytest.raises(InputError, match="2 rows cannot be used") as caught:
        trained(path, tmp_path / "run")
    assert "c3" in str(caught.value)
    assert "the target 'energy' is missing" in str(caught.value)
    assert not (tmp_path / "run" / "config.yaml").exists()
    done = trained(path, tmp_path / "run", on_error="skip")
    with (done.folder / "rejected.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["row"]) for row in rows] == [("c3", "3"), ("c5", "5")]
    assert len(pd.read_csv(done.folder / "predictions" / "energy.csv")) == 46


def test_a_missing_column_names_the_nearest(csv_path, tmp_path):
    with pytest.raises(InputError, match="no column 'energi'; did you mean 'energy'"):
        trained(csv_path, tmp_path / "run", target="energi")


def test_a_run_is_not_overwritten_nor_resumed_with_other_settings(csv_path, tmp_path, run):
    with pytest.raises(RunError, match="holds a run already"):
        trained(csv_path, run)
    with pytest.raises(RunError, match=r"training\.seed was 0, is 5"):
        trained(csv_path, run, epochs=4, unit="eV/cell", seed=5, resume=True)
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(RunError, match="is not empty and holds no run"):
        trained(csv_path, tmp_path)


def test_a_hand_made_predictor_equals_the_run(run, table):
    predictions = pd.read_csv(run / "predictions" / "energy.csv").set_index("id")["prediction"]
    said = xtalgraph.load(run).predict(table[["id", "cif"]]).set_index("id")["prediction"]
    np.testing.assert_allclose(said[predictions.index], predictions, rtol=1e-4)


def test_edges_beyond_the_last_gaussian_are_warned_of_once(table, tmp_path, caplog):
    xtalgraph.train(
        table.head(16),
        target="energy",
        kind="extensive",
        out=tmp_path / "run",
        epochs=1,
        overrides=[*SMALL, "graph.strategy=radius", "graph.cutoff=6", "model.basis=lecture"],
        progress=False,
    )
    (said,) = (m for m in caplog.messages if "longer than the range of the radial basis, 5 Å" in m)
    assert 30 < float(said.split()[0]) < 55  # about 1 − (5/6)³ of the pairs are beyond 5 Å
