"""Cost of a step of dynamics against the number of atoms: time, memory, and the exponent.

`python benchmarks/potential_scaling.py`. Rattled silicon from 8 to 10⁵ atoms, float32, random
weights, one thread; SchNet as a potential, or `--encoder mace`, `nequip`, `allegro` with the
settings of `equivariant_speed.py`. Each size is a process of its own, whose largest memory is
measured. A step is what the calculator does for moved atoms: the neighbour list with its skin,
energy and forces. Processor time, the least of the steps; the exponents of time and of memory above
that of 8 atoms are fitted to the sizes whose step takes over `FIXED` seconds.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
from equivariant_speed import SETTINGS

FIXED: Final = 0.02
"""A step that takes longer is not governed by what a step of any size costs, s."""
CELLS: Final = (1, 2, 3, 5, 8, 12, 17, 23)
"""Cubic cells of eight atoms along each axis."""


def step_of(cells: int, channels: int, encoder: str) -> dict[str, float]:
    """Measure one size in this process."""
    sys.path.insert(0, str(Path(__file__).parent / "workers"))
    import torch
    from ase.build import bulk
    from potential_xtalgraph import make

    torch.set_num_threads(1)
    atoms = bulk("Si", cubic=True).repeat(cells)
    atoms.rattle(0.05, seed=0)
    job = {
        "numbers": atoms.numbers,
        "positions": atoms.positions,
        "cell": atoms.cell.array,
        "channels": channels,
        "layers": 3,
        "cutoff": 5.0,
        "basis": 50,
        "batch": 1,
        "precision": "float32",
    }
    if encoder in SETTINGS:
        job |= {"encoder": encoder, "settings": SETTINGS[encoder] | {"channels": channels}}
    atoms.calc = make(job).calculator
    start, times = atoms.positions.copy(), []
    generator = np.random.default_rng(0)
    for _ in range(6 if len(atoms) < 20_000 else 3):
        atoms.set_positions(start + generator.uniform(-0.05, 0.05, start.shape))
        began = time.process_time()
        atoms.get_forces()
        times.append(time.process_time() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"atoms": len(atoms), "seconds": min(times[1:]), "megabytes": peak}


def main() -> None:
    """Run every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, help="measure this size alone, in this process")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--encoder", choices=("schnet", *SETTINGS), default="schnet")
    asked = parser.parse_args()
    if asked.cells is not None:
        print(json.dumps(step_of(asked.cells, asked.channels, asked.encoder)))
        return
    rows = []
    for cells in CELLS:
        command = [sys.executable, __file__, f"--cells={cells}", f"--channels={asked.channels}"]
        command.append(f"--encoder={asked.encoder}")
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        row = json.loads(done.stdout.splitlines()[-1])
        rows.append(row)
        above = 1e3 * (row["megabytes"] - rows[0]["megabytes"]) / row["atoms"]
        print(
            f"{row['atoms']:7d} atoms {1e3 * row['seconds']:10.1f} ms "
            f"{1e6 * row['seconds'] / row['atoms']:8.1f} µs an atom {row['megabytes']:8.0f} MB "
            f"{above:8.1f} kB an atom",
            flush=True,
        )
    large = [row for row in rows if row["seconds"] > FIXED]
    atoms = np.log([row["atoms"] for row in large])
    seconds = np.log([row["seconds"] for row in large])
    memory = np.log([row["megabytes"] - rows[0]["megabytes"] for row in large])
    print(f"time ~ atoms^{np.polyfit(atoms, seconds, 1)[0]:.3f} over {FIXED:g} s")
    print(f"memory ~ atoms^{np.polyfit(atoms, memory, 1)[0]:.3f}")


if __name__ == "__main__":
    main()
