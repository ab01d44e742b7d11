"""Atom-centred symmetry functions, averaged over the atoms of a crystal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from xtalgraph.baselines.descriptor import Descriptor, Rows
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal

_ANGULAR: Final = [[0.01, zeta, sign] for zeta in (1, 4, 16) for sign in (-1, 1)]
"""η in Å⁻², ζ and λ of the functions G⁴."""
_NOTHING: Final = "H"
"""What every atom is called where elements are not told apart."""


@final
@dataclass(frozen=True)
class ACSF(Descriptor):
    """Behler's symmetry functions, the mean over the atoms.

    For every element the cutoff function summed over its atoms, G¹, and Gaussians on shells of
    distance, G²; and six angular functions G⁴ that do not tell the elements apart, since one for
    each pair of elements would make 10⁴ columns.

    Args:
        cutoff: Radius of the neighbourhood, Å.
        shells: Number of functions G² for each element, between 1.5 Å and the cutoff less 0.5 Å.
        eta: Their sharpness, Å⁻².

    Source: Behler, J. Chem. Phys. 134, 074106 (2011), doi 10.1063/1.3553717; dscribe: Himanen et
    al., Comput. Phys. Commun. 247, 106949 (2020), doi 10.1016/j.cpc.2019.106949.
    """

    name: ClassVar[str] = "acsf"
    description: ClassVar[str] = (
        "atom-centred symmetry functions (dscribe), radial ones for each element and angular ones "
        "for all alike, averaged over the atoms"
    )
    extra: ClassVar[str | None] = "descriptors"

    cutoff: float = 5.0
    shells: int = 6
    eta: float = 4.0

    def check(self) -> None:
        """Import dscribe."""
        import_extra("dscribe.descriptors", "descriptors")

    def describe(self, crystals: Sequence[Crystal], elements: Sequence[int]) -> Rows:
        """Return the radial functions element by element, then the angular ones."""
        theirs = import_extra("dscribe.descriptors", "descriptors")
        centers = np.linspace(1.5, self.cutoff - 0.5, self.shells)
        radial = theirs.ACSF(
            r_cut=self.cutoff,
            g2_params=[[self.eta, float(center)] for center in centers],
            species=[SYMBOLS[z] for z in elements],
            periodic=True,
        )
        angular = theirs.ACSF(
            r_cut=self.cutoff, g4_params=_ANGULAR, species=[_NOTHING], periodic=True
        )
        rows = []
        for crystal in crystals:
            atoms = to_ase(crystal)
            first = radial.create(atoms).mean(axis=0)
            atoms.set_chemical_symbols([_NOTHING] * len(atoms))
            # The first column is G¹ again, now of all elements together.
            rows.append(np.concatenate([first, angular.create(atoms).mean(axis=0)]))
        return np.stack(rows).astype(np.float32)
