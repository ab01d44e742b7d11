"""Signals: a training saves its state and says so, and the exit code says which signal it was."""

import signal
import subprocess
import sys
import time

import pytest

from xtalgraph.training.loop import Trainer


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_training_that_is_asked_to_stop_says_how_to_go_on(
    xtalgraph_command, quick_training, tmp_path, monkeypatch, signum, code
):
    command = (*quick_training, "--out")
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
    (table,) = (tmp_path / "whole" / "predictions").iterdir()
    for name in (f"predictions/{table.name}", "model.safetensors"):
        found = (tmp_path / "asked" / name).read_bytes()
        assert found == (tmp_path / "whole" / name).read_bytes(), name


@pytest.mark.long
def test_a_process_that_is_terminated_ends_with_143(quick_training, tmp_path):
    code = "import sys; from xtalgraph.cli.main import main; main(sys.argv[1:])"
    options = [*quick_training, "--epochs", "100000", "--out", str(tmp_path / "run")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options],
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
