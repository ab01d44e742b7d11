"""Errors of the default potential on copper, lithium, molybdenum and silicon, published division.

`python benchmarks/potential_accuracy.py DATA`, where DATA holds `Cu_train.extxyz`,
`Cu_test.extxyz` and so on: the sets of Zuo et al., J. Phys. Chem. A 124, 731 (2020), doi
10.1021/acs.jpca.9b08723, in eV, eV/Å and eV/Å³. A tenth of the published training part, drawn at
random, is kept for validation; with `--no-validation` nothing is, as for the published potentials,
and the last epoch is taken. It trains one potential for each element, on one thread, and prints
a table with the CPU time of the whole command and the published errors of two others.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
from ase.io import read, write

COMMAND: Final = "from xtalgraph.cli.main import main; main()"
EPOCHS: Final = {"Cu": 120, "Li": 250, "Mo": 160, "Si": 160}
"""About 10 to 20 minutes of one core."""
PUBLISHED: Final = {
    "Cu": "0.46, 0.01; 0.41, 0.01",
    "Li": "0.49, 0.01; 0.49, 0.01",
    "Mo": "2.24, 0.09; 2.83, 0.09",
    "Si": "2.91, 0.07; 2.21, 0.06",
}
"""Mean absolute errors of GAP and of MTP in Zuo et al.: meV/atom, eV/Å."""


def frames_of(
    element: str, data: Path, out: Path, count: int | None = None, validate: bool = True
) -> Path:
    """Write both parts into one file, with the division in a column; of the training some."""
    train = read(data / f"{element}_train.extxyz", ":")
    order = np.random.default_rng(0).permutation(len(train))
    validation = set(order[: len(train) // 10].tolist()) if validate else set()
    for number, atoms in enumerate(train):
        atoms.info["part"] = "val" if number in validation else "train"
    learned = [number for number in order.tolist() if number not in validation][:count]
    train = [train[number] for number in sorted([*learned, *validation])]
    test = read(data / f"{element}_test.extxyz", ":")
    for atoms in test:
        atoms.info["part"] = "test"
    path = out / f"{element}{'' if count is None else f'-{count}'}.extxyz"
    write(path, train + test)
    return path


def train(element: str, frames: Path, options: list[str]) -> tuple[Path, float]:
    """Train, unless it was done before; return the run and the CPU minutes."""
    run = frames.with_suffix("")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", COMMAND, "train", str(frames), "--out", str(run)]
    command += ["--target", "energy", "--target", "forces", "--target", "stress"]
    command += ["--split", "column:part", "--epochs", str(EPOCHS[element]), "--jobs", "1"]
    command += options
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    subprocess.run(command, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return run, (after.ru_utime - before.ru_utime) / 60


def main() -> None:
    """Train and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/potential-accuracy"))
    parser.add_argument("--elements", nargs="+", default=list(EPOCHS), choices=list(EPOCHS))
    parser.add_argument("--frames", type=int, help="to train on; all, if it is not given")
    parser.add_argument("--no-validation", action="store_true")
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[], help="of `train`")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    print("MAE (RMSE) on the test part")
    print("| set | energy, meV/atom | forces, eV/Å | stress, GPa | CPU minutes | GAP; MTP |")
    print("|---|---|---|---|---|---|")
    for element in asked.elements:
        frames = frames_of(element, asked.data, asked.out, asked.frames, not asked.no_validation)
        run, minutes = train(element, frames, asked.options)
        print(f"| {element} | {row_of(run)} | {minutes:.1f} | {PUBLISHED[element]} |", flush=True)


def row_of(run: Path) -> str:
    """Return MAE and RMSE on the test part, in meV/atom, eV/Å and GPa."""
    metrics = json.loads((run / "metrics.json").read_text())
    cells = []
    for name, factor in (("energy", 1.0), ("forces", 1e-3), ("stress", 1.0)):
        test = metrics["targets"][name]["reported"]["models"][metrics["model"]]["test"]
        errors = [factor * test[key]["value"] for key in ("mae", "rmse")]
        cells.append(" (".join(f"{error:.3g}" for error in errors) + ")")
    return " | ".join(cells)


if __name__ == "__main__":
    main()
