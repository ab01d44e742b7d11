"""Threads that wait leave their core to others, unless somebody has decided otherwise."""

import os
import subprocess
import sys

import pytest

SCRIPT = "import xtalgraph, os; print(os.environ.get('OMP_WAIT_POLICY'))"
NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def policy(code: str, **environment: str) -> str:
    left = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=left | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_it_is_set_before_torch_is_loaded():
    loaded = "import sys, xtalgraph.cli.main; print('torch' in sys.modules)"
    assert policy(loaded) == "False"
    assert policy(SCRIPT) == "PASSIVE"


@pytest.mark.parametrize("name", NAMES)
def test_what_the_environment_says_stays(name):
    assert policy(SCRIPT, **{name: "17"}) == ("17" if name == "OMP_WAIT_POLICY" else "None")
