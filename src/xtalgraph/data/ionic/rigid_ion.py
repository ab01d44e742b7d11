"""The rigid-ion model and its ions: charges that repel each other at short range. Not DFT."""

from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import Final

import numpy as np
from jaxtyping import Float
from pymatgen.core import Species

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.units import COULOMB
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.interaction import Interaction, born_mayer, ewald

OXIDATION_STATES: Final = MappingProxyType(
    {
        **dict.fromkeys(("Li", "Na", "K", "Rb", "Cs"), 1),
        **dict.fromkeys(("Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Pb"), 2),
        **dict.fromkeys(("Al", "Ga", "In", "Sc", "Y", "La", "Nd"), 3),
        **dict.fromkeys(("Ti", "Zr", "Hf", "Sn"), 4),
        **dict.fromkeys(("Nb", "Ta"), 5),
        "W": 6,
        **dict.fromkeys(("O", "S"), -2),
        **dict.fromkeys(("F", "Cl", "Br", "I"), -1),
    }
)
"""Charge of each element in units of e. One per element, so that a crystal tells its charges."""

_OUTER_ELECTRONS: Final = MappingProxyType({"Li": 2})  # every other ion: a closed shell of 8


@dataclass(frozen=True)
class Ion:
    """A charged, nearly hard sphere."""

    symbol: str
    charge: int
    """Oxidation state, e."""
    radius: float
    """Shannon's crystal-chemical ("effective ionic") radius in sixfold coordination, Å."""
    outer_electrons: int
    """Number n of electrons in the outer shell, for Pauling's factor."""


@cache
def ion_of(number: int) -> Ion:
    """Ion that an element forms in this family of crystals.

    Args:
        number: Atomic number.

    Returns:
        The ion, with the radius of R. D. Shannon, Acta Cryst. A32, 751 (1976), from pymatgen.

    Raises:
        InputError: The family has no ion of that element.
    """
    symbol = SYMBOLS[number]
    if symbol not in OXIDATION_STATES:
        raise InputError(
            f"the rigid-ion model knows {', '.join(OXIDATION_STATES)}; got {symbol}, for which "
            "it has no charge"
        )
    charge = OXIDATION_STATES[symbol]
    radius = float(Species(symbol, charge).get_shannon_radius("VI"))
    return Ion(symbol, charge, radius, _OUTER_ELECTRONS.get(symbol, 8))


HARDNESS: Final = 0.345
"""ρ in Å, one value for all ions: Born and Mayer, Z. Phys. 75, 1 (1932)."""
LIKE_PREFACTOR: Final = 0.338e-19 / 1.602176634e-19
"""b in eV: Tosi and Fumi, J. Phys. Chem. Solids 25, 45 (1964)."""
ROCK_SALT: Final = 1.747564594633
"""Madelung constant of rock salt over the nearest distance."""


@dataclass(frozen=True, eq=False)
class RigidIonModel:
    r"""Energy, forces and stress of rigid ions. A model, not DFT.

    E = Σ_{i<j} q_i q_j e²/(4πε₀ r_ij) + A_ij exp((R_i + R_j - r_ij)/ρ), over all images, with

    - R the radius of Shannon for sixfold coordination and ρ = 0.345 Å (Born and Mayer);
    - for unlike charges A_ij = α ρ e²/(4πε₀) |q_i q_j| / (6 (R_i + R_j)²): in rock salt, with
      its Madelung constant α and the repulsion of its 6 nearest neighbours, the pair would have
      its minimum at R_i + R_j, the condition by which Born and Mayer fix the constant;
    - for like charges A_ij = b (1 + q_i/n_i + q_j/n_j): Pauling's factor with n electrons in the
      outer shell, and b = 0.338·10⁻¹⁹ J (Huggins and Mayer's form, Tosi and Fumi's value).

    The radii, the charges and n are per ion, so that a mean ion may be given as well as a real one.

    Source:
        Born and Mayer, Z. Phys. 75, 1 (1932), doi 10.1007/BF01340511; Huggins and Mayer,
        J. Chem. Phys. 1, 643 (1933), doi 10.1063/1.1749344; Pauling, Z. Kristallogr. 67, 377
        (1928); Tosi, Solid State Phys. 16, 1 (1964); Shannon, Acta Cryst. A32, 751 (1976).

    >>> import numpy as np
    >>> from xtalgraph.crystals.crystal import Crystal
    >>> cell = 5.64 / 2 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    >>> ions = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    >>> salt = Crystal.from_fractional(cell, ions, np.array([11, 17]))
    >>> round(RigidIonModel.for_crystal(salt)(salt).energy, 2)  # measured: -8.2 eV
    -7.47
    """

    charges: Float[np.ndarray, " atoms"]
    """Charge of each ion, e."""
    radii: Float[np.ndarray, " atoms"]
    """Radius R of each ion, Å."""
    outer_electrons: Float[np.ndarray, " atoms"]
    """Number n of electrons in the outer shell of each ion."""

    @classmethod
    def for_crystal(cls, crystal: Crystal) -> "RigidIonModel":
        """Take charges and radii from the elements, by the table in `ions`.

        Args:
            crystal: A crystal of the elements in `OXIDATION_STATES`.

        Returns:
            The model of its ions; it serves any strained or distorted copy of the crystal.

        Raises:
            InputError: An element is not in the table.
        """
        ions = [ion_of(number) for number in crystal.numbers.tolist()]
        return cls(
            np.array([ion.charge for ion in ions], dtype=float),
            np.array([ion.radius for ion in ions]),
            np.array([ion.outer_electrons for ion in ions], dtype=float),
        )

    @cached_property
    def prefactors(self) -> Float[np.ndarray, "atoms atoms"]:
        """Strength A of the repulsion of each pair, eV."""
        products = np.outer(self.charges, self.charges)
        contacts = self.radii[:, None] + self.radii[None, :]
        unlike = ROCK_SALT * HARDNESS * COULOMB * np.abs(products) / (6 * contacts**2)
        shares = self.charges / self.outer_electrons
        like = LIKE_PREFACTOR * (1 + shares[:, None] + shares[None, :])
        return np.where(products > 0, like, unlike)

    def __call__(self, crystal: Crystal) -> Interaction:
        """Energy (eV), forces (eV/Å) and stress (eV/Å³) of a crystal with these ions.

        Args:
            crystal: Periodic in three directions, its ions in the order of the model's.

        Raises:
            InputError: The crystal is charged, or not periodic in three directions.
        """
        electrostatics = ewald(crystal, self.charges)
        return electrostatics + born_mayer(crystal, self.prefactors, self.radii, HARDNESS)


def rigid_ion_energy(crystal: Crystal) -> float:
    """Energy of a crystal in the rigid-ion model, the truth of `ionic_perovskites`.

    Args:
        crystal: A crystal of the elements in `OXIDATION_STATES`.

    Returns:
        Total of the cell in eV; ions at rest, infinitely far from each other, have zero.

    Raises:
        InputError: An element is not in the table, or the charges do not balance.
    """
    return RigidIonModel.for_crystal(crystal)(crystal).energy
