"""Polar tensors of rigid ions, computed from their charges: vectors and a tensor of rank 3.

`python benchmarks/rigid_ions.py dipole|field|piezoelectric OUT`. Each is written as a table and
learned by NequIP through `xtalgraph train`; the run is verified, measured, and predicts the table.

* ``dipole``, extensive: Σ q_i u_i in e Å of a distorted cubic perovskite ABO₃, with the
  displacements u_i of its ions from the undistorted one.
* ``field``, of each atom: the electric field of the other ions in V/Å, by Ewald's sum of pymatgen.
* ``piezoelectric``, intensive: the part of e_ijk that the ions' displacements make, in C/m². The
  ions are joined by springs k(r) = k₀ exp(−r/ρ) of the present lengths, whose energy is least after
  a strain ε at u = −Φ⁺ Λ ε, so e = −(q · Φ⁺ Λ)/V; Φ is the matrix of force constants, and Λ_iajk =
  −Σ k r̂_a r̂_j r_k the force on an ion under the strain. Zincblende, wurtzite and cells of low
  symmetry of twelve pairs of elements with their formal charges.

Nothing is fitted: labels are exact, and have the symmetry of their crystal. One thread.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from ase import Atoms
from ase.io import write
from pymatgen.analysis.ewald import EwaldSummation

from xtalgraph.conventions.voigt import NAMED, to_voigt
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within

COMMAND: Final = "from xtalgraph.cli.main import main; main()"
COUNT: Final = 300
CHARGES: Final = {
    **dict.fromkeys((3, 11, 19), 1.0),
    **dict.fromkeys((4, 12, 20, 30, 38, 48, 56), 2.0),
    **dict.fromkeys((5, 13, 31), 3.0),
    **dict.fromkeys((22, 40, 72), 4.0),
    **dict.fromkeys((9, 17), -1.0),
    **dict.fromkeys((8, 16, 34), -2.0),
    **dict.fromkeys((7, 15), -3.0),
}
"""Formal, by atomic number."""
LENGTHS: Final = {
    (4, 8): 1.65, (4, 16): 2.10, (12, 8): 1.99, (12, 16): 2.43, (30, 8): 1.98, (30, 16): 2.34,
    (48, 16): 2.53, (30, 34): 2.46, (5, 7): 1.57, (13, 7): 1.90, (31, 15): 2.36, (3, 17): 2.22,
}  # fmt: skip
"""Of the bonds of tetrahedral pairs, Å."""
PER_AREA: Final = 16.02176634
"""1 e/Å² in C/m²."""
STIFFNESS, RANGE, REACH = 10.0, 0.8, 4.0
"""k₀ in eV/Å² at r = 0 divided by exp(−2/ρ), ρ in Å, and the longest spring in Å."""


def perovskite(rng: np.random.Generator) -> Crystal:
    """Return a distorted cubic perovskite, its ions in the order A, B, O, O, O."""
    first, second = rng.choice([20, 38, 56]), rng.choice([22, 40, 72])
    length = 3.75 + 0.08 * [20, 38, 56].index(first) + 0.12 * [22, 40, 72].index(second)
    polar = rng.normal(size=3) * (rng.random(3) < 0.6)
    along = np.array([0.3, 1.0, -0.7, -0.7, -0.7])[:, None] * polar * 0.15
    moved = along + 0.04 * rng.normal(size=(5, 3)) * (rng.random() < 0.7)
    ideal = length * np.array([[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) / 2.0
    sites = (ideal + moved) / length
    numbers = np.array([first, second, 8, 8, 8])
    return Crystal.from_fractional(length * np.eye(3), sites, numbers)


def dipole(crystal: Crystal) -> np.ndarray:
    """Return Σ q_i u_i, e Å."""
    length = crystal.cell[0, 0]
    ideal = length * np.array([[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) / 2.0
    return charges(crystal) @ (crystal.positions - ideal)


def field(crystal: Crystal) -> np.ndarray:
    """Return the electric field at each ion, V/Å."""
    structure = to_pymatgen(crystal)
    structure.add_oxidation_state_by_site(charges(crystal).tolist())
    return EwaldSummation(structure, compute_forces=True).forces / charges(crystal)[:, None]


def tetrahedral(rng: np.random.Generator) -> Crystal:
    """Return a zincblende, a wurtzite or one of these in a distorted cell with moved ions."""
    pair = list(LENGTHS)[rng.integers(len(LENGTHS))]
    bond = LENGTHS[pair] * (1.0 + 0.06 * rng.normal())
    if rng.random() < 0.5:
        cell = 2.0 * bond / 3.0**0.5 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
        sites, numbers = np.array([[0.0] * 3, [0.25] * 3]), np.array(pair)
    else:
        a, ratio, u = bond * (8.0 / 3.0) ** 0.5, 1.633 + 0.03 * rng.normal(), 0.375
        u += 0.008 * rng.normal()
        cell = a * np.array([[1.0, 0, 0], [-0.5, 0.75**0.5, 0], [0, 0, ratio]])
        third = np.array([[1 / 3, 2 / 3, 0.0], [2 / 3, 1 / 3, 0.5]])
        sites = np.concatenate([third, third + np.array([0.0, 0.0, u])])
        numbers = np.repeat(pair, 2)
    if rng.random() < 0.4:
        cell = cell @ (np.eye(3) + 0.04 * rng.normal(size=(3, 3)))
        sites = sites + 0.015 * rng.normal(size=sites.shape)
    return Crystal.from_fractional(cell, sites, numbers)


def piezoelectric(crystal: Crystal) -> np.ndarray:
    """Return e_ijk in Voigt's notation, 3x6, C/m²."""
    edges, count = neighbors_within(crystal, REACH), len(crystal)
    vector = crystal.positions[edges.neighbor] - crystal.positions[edges.center]
    vector = vector + edges.image @ crystal.cell
    unit = vector / edges.distance[:, None]
    stiffness = STIFFNESS * np.exp((2.0 - edges.distance) / RANGE)
    stiffness *= (1.0 - (edges.distance / REACH) ** 2) ** 2
    pair = stiffness[:, None, None] * unit[:, :, None] * unit[:, None, :]
    constants = np.zeros((count, 3, count, 3))
    np.add.at(constants.transpose(0, 2, 1, 3), (edges.center, edges.center), pair)
    np.add.at(constants.transpose(0, 2, 1, 3), (edges.center, edges.neighbor), -pair)
    force = np.zeros((count, 3, 3, 3))
    np.add.at(force, edges.center, -pair[..., None] * vector[:, None, None, :])
    inverse = np.linalg.pinv(constants.reshape(3 * count, -1), rcond=1e-8)
    moved = -(inverse @ force.reshape(3 * count, 9)).reshape(count, 3, 3, 3)
    full = PER_AREA * np.einsum("n,najk->ajk", charges(crystal), moved) / crystal.volume
    return to_voigt(NAMED["piezoelectric"], (full + full.swapaxes(1, 2)) / 2.0)


