"""Elastic constants: the stress that small strains bring about."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.units import GPA
from xtalgraph.conventions.voigt import NAMED, PAIRS, from_voigt, to_voigt
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.tensor_symmetry import Symmetry
from xtalgraph.metrics.moduli import moduli
from xtalgraph.simulation.relaxation import relax_positions

STRAIN: Final = 5e-3
"""Size of the strains."""
_STIFFNESS: Final = NAMED["elastic"]


@dataclass(frozen=True, eq=False)
class Elastic:
    """The elastic constants of a crystal, and what follows from them."""

    constants: Float[np.ndarray, "6 6"]
    """C_ij, GPa, in the order xx, yy, zz, yz, xz, xy and the axes of the crystal's cell."""
    asymmetry: float
    """Largest difference between C_ij and what symmetry makes of it, GPa: noise, and the error of
    finite strains."""
    stress: float
    """Largest component of the stress without strain, GPa: the constants are those of a crystal at
    rest only if it is small."""

    @property
    def eigenvalues(self) -> Float[np.ndarray, "6"]:
        """Of the tensor as a map of strains, ascending, GPa: the same in all axes.

        Of a cubic crystal they are C11 − C12 twice, 2 C44 three times, and C11 + 2 C12.
        """
        norm = np.sqrt([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])  # of a strain as a vector of six
        return np.asarray(np.linalg.eigvalsh(norm[:, None] * self.constants * norm))

    @property
    def is_stable(self) -> bool:
        """Whether every small strain costs energy (Born's condition)."""
        return bool(self.eigenvalues[0] > 0.0)

    @property
    def bulk_modulus(self) -> float:
        """The mean of the bounds of Voigt and Reuss, GPa."""
        return float(moduli(from_voigt(_STIFFNESS, self.constants[None]), "hill")["bulk"][0])

    @property
    def shear_modulus(self) -> float:
        """The mean of the bounds of Voigt and Reuss, GPa."""
        return float(moduli(from_voigt(_STIFFNESS, self.constants[None]), "hill")["shear"][0])


def elastic_constants(
    crystal: Crystal, calculator: Any, *, strain: float = STRAIN, relax: bool = True
) -> Elastic:
    """Strain a crystal in six ways and both directions, and take the slopes of its stress.

    The result is averaged over the point group, which spglib finds.

    Args:
        crystal: At rest: relax it first.
        calculator: Of ASE, with stress.
        strain: Size of the strains.
        relax: Whether atoms are relaxed in each strained cell; without, the constants are those of
            clamped ions.

    Raises:
        InputError: If the crystal does not repeat in all directions.

    Source: Y. Le Page and P. Saxe, Phys. Rev. B 65, 104104 (2002), doi
    10.1103/PhysRevB.65.104104.
    """
    if not crystal.pbc.all():
        raise InputError(
            f"{crystal.formula} must repeat in all directions to have elastic constants"
        )
    columns = []
    for i, j in PAIRS:
        tensor = np.zeros((3, 3))
        tensor[i, j] = tensor[j, i] = strain if i == j else strain / 2.0
        positive, negative = (
            _stress(transforms.strain(crystal, sign * tensor), calculator, relax)
            for sign in (1.0, -1.0)
        )
        columns.append((positive - negative) / (2.0 * strain))
    measured = np.stack(columns, axis=1)
    full = from_voigt(_STIFFNESS, (measured + measured.T)[None] / 2.0)
    constants = to_voigt(_STIFFNESS, Symmetry.of(crystal).project(_STIFFNESS, full))[0]
    rest = _stress(crystal, calculator, relax=False)
    return Elastic(constants, float(np.abs(measured - constants).max()), float(np.abs(rest).max()))


def _stress(crystal: Crystal, calculator: Any, relax: bool) -> Float[np.ndarray, "6"]:
    """Return the stress in GPa, after the atoms were relaxed."""
    atoms = to_ase(crystal)
    atoms.calc = calculator
    if relax:
        relax_positions(atoms, 1e-4)
    return np.asarray(atoms.get_stress(), dtype=float) * GPA
