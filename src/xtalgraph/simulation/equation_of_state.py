"""The energy of a crystal as a function of its volume, and its bulk modulus."""

import warnings
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.units import GPA
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.simulation.relaxation import relax_positions

RANGE: Final = 0.06
"""Largest relative change of the volume, in either direction."""
POINTS: Final = 11
"""Number of volumes."""


@dataclass(frozen=True, eq=False)
class EquationOfState:
    """Energies at several volumes, and the curve of Birch and Murnaghan through them."""

    volumes: Float[np.ndarray, " points"]
    """Of the cell, Å³."""
    energies: Float[np.ndarray, " points"]
    """Of the cell, eV."""
    volume: float
    """Where the energy is lowest, Å³."""
    energy: float
    """There, eV."""
    bulk_modulus: float
    """There, GPa."""
    misfit: float
    """Largest difference between the curve and an energy, meV/atom. The larger it is, the more does
    the bulk modulus depend on the range of volumes, and differ from that of small strains."""


def equation_of_state(
    crystal: Crystal,
    calculator: Any,
    *,
    extent: float = RANGE,
    points: int = POINTS,
    relax: bool = True,
) -> EquationOfState:
    """Compute the energy at several volumes, all lattice vectors scaled alike.

    Args:
        crystal: Near the minimum.
        calculator: Of ASE.
        extent: Largest relative change of the volume.
        points: Number of volumes, at least 5.
        relax: Whether atoms are relaxed at each volume.

    Raises:
        InputError: If the crystal does not repeat in all directions, there are too few points, or
            the lowest energy is at one end of the volumes.

    Source: F. Birch, Phys. Rev. 71, 809 (1947), doi 10.1103/PhysRev.71.809; the fit is ASE's.
    """
    from ase.eos import EquationOfState as Fit
    from ase.eos import birchmurnaghan

    if not crystal.pbc.all():
        raise InputError(f"{crystal.formula} must repeat in all directions to have a bulk modulus")
    if points < 5 or not 0.0 < extent < 0.5:
        raise InputError(
            f"5 points at least, and an extent between 0 and 0.5, got {points} and {extent}"
        )
    volumes, energies = [], []
    for factor in np.linspace(1.0 - extent, 1.0 + extent, points):
        strained = transforms.strain(crystal, (factor ** (1 / 3) - 1.0) * np.eye(3))
        atoms = to_ase(strained)
        atoms.calc = calculator
        if relax:
            relax_positions(atoms, 1e-3)
        volumes.append(strained.volume)
        energies.append(float(atoms.get_potential_energy()))
    lowest = int(np.argmin(energies))
    if lowest in (0, points - 1):
        raise InputError(
            f"the energy of {crystal.formula} still falls at {volumes[lowest]:.4g} Å³, the "
            f"{'smallest' if lowest == 0 else 'largest'} volume: relax the crystal first, or widen "
            "the extent"
        )
    fit = Fit(volumes, energies, eos="birchmurnaghan")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the covariance of the fit, which is not used
        volume, energy, modulus = fit.fit()
    fitted = birchmurnaghan(np.array(volumes), *fit.eos_parameters)
    return EquationOfState(
        np.array(volumes),
        np.array(energies),
        float(volume),
        float(energy),
        float(modulus) * GPA,
        1000.0 * float(np.abs(fitted - energies).max()) / len(crystal),
    )
