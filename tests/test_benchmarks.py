"""The scripts behind claims of speed run on the embedded set, for every encoder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xtalgraph.models.registry import ENCODERS

FOLDER = Path(__file__).parents[1] / "benchmarks"


def run(*args: str) -> str:
    command = [sys.executable, "-W", "ignore", *args]
    environment = os.environ | {"PYTHONPATH": str(FOLDER.parent / "src")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.parametrize("encoder", sorted(ENCODERS))
def test_throughput_is_measured_of_every_encoder(encoder):
    options = ("--turns", "1", "--seconds", "0.01", "--threads", "1", "--only", encoder)
    said = run(str(FOLDER / "throughput.py"), *options)
    assert "training:" in said
    assert "% of the roofline" in said
    assert ("full graphs alone" in said) == (not ENCODERS[encoder].reads.reduced)


@pytest.mark.long
@pytest.mark.parametrize("encoder", sorted(ENCODERS))
def test_the_cost_of_every_encoder_is_measured(encoder):
    assert "inference" in run(str(FOLDER / "scaling.py"), encoder, "--largest", "40")


@pytest.mark.long
@pytest.mark.parametrize("script", sorted(path.name for path in FOLDER.glob("*.py")))
def test_every_script_can_be_asked_what_it_measures(script):
    if "argparse" in (FOLDER / script).read_text(encoding="utf-8"):
        assert "usage:" in run(str(FOLDER / script), "--help")


@pytest.mark.long
def test_the_total_energy_is_kept_by_a_known_potential():
    said = run(str(FOLDER / "nve.py"), "--time", "0.2")
    assert "order in the time step: 2.0" in said or "order in the time step: 1.9" in said
    assert "eV/atom/ps" in said


@pytest.mark.long
def test_a_cutoff_sees_no_far_ions_and_charges_do():
    printed = run(str(FOLDER / "long_range.py"), "--epochs", "1", "--frames", "4")
    assert "true change of the force on ion 0: 345.81 meV/Å" in printed
    assert "change of the force on the far ion: 0.00 meV/Å" in printed
    assert "of +2 e" in printed
