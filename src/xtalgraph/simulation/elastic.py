"""Elastic constants: the stress that small strains bring about."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.units import GPA
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.symmetry import point_group
from xtalgraph.simulation.relaxation import relax_positions

STRAIN: Final = 5e-3
"""How large the strains are."""
_VOIGT: Final = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Indices of the six components, xx, yy, zz, yz, xz, xy."""


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
        c, s = self.constants, np.linalg.inv(self.constants)
        return float((c[:3, :3].sum() / 9.0 + 1.0 / s[:3, :3].sum()) / 2.0)

    @property
    def shear_modulus(self) -> float:
        """The mean of the bounds of Voigt and Reuss, GPa."""
        c, s = self.constants, np.linalg.inv(self.constants)
        upper = (np.trace(c[:3, :3]) - (c[0, 1] + c[0, 2] + c[1, 2]) + 3 * np.trace(c[3:, 3:])) / 15
        lower = 15 / (
            4 * np.trace(s[:3, :3]) - 4 * (s[0, 1] + s[0, 2] + s[1, 2]) + 3 * np.trace(s[3:, 3:])
        )
        return float((upper + lower) / 2.0)


def elastic_constants(
    crystal: Crystal, calculator: Any, *, strain: float = STRAIN, relax: bool = True
) -> Elastic:
    """Strain a crystal in six ways and both directions, and take the slopes of its stress.

    The result is averaged over the point group, which spglib finds.

    Args:
        crystal: At rest: relax it first.
        calculator: Of ASE, with stress.
        strain: How large the strains are.
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
    for i, j in _VOIGT:
        tensor = np.zeros((3, 3))
        tensor[i, j] = tensor[j, i] = strain if i == j else strain / 2.0
        positive, negative = (
            _stress(transforms.strain(crystal, sign * tensor), calculator, relax)
            for sign in (1.0, -1.0)
        )
        columns.append((positive - negative) / (2.0 * strain))
    measured = np.stack(columns, axis=1)
    constants = _symmetrised(crystal, (measured + measured.T) / 2.0)
    rest = _stress(crystal, calculator, relax=False)
    return Elastic(constants, float(np.abs(measured - constants).max()), float(np.abs(rest).max()))


def _stress(crystal: Crystal, calculator: Any, relax: bool) -> Float[np.ndarray, "6"]:
    """Return the stress in GPa, after the atoms were relaxed."""
    atoms = to_ase(crystal)
    atoms.calc = calculator
    if relax:
        relax_positions(atoms, 1e-4)
    return np.asarray(atoms.get_stress(), dtype=float) * GPA


def _symmetrised(crystal: Crystal, constants: Float[np.ndarray, "6 6"]) -> Float[np.ndarray, "6 6"]:
    """Return the mean of the constants over the rotations of the point group."""
    tensor = _full(constants)
    rotations = point_group(crystal)
    total = np.zeros_like(tensor)
    for rotation in rotations:
        total += np.einsum("ia,jb,kc,ld,abcd->ijkl", *(rotation,) * 4, tensor, optimize="greedy")
    mean = total / len(rotations)
    return np.array([[mean[i, j, k, m] for k, m in _VOIGT] for i, j in _VOIGT])


def _full(constants: Float[np.ndarray, "6 6"]) -> Float[np.ndarray, "3 3 3 3"]:
    tensor = np.zeros((3, 3, 3, 3))
    for row, (i, j) in enumerate(_VOIGT):
        for column, (k, m) in enumerate(_VOIGT):
            for a, b in {(i, j), (j, i)}:
                for c, d in {(k, m), (m, k)}:
                    tensor[a, b, c, d] = constants[row, column]
    return tensor
