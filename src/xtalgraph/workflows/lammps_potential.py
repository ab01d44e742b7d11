"""LAMMPS is driven by the potential of a run, or of any other package."""

from collections.abc import Sequence
from typing import Any

from xtalgraph.conventions.choices import Device
from xtalgraph.simulation.calculator import Precision
from xtalgraph.simulation.lammps import LammpsPotential
from xtalgraph.workflows.simulation_folder import potential_named


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
        precision: In which the network of a run computes.
        device: Where it computes.

    Returns:
        What LAMMPS calls at each step; its ``atoms`` are those of the last step.

    Raises:
        RunError: If there is no such run, or it is no potential.
        ConfigError: If units, box, processes or elements of LAMMPS are others.
    """
    calculator = potential_named(potential, precision, device)
    return LammpsPotential(lmp, calculator, elements, fix)
