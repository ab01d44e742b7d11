"""How well a potential keeps the total energy: drift, and the order of its error in the time step.

    python benchmarks/nve.py RUN --crystal Si --time 10 --step 1

The crystal is repeated to 64 atoms or more, relaxed, and moves at constant energy from 300 K. The
drift is the slope of the total energy over the whole trajectory; the order is taken from a tenth of
the time with twice the step, where halving the step must divide the error by 4. In place of a run,
`MODULE:NAME` of a calculator of ASE serves; without one, it is EMT's copper for a picosecond.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.io import read

from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.simulation.dynamics import Dynamics, drift, trajectory
from xtalgraph.simulation.relaxation import relax
from xtalgraph.workflows.calculator import potential_named

ATOMS = 64


def crystal_of(name: str) -> Crystal:
    """Return the crystal of a file, or the cubic cell of an element, with enough atoms."""
    cell = from_ase(read(name) if Path(name).is_file() else bulk(name, cubic=True))
    repeats = np.ones(3, dtype=int)
    while len(cell) * repeats.prod() < ATOMS:
        repeats[np.argmin(repeats * np.linalg.norm(cell.cell, axis=1))] += 1
    return transforms.supercell(cell, tuple(repeats.tolist()))


def main() -> None:
    """Run the trajectories and print what they show."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("potential", nargs="?", default="ase.calculators.emt:EMT")
    parser.add_argument("--crystal", default="Cu", help="a file, or an element")
    parser.add_argument("--temperature", type=float, default=300.0, help="K")
    parser.add_argument("--time", type=float, default=1.0, help="ps")
    parser.add_argument("--step", type=float, default=1.0, help="fs")
    parser.add_argument("--precision", default="float64", choices=["float32", "float64"])
    given = parser.parse_args()
    calculator = potential_named(given.potential, given.precision, "cpu")
    relaxed = relax(crystal_of(given.crystal), calculator, force=1e-3)
    crystal = relaxed.crystal
    print(f"{given.potential}, {given.precision}: {crystal.formula}, {given.temperature:g} K")
    # At rest, half of the kinetic energy goes into the potential energy: twice the temperature.
    hot = 2.0 * given.temperature
    errors = []
    for step in (2.0 * given.step, given.step):
        steps = round(100.0 * given.time / step)
        dynamics = Dynamics("nve", temperature=hot, step=step)
        totals = [one.total for one in trajectory(crystal, calculator, dynamics, steps)]
        errors.append(np.std(totals))
        print(f"step of {step:g} fs: the total energy varies by {errors[-1]:.2e} eV")
    print(f"order in the time step: {np.log2(errors[0] / errors[1]):.2f} (2 is expected)")
    begun = time.perf_counter()
    steps = round(1e3 * given.time / given.step)
    dynamics = Dynamics("nve", temperature=hot, step=given.step)
    moments = list(trajectory(crystal, calculator, dynamics, steps, every=max(1, steps // 1000)))
    seconds = time.perf_counter() - begun
    half = moments[len(moments) // 2 :]
    print(f"temperature: {np.mean([one.temperature for one in half]):.0f} K")
    print(f"drift in {given.time:g} ps: {drift(moments, len(crystal)):+.2e} eV/atom/ps")
    print(f"a step took {1e3 * seconds / steps:.2f} ms")


if __name__ == "__main__":
    main()
