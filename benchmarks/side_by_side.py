"""A default training of three members: side by side on one thread each, and in turn on all cores.

Run it on a quiet machine: `python benchmarks/side_by_side.py matbench_phonons.json.gz`. Each way
trains one fold from the file to the report, in a process of its own, alternately; then the same
beside a process that keeps one core busy. Threads that spin are how torch comes, and how
the default was before. It prints medians, ratios, and whether one job and many gave the same
predictions.
"""

import argparse
import hashlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

COMMAND: Final = "from xtalgraph.cli.main import main; main()"
SPINNING: Final = {"GOMP_SPINCOUNT": "300000"}
"""What GNU OpenMP does where nothing is set."""


def ways(cores: int) -> dict[str, tuple[list[str], dict[str, str]]]:
    """Return the options and the environment of each way to train."""
    all_cores = ["--jobs", "1", "--set", f"training.threads={cores}"]
    return {
        "side by side, one thread each": (["--jobs", str(cores + 1)], {}),
        "in turn, one thread": (["--jobs", "1"], {}),
        f"in turn, {cores} threads that spin (before)": (all_cores, SPINNING),
        f"in turn, {cores} threads that sleep": (all_cores, {}),
    }


@contextmanager
def busy(is_busy: bool) -> Iterator[None]:
    """Keep one core busy, or not."""
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if is_busy else None
    try:
        yield
    finally:
        if other is not None:
            other.kill()
            other.wait()


def train(data: str, epochs: int | None, options: list[str], environment: dict[str, str]) -> str:
    """Train a fold, and return the SHA-256 of its predictions."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-c", COMMAND, "train", data, "--quiet"]
        command += ["--split", "folds", "--fold", "0", "--out", str(run), *options]
        command += [] if epochs is None else ["--epochs", str(epochs)]
        left = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", *SPINNING)}
        subprocess.run(command, env=left | environment, check=True, capture_output=True)
        return hashlib.sha256(next((run / "predictions").glob("*.csv")).read_bytes()).hexdigest()


def main() -> None:
    """Take turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="a data set with folds, such as matbench_phonons.json.gz")
    parser.add_argument("--epochs", type=int, help="of each training (as train takes it)")
    parser.add_argument("--turns", type=int, default=1)
    given = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    found: dict[tuple[str, bool], list[float]] = {}
    predicted: dict[str, set[str]] = {}
    for is_busy in (False, True):
        for _ in range(given.turns):
            for name, (options, environment) in ways(cores).items():
                with busy(is_busy):
                    began = time.perf_counter()
                    predicted.setdefault(name, set()).add(
                        train(given.data, given.epochs, options, environment)
                    )
                found.setdefault((name, is_busy), []).append(time.perf_counter() - began)
                print(f"  {name}{', busy' * is_busy}: {found[name, is_busy][-1]:.1f} s", flush=True)
    before = statistics.median(found[list(ways(cores))[2], False])
    print(
        f"\nseconds from file to report, {cores} cores, and relative to before on a quiet machine"
    )
    for name in ways(cores):
        times = [statistics.median(found[name, is_busy]) for is_busy in (False, True)]
        shown = "   ".join(f"{one:7.1f} ({one / before:4.2f})" for one in times)
        print(f"{name:45} quiet, busy {shown}")
    first, second, *_ = predicted.values()
    print(f"same predictions with one job and with many: {'yes' if first == second else 'NO'}")


if __name__ == "__main__":
    main()
