"""Energy and forces, and a step of training, of equivariant potentials, ours and their authors'.

`python benchmarks/equivariant_speed.py mace --peer-python PEERS/bin/python`, an environment with
mace-torch 0.3.16; of `nequip` or `allegro` with nequip 0.19.1 and nequip-allegro 0.8.3. Each side
is a process of its own (`benchmarks/workers/equivariant_*.py`) with the same hyper-parameters,
random weights and frame; they take turns. Measured is processor time, since on a busy machine the
other is noise: the median over the turns of the median of a turn, and the median of the ratios
within a turn. Of several threads it is the time that passed, which needs as many idle cores. Lists
of neighbors are not part of it.

- Energy and forces, weights without gradients.
- With `--compiled` the same of ours compiled, for stress too (`xtalgraph.models.compiled`). What
  follows from the edges alone is kept from step to step, as in dynamics while they stay the same.
  Of nequip and nequip-allegro, beside it what their `nequip-compile --mode aotinductor` makes for
  ASE, energy, forces and stress of the same edges.
- Training: squares of energy and forces, backward, AdamW's fused step. With `--copies 2
  --compiled` also ours with forward and backward compiled, and nequip and nequip-allegro as
  `compile_mode: compile` trains them, which compiles batches of two frames or more.
- Memory: the largest of each process by the end, above what its libraries take.

Frames: silicon, 64 atoms; a perovskite of five elements, 135 atoms; disordered carbon, 100 atoms.
"""

import argparse
import statistics
import sys
from typing import Any, Final

import numpy as np
from ase import Atoms
from ase.build import bulk
from throughput import Worker, WorkerError

PEERS: Final = {
    "allegro": "equivariant_nequip",
    "mace": "equivariant_mace",
    "nequip": "equivariant_nequip",
}
"""The worker beside ours, by encoder."""
SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "allegro": {
        "depth": 2,
        "degree": 2,
        "parity": True,
        "radials": 8,
        "edge_width": 64,
        "hidden": 64,
        "last": "scalars",
    },
    "nequip": {
        "depth": 3,
        "degree": 2,
        "parity": False,
        "radials": 8,
        "radial_width": 64,
        "last": "scalars",
    },
    "mace": {"depth": 2, "correlation": 3, "degree": 2, "hidden_degree": 1, "radials": 8},
}
"""What both sides are given, beside the channels."""
COMPILED: Final = "theirs compiled"
STEPS: Final = {"forces": "energy and forces", "training": "training"}


def silicon() -> Atoms:
    """Return diamond, 64 atoms, displaced by 0.05 Å."""
    atoms = bulk("Si", "diamond", a=5.43, cubic=True).repeat(2)
    atoms.rattle(0.05, seed=1)
    return atoms


def perovskite() -> Atoms:
    """Return (Ba, Sr)(Ti, Zr)O3, 135 atoms, displaced by 0.05 Å."""
    cell = Atoms("BaTiO3", [[0, 0, 0], [2, 2, 2], [2, 2, 0], [2, 0, 2], [0, 2, 2]], cell=[4] * 3)
    atoms = cell.repeat(3)
    generator = np.random.default_rng(0)
    for old, new in ((56, 38), (22, 40)):
        sites = np.flatnonzero(atoms.numbers == old)
        atoms.numbers[generator.permutation(sites)[: len(sites) // 2]] = new
    atoms.rattle(0.05, seed=1)
    return atoms


def carbon() -> Atoms:
    """Return 100 atoms at 2.2 g/cm³, none nearer than 1.3 Å to another."""
    generator, length = np.random.default_rng(0), (100 * 12.011 / 0.60221408 / 2.2) ** (1 / 3)
    positions: list[np.ndarray] = []
    while len(positions) < 100:
        tried = generator.uniform(0, length, 3)
        apart = np.array(positions).reshape(-1, 3) - tried
        apart -= length * np.rint(apart / length)
        if not len(positions) or np.linalg.norm(apart, axis=1).min() > 1.3:
            positions.append(tried)
    return Atoms("C100", positions, cell=[length] * 3, pbc=True)


FRAMES: Final = {"silicon": silicon, "perovskite": perovskite, "carbon": carbon}


def compare(asked: argparse.Namespace, frame: str, channels: int, precision: str) -> None:
    """Print the steps of both sides."""
    atoms = FRAMES[frame]()
    changed = dict(setting.split("=") for setting in asked.set)
    settings = SETTINGS[asked.encoder] | {"channels": channels}
    job = {
        "encoder": asked.encoder,
        "settings": settings | {name: int(value) for name, value in changed.items()},
        "crystals": [],
        "numbers": atoms.numbers.tolist(),
        "positions": atoms.positions.tolist(),
        "cell": atoms.cell.array.tolist(),
        "cutoff": asked.cutoff,
        "precision": precision,
        "threads": asked.threads,
        "copies": asked.copies,
        "compiled": False,
    }
    sides = [Worker("ours", sys.executable, "equivariant_xtalgraph", job)]
    of_compiled = "forces" if asked.copies == 1 else "training"
    if asked.compiled:
        more = {"compiled": True}
        sides.append(Worker("compiled", sys.executable, "equivariant_xtalgraph", job | more))
    if asked.peer_python:
        sides.append(Worker("theirs", asked.peer_python, PEERS[asked.encoder], job))
        if asked.compiled and asked.encoder != "mace":
            more = {"compiled": True}
            sides.append(Worker(COMPILED, asked.peer_python, PEERS[asked.encoder], job | more))
    times: dict[tuple[str, str], list[float]] = {}
    for turn in range(asked.turns + 1):
        for what in STEPS:
            for side in sides:
                if side.label in ("compiled", COMPILED) and what != of_compiled:
                    continue
                taken = side.ask(f"{what} {asked.steps}")
                if turn:  # the first warms up
                    times.setdefault((what, side.label), []).append(taken)
    edges = sides[0].size["edges"]
    print(f"{frame} × {asked.copies}, {channels} channels, {precision}, {edges} edges:")
    for what, words in STEPS.items():
        for label in ("ours", "compiled"):
            if (ours := times.get((what, label))) is None:
                continue
            line = f"  {words:18s} {label:8s} {1e3 * statistics.median(ours):8.1f} ms"
            for side in ("theirs", COMPILED):
                if (theirs := times.get((what, side))) is None:
                    continue
                ratio = statistics.median(b / a for a, b in zip(ours, theirs, strict=True))
                line += f"   {side} {1e3 * statistics.median(theirs):8.1f} ms   ratio {ratio:5.2f}"
            print(line, flush=True)
    for side in sides:
        print(f"  memory {side.label:20s} {side.ask('memory 0') / 1e6:8.0f} MB", flush=True)
        side.close()


def main() -> None:
    """Run all frames, sizes and precisions that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder", choices=sorted(PEERS))
    parser.add_argument("--peer-python", metavar="PATH", help="left out, ours alone is timed")
    parser.add_argument("--frame", action="append", choices=sorted(FRAMES))
    parser.add_argument("--channels", action="append", type=int)
    parser.add_argument("--precision", action="append", choices=("float32", "float64"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=WHOLE NUMBER")
    parser.add_argument("--cutoff", type=float, default=5.0)
    parser.add_argument("--copies", type=int, default=1, help="of the frame in a batch")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=5, help="of one turn of one side")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compiled", action="store_true", help="compiled ones beside them")
    asked = parser.parse_args()
    for frame in asked.frame or FRAMES:
        for channels in asked.channels or (32, 128):
            for precision in asked.precision or ("float32", "float64"):
                try:
                    compare(asked, frame, channels, precision)
                except WorkerError as error:
                    raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
