"""Smooth overlap of atomic positions, averaged over the atoms of a crystal."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np

from xtalgraph.baselines.descriptor import Descriptor, Rows
from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal

CHANNELS: Final[tuple[str, ...]] = (
    "electronegativity",
    "covalent_radius",
    "valence_electrons",
    "mendeleev_number",
)
"""Properties that weight the density of the neighbours, beside a density of all alike."""


@final
@dataclass(frozen=True)
class SOAP(Descriptor):
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
    description: ClassVar[str] = (
        "SOAP power spectra (dscribe) with the elements compressed to five densities, averaged "
        "over the atoms"
    )
    extra: ClassVar[str | None] = "descriptors"

    cutoff: float = 5.0
    radial: int = 5
    angular: int = 3
    sigma: float = 0.5

    def check(self) -> None:
        """Import dscribe."""
        import_extra("dscribe.descriptors", "descriptors")

    def describe(self, crystals: Sequence[Crystal], elements: Sequence[int]) -> Rows:
        """Return one block for each density."""
        theirs = import_extra("dscribe.descriptors", "descriptors")
        atoms = [to_ase(crystal) for crystal in crystals]
        blocks = []
        for weights in (np.ones(len(elements)), *(_weights(c, elements) for c in CHANNELS)):
            named = {SYMBOLS[z]: float(w) for z, w in zip(elements, weights, strict=True)}
            soap = theirs.SOAP(
                r_cut=self.cutoff,
                n_max=self.radial,
                l_max=self.angular,
                sigma=self.sigma,
                species=list(named),
                periodic=True,
                average="outer",
                compression={"mode": "mu2", "species_weighting": named},
            )
            blocks.append(np.stack([np.ravel(soap.create(structure)) for structure in atoms]))
        return np.concatenate(blocks, axis=1).astype(np.float32)


def _weights(name: str, elements: Sequence[int]) -> np.ndarray:
    """Return a property in units of its mean; an element without a value gets the mean."""
    values = property_of(name)[list(elements)]
    known = ~np.isnan(values)
    if not known.any():
        return np.ones(len(elements))
    mean = float(values[known].mean())
    return np.where(known, values, mean) / mean
