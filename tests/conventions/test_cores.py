"""The usual number of threads, from the environment and from the cores that are left."""

import os
import subprocess
import sys

import pytest

from xtalgraph.conventions.cores import available_cores

ASK = "from xtalgraph.conventions.cores import available_cores; print(available_cores())"


@pytest.mark.parametrize(("said", "meant"), [("3", 3), ("4,2", 4)])
def test_the_environment_decides(monkeypatch, said, meant):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert available_cores() == meant


@pytest.mark.parametrize("said", [None, "", "0", "many", "-1"])
def test_else_it_is_the_cores(monkeypatch, said):
    if said is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert 1 <= available_cores() <= os.cpu_count()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are bound on Linux only")
def test_a_process_bound_to_one_core_takes_one_thread():
    bind = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", bind + ASK],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1\n"
