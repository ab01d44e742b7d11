"""Signals: a training saves its state and says so, and the exit code says which signal it was."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from xtalgraph.crystals import transforms
from xtalgraph.crystals.writing import write_cif
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training.loop import Trainer

SMALL = ["--quiet", "--model", "cgcnn", "--target", "target", "--epochs", "6"]
for setting in ("model.width=8", "model.depth=1", "training.threads=1"):
    SMALL += ["--set", setting]


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    strains = np.linspace(-0.05, 0.05, 20)
    for i, strain in enumerate(strains):
        crystal = transforms.strain(contract_crystals()["cubic"], strain * np.eye(3))
        write_cif(crystal, folder / f"s{i}.cif")
    (folder / "id_prop.csv").write_text("".join(f"s{i},{s}\n" for i, s in enumerate(strains)))
    return folder


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_training_that_is_asked_to_stop_says_how_to_go_on(
    xtalgraph_command, data, tmp_path, monkeypatch, signum, code
):
    command = ("train", data, *SMALL, "--out")
    assert xtalgraph_command(*command, tmp_path / "whole")[0] == 0
    record = Trainer._record

    def asked(self, loss, errors):
        record(self, loss, errors)
        if self.progress.epoch == 3:
            signal.raise_signal(signum)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_record", asked)
        ended, _, err = xtalgraph_command(*command, tmp_path / "asked")
    assert ended == code
    assert f"stopped by {signum.name}" in err
    assert "after epoch 3 of 6" in err
    assert "--resume" in err
    assert xtalgraph_command(*command, tmp_path / "asked", "--resume")[0] == 0
    for name in ("predictions.csv", "model.safetensors"):
        found = (tmp_path / "asked" / name).read_bytes()
        assert found == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.long
def test_a_process_that_is_terminated_ends_with_143(data, tmp_path):
    code = "import sys; from xtalgraph.cli.main import main; main(sys.argv[1:])"
    options = [*SMALL, "--epochs", "100000", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, "train", str(data), *options],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not (tmp_path / "run" / "state" / "state.json").is_file():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "stopped by SIGTERM: the training is saved" in err
