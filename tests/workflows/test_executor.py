"""Work side by side: the same results, no process left behind, and what goes wrong is said."""

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xtalgraph.conventions.errors import InputError, RunError
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows import executor as module
from xtalgraph.workflows.executor import Executor, processes_for, processes_outside

log = logging.getLogger("xtalgraph")


def scaled(shared, task, report):
    report(0.5, "half")
    log.warning("task %d in %d", task, os.getpid())
    if task == "bad":
        raise InputError("row 3 of table.csv is bad")
    return shared["factor"] * task, os.getpid(), os.environ["OMP_NUM_THREADS"]


def talkative(shared, task, report):
    for number in range(2000):
        log.warning("%s %d", task, number)
    return task


def failing(shared, task, report):
    if task == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    raise InputError("row 3 of table.csv is bad")


def test_results_do_not_depend_on_the_processes(caplog, monkeypatch):
    monkeypatch.setattr(log, "propagate", True)
    told = []
    for processes in (1, 2):
        executor = Executor(
            {"factor": 2.0}, processes, "work", False, lambda part, text: told.append(part)
        )
        with caplog.at_level(logging.INFO, logger="xtalgraph"):
            found = dict(executor.run(scaled, [3, 4, 5]))
        assert [found[n][0] for n in range(3)] == [6.0, 8.0, 10.0]
        others = {pid for _, pid, _ in found.values()} - {os.getpid()}
        assert bool(others) is (processes == 2)
        assert told[-1] == pytest.approx(1.0)
        assert {one[2] for one in found.values()} == {"1"}
    assert sum("task 4" in text for text in caplog.messages) == 2, "records come from there, too"


def test_no_record_is_lost_when_processes_end(caplog, monkeypatch):
    monkeypatch.setattr(log, "propagate", True)
    with caplog.at_level(logging.INFO, logger="xtalgraph"):
        list(Executor(None, 2, "work", False).run(talkative, ["a", "b"]))
    for task in ("a", "b"):
        told = [text for text in caplog.messages if text.startswith(task)]
        assert told == [f"{task} {number}" for number in range(2000)]


@pytest.mark.parametrize("processes", [1, 2])
def test_what_is_done_meanwhile_is_done_once_and_its_errors_end_the_others(processes):
    done = []
    executor = Executor({"factor": 2.0}, processes, "work", False)
    results = dict(executor.run(scaled, [3, 4], meanwhile=lambda: done.append("baselines")))
    assert (len(results), done) == (2, ["baselines"])

    def fail():
        raise InputError("a baseline cannot be fitted")

    with pytest.raises(InputError, match="baseline"):
        list(executor.run(scaled, [3, 4], meanwhile=fail))


def test_errors_of_a_task_are_raised_here():
    with pytest.raises(InputError, match=r"row 3 of table\.csv"):
        list(Executor(None, 2, "work", False).run(failing, ["bad", "bad"]))


def test_a_process_that_dies_is_an_error_of_ours():
    with pytest.raises(RunError, match="--jobs"):
        list(Executor(None, 2, "work", False).run(failing, ["kill", "kill"]))


SCRIPT = """
import os, sys, time
from pathlib import Path
from xtalgraph.conventions.stopping import Stopped, postponed_stop, stopping_on_signals
from xtalgraph.workflows.executor import Executor

def wait(folder, task, report):
    with postponed_stop() as request:
        Path(folder, f"{task}.pid").write_text(str(os.getpid()))
        while request.signum is None:
            time.sleep(0.05)
        Path(folder, f"{task}.saved").touch()
        raise Stopped(request.signum, f"task {task} is saved")

try:
    with stopping_on_signals():
        list(Executor(sys.argv[1], 2, "work", False).run(wait, [0, 1]))
except Stopped as error:
    print(error)
    sys.exit(error.exit_code)
"""
"""As users write scripts: without a guard for other processes."""


def started(folder: Path) -> tuple[subprocess.Popen[str], list[int]]:
    """Run the script until both of its tasks run; return it and their processes."""
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    process = subprocess.Popen([sys.executable, script, folder], stdout=subprocess.PIPE, text=True)
    files = [folder / "0.pid", folder / "1.pid"]
    wait_until(lambda: all(file.is_file() and file.read_text() for file in files))
    return process, [int(file.read_text()) for file in files]


def wait_until(holds) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "waited for a minute"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_killed_or_stopped_it_leaves_no_process_behind(tmp_path):
    (tmp_path / "killed").mkdir()
    (tmp_path / "stopped").mkdir()
    process, workers = started(tmp_path / "killed")
    process.kill()
    process.communicate()
    wait_until(lambda: not any(is_alive(pid) for pid in workers))
    assert not list((tmp_path / "killed").glob("*.saved"))

    process, workers = started(tmp_path / "stopped")
    process.terminate()
    said, _ = process.communicate()
    assert process.returncode == 143
    assert said == "stopped by SIGTERM: task 0 is saved; task 1 is saved\n"
    assert len(list((tmp_path / "stopped").glob("*.saved"))) == 2
    wait_until(lambda: not any(is_alive(pid) for pid in workers))


@pytest.mark.parametrize(
    ("cores", "tasks", "changes", "wanted"),
    [
        (2, 3, {}, 3),  # at once on two cores: 1.5 times the time of one, in turn twice
        (2, 4, {}, 2),
        (8, 3, {}, 3),
        (1, 3, {}, 1),
        (8, 12, {}, 12),
        (2, 5, {}, 3),  # three at once and then two: 2.5 times, in pairs three times
        (8, 20, {}, 10),
        (8, 16, {}, 8),
        (8, 20, {"threads": 4}, 2),
        (2, 3, {"jobs": 2}, 2),
        (2, 3, {"jobs": 8}, 3),
        (8, 3, {"epochs": 1}, 1),  # too short to be worth it
        (8, 3, {"epochs": 1, "jobs": 2}, 2),
        (8, 3, {"device": "cuda"}, 1),
    ],
)
def test_how_many_processes(monkeypatch, cores, tasks, changes, wanted):
    monkeypatch.setattr(module, "available_cores", lambda: cores)
    assert processes_for(tasks, TrainingConfig(**changes), 1000) == wanted


def test_few_runs_of_several_members_run_in_turn(monkeypatch):
    monkeypatch.setattr(module, "available_cores", lambda: 4)
    several = TrainingConfig(members=3)
    assert [processes_outside(n, several, 1000) for n in (1, 2, 3, 9)] == [1, 1, 3, 5]
    assert processes_outside(2, TrainingConfig(), 1000) == 2
