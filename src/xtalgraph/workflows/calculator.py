"""A potential by its run folder or its name, as ASE and LAMMPS take it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xtalgraph.conventions.choices import Device
from xtalgraph.simulation.calculator import PotentialCalculator, Precision
from xtalgraph.simulation.lammps import LammpsPotential
from xtalgraph.simulation.neighbor_list import SKIN
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.verify_calculator import calculator_named


def calculator(
    run: str | Path,
    *,
    precision: Precision = "float64",
    device: Device = "cpu",
    skin: float = SKIN,
    compile: bool = False,  # noqa: A002
) -> PotentialCalculator:
    """Return the potential of a run as a calculator of ASE.

    Args:
        run: A run folder.
        precision: ``float64`` where energies are compared or relaxed, ``float32`` for speed.
        device: Device to compute on.
        skin: How far beyond the cutoff neighbours are searched, Å.
        compile: Compile energy, forces and stress, for many steps of the same atoms. It takes a
            minute or more for each list of elements, and needs a C++ compiler; where it cannot be
            done, a warning says why, and the potential is evaluated as it is.

    Raises:
        RunError: If the run is not finished, or its model is no potential.
        ConfigError: If there is no such device here.
    """
    predictor = Run.open(run).predictor
    return PotentialCalculator(
        predictor, precision=precision, device=device, skin=skin, compiled=compile
    )


def potential_named(potential: Any, precision: Precision, device: Device) -> Any:
    """Return the calculator of a run, or of another package.

    Args:
        potential: A run folder; a calculator of ASE; or the name of what is or makes one,
            ``package.module:name``.
        precision: Of the computation, with a run.
        device: Where it computes.

    Raises:
        RunError: If there is no such run, or it is no potential.
        ConfigError: If there is no such name.
    """
    if not isinstance(potential, str | Path):
        return potential
    if ":" in str(potential) and not Path(potential).exists():
        return calculator_named(str(potential))
    return calculator(potential, precision=precision, device=device)


def lammps_potential(
    lmp: Any,
    potential: Any,
    elements: Sequence[str],
    *,
    fix: str = "external",
    precision: Precision = "float64",
    device: Device = "cpu",
) -> LammpsPotential:
    """Make a potential the forces of LAMMPS, through its ``fix external``.

    Args:
        lmp: The ``lammps`` of LAMMPS, with units metal, its box made, on one process.
        potential: A run folder, a calculator of ASE, or the name of what is or makes one.
        elements: Symbol of each atom type, in the order of the types.
        fix: Name of the fix that is added.
        precision: Of the computation, with a run.
        device: Where it computes.

    Returns:
        What LAMMPS calls at each step; its ``atoms`` are those of the last step.

    Raises:
        RunError: If there is no such run, or it is no potential.
        ConfigError: If units, box, processes or elements of LAMMPS are others.
    """
    calculator = potential_named(potential, precision, device)
    return LammpsPotential(lmp, calculator, elements, fix)