def charges(crystal: Crystal) -> np.ndarray:
    """Return the formal charge of each ion."""
    return np.array([CHARGES[number] for number in crystal.numbers.tolist()])


MAKERS: Final[dict[str, tuple[Callable[..., Crystal], Callable[[Crystal], np.ndarray]]]] = {
    "dipole": (perovskite, dipole),
    "field": (perovskite, field),
    "piezoelectric": (tetrahedral, piezoelectric),
}
OPTIONS: Final = {
    "dipole": ["--tensor", "vector", "--kind", "extensive", "--unit", "e*Å"],
    "field": ["--tensor", "vector", "--kind", "atomic", "--unit", "V/Å"],
    "piezoelectric": ["--tensor", "piezoelectric", "--unit", "C/m²"],
}
"""What is declared of each."""
DEGREE: Final = {"dipole": 2, "field": 2, "piezoelectric": 3}


def rows(what: str, count: int, seed: int = 0) -> tuple[list[Crystal], list[np.ndarray]]:
    """Return crystals and their labels.

    Args:
        what: A name in `MAKERS`.
        count: How many.
        seed: Of what is drawn.
    """
    make, label = MAKERS[what]
    rng = np.random.default_rng(seed)
    crystals = [make(rng) for _ in range(count)]
    return crystals, [label(crystal) for crystal in crystals]


def write_table(what: str, folder: Path, count: int) -> Path:
    """Write crystals and labels: vectors as extended XYZ, the tensors as a table in JSON."""
    crystals, labels = rows(what, count)
    if what == "piezoelectric":
        data = [
            [to_pymatgen(crystal).as_dict(), label.tolist()]
            for crystal, label in zip(crystals, labels, strict=True)
        ]
        table = {"columns": ["structure", what], "index": list(range(count)), "data": data}
        path = folder / f"{what}.json"
        path.write_text(json.dumps(table), encoding="utf-8")
        return path
    frames = []
    for crystal, label in zip(crystals, labels, strict=True):
        frame = Atoms(crystal.numbers, crystal.positions, cell=crystal.cell, pbc=True)
        (frame.arrays if what == "field" else frame.info)[what] = label
        frames.append(frame)
    path = folder / f"{what}.extxyz"
    write(path, frames, format="extxyz")
    return path


def command(*arguments: str | Path) -> str:
    """Run the command with one thread, and return what it prints."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    line = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    done = subprocess.run(line, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def measured(what: str, folder: Path, count: int, epochs: int, channels: int = 16) -> None:
    """Train, verify, predict, and print what came out.

    Args:
        what: A name in `MAKERS`.
        folder: Of table and run; a training that was killed goes on.
        count: Crystals.
        epochs: Of the training.
        channels: Of each degree and parity.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table, run = write_table(what, folder, count), folder / f"{what}-run"
    settings = {
        "model.channels": channels, "model.depth": 2, "model.degree": DEGREE[what],
        "graph.strategy": "radius", "graph.cutoff": 4.5, "training.batch_size": 16,
        "training.learning_rate": 0.005,
    }  # fmt: skip
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    common = ["--epochs", str(epochs), "--members", "1", "--jobs", "1", "--resume", "--quiet"]
    if not (run / "manifest.json").is_file():
        declared = ["--target", what, *OPTIONS[what], "--model", "nequip"]
        print(command("train", table, "--out", run, *declared, *common, *given))
    print(command("verify", run, "--on", table, "--sample", "8"))
    print(command("predict", run, table, "--out", folder / f"{what}-predicted.csv")[:500])
    models = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["targets"][what]
    for name, model in models["models"].items():
        shown = {key: estimate["value"] for key, estimate in model["test"].items()}
        print(name, json.dumps(shown))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=MAKERS)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--epochs", type=int, default=60)
    asked = parser.parse_args()
    measured(asked.what, asked.out, asked.count, asked.epochs)
