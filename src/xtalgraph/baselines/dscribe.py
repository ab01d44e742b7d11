"""Descriptors of the surroundings of atoms by dscribe, averaged over the atoms of a crystal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.descriptor import Descriptor, Rows
from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal

_ANGULAR: Final = [[0.01, zeta, sign] for zeta in (1, 4, 16) for sign in (-1, 1)]
"""η in Å⁻², ζ and λ of the functions G⁴."""
_NOTHING: Final = "H"
"""What every atom is called where elements are not told apart."""


class _OfDscribe(Descriptor):
    """A descriptor that dscribe computes."""

    def check(self) -> None:
        """Import dscribe."""
        import_extra("dscribe.descriptors")


@final
@dataclass(frozen=True)
class ACSF(_OfDscribe):
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

    cutoff: float = 5.0
    shells: int = 6
    eta: float = 4.0

    def describe(self, crystals: Sequence[Crystal], elements: Sequence[int]) -> Rows:
        """Return the radial functions element by element, then the angular ones."""
        rows = [self.of_atoms(crystal, elements).mean(axis=0) for crystal in crystals]
        return np.stack(rows).astype(np.float32)

    def of_atoms(
        self, crystal: Crystal, elements: Sequence[int]
    ) -> Float[np.ndarray, "atoms features"]:
        """Return the functions of each atom, of ascending `elements`; `describe` takes the mean."""
        theirs = import_extra("dscribe.descriptors")
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
        atoms = to_ase(crystal)
        first = radial.create(atoms)
        atoms.set_chemical_symbols([_NOTHING] * len(atoms))
        # The first column is G¹ again, now of all elements together.
        return np.concatenate([first, angular.create(atoms)], axis=1)


CHANNELS: Final[tuple[str, ...]] = (
    "electronegativity",
    "covalent_radius",
    "valence_electrons",
    "mendeleev_number",
)
"""Properties that weight the density of the neighbours, beside a density of all alike."""


@final
@dataclass(frozen=True)
class SOAP(_OfDscribe):
    """Power spectra of the density of neighbours, the mean over the atoms.

    With a density for each element the length would grow with the square of their number, to 10⁵
    for the perovskites. Here the elements share a density (compression ``mu2`` of dscribe), once
    with all alike and once weighted with each of `CHANNELS`, in units of its mean over the elements
    of the set. The length is 5 n (n + 1)/2 (l + 1), whatever the elements.

    Args:
        cutoff: Radius of the neighbourhood, Å.
        radial: Number n of radial functions, Gaussian-type orbitals.
        angular: Largest degree l of the spherical harmonics.
        sigma: Width of the Gaussian on each neighbour, Å.

    Source: Bartók, Kondor, Csányi, Phys. Rev. B 87, 184115 (2013), doi 10.1103/PhysRevB.87.184115;
    compression: Darby, Kermode, Csányi, npj Comput. Mater. 8, 166 (2022),
    doi 10.1038/s41524-022-00847-y; dscribe: Himanen et al., Comput. Phys. Commun. 247, 106949
    (2020), doi 10.1016/j.cpc.2019.106949.
    """

    name: ClassVar[str] = "soap"

    cutoff: float = 5.0
    radial: int = 5
    angular: int = 3
    sigma: float = 0.5

    def describe(self, crystals: Sequence[Crystal], elements: Sequence[int]) -> Rows:
        """Return one block for each density."""
        return np.concatenate(
            [self._of(crystal, elements, "outer") for crystal in crystals]
        ).astype(np.float32)

    def of_atoms(
        self, crystal: Crystal, elements: Sequence[int]
    ) -> Float[np.ndarray, "atoms features"]:
        """Return power spectra of each atom, of ascending `elements`; `describe` takes the mean."""
        return self._of(crystal, elements, "off")

    def _of(self, crystal: Crystal, elements: Sequence[int], average: str) -> np.ndarray:
        theirs = import_extra("dscribe.descriptors")
        atoms, blocks = to_ase(crystal), []
        for weights in (np.ones(len(elements)), *(_weights(c, elements) for c in CHANNELS)):
            named = {SYMBOLS[z]: float(w) for z, w in zip(elements, weights, strict=True)}
            soap = theirs.SOAP(
                r_cut=self.cutoff,
                n_max=self.radial,
                l_max=self.angular,
                sigma=self.sigma,
                species=list(named),
                periodic=True,
                average=average,
                compression={"mode": "mu2", "species_weighting": named},
            )
            blocks.append(np.atleast_2d(soap.create(atoms)))
        return np.concatenate(blocks, axis=1)


def _weights(name: str, elements: Sequence[int]) -> np.ndarray:
    """Return a property in units of its mean; an element without a value gets the mean."""
    values = property_of(name)[list(elements)]
    known = ~np.isnan(values)
    if not known.any():
        return np.ones(len(elements))
    mean = float(values[known].mean())
    return np.where(known, values, mean) / mean
