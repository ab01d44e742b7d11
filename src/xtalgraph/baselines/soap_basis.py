"""Power spectra of the density of neighbours, and functions of pairs, as a linear potential."""

from collections.abc import Sequence
from typing import Any, ClassVar, Final, final

import numpy as np
from ase import Atoms

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.nn.linear_potential.basis import Basis, Design
from xtalgraph.nn.linear_potential.pair_basis import PairBasis

_SIGMA: Final = 0.5
"""Width of the Gaussian on each neighbour, Å."""
_BEYOND: Final = 1.9
"""How far beyond the cutoff dscribe looks for neighbours at this width, Å."""


@final
class SoapBasis(Basis):
    """SOAP power spectra added up over the atoms of each element, beside the pairs of `PairBasis`.

    dscribe has analytical derivatives of clusters only. So the cell is put among all images of its
    atoms that a center sees, and derivatives by an image are those by its atom.

    Args:
        elements: Atomic numbers that may occur.
        cutoff: Radius of the neighbourhood, Å.
        radial: Number of radial functions.
        angular: Largest degree of the spherical harmonics.

    Source: Bartók, Kondor, Csányi, Phys. Rev. B 87, 184115 (2013), doi 10.1103/PhysRevB.87.184115.
    """

    name: ClassVar[str] = "linear SOAP"
    expensive: ClassVar[bool] = True

    def __init__(
        self, elements: Sequence[int], cutoff: float = 5.0, radial: int = 8, angular: int = 6
    ) -> None:
        self.pairs = PairBasis(elements)
        self.cutoff = cutoff
        self.elements = self.pairs.elements
        theirs = import_extra("dscribe.descriptors")
        self._soap: Any = theirs.SOAP(
            species=[SYMBOLS[z] for z in self.elements],
            r_cut=cutoff,
            n_max=radial,
            l_max=angular,
            sigma=_SIGMA,
            periodic=False,
        )

    @property
    def columns(self) -> int:
        """The number of coefficients."""
        return self.pairs.columns + self.spectrum * len(self.elements)

    @property
    def spectrum(self) -> int:
        """How many numbers the power spectrum of an atom has."""
        return int(self._soap.get_number_of_features())

    def design(self, crystal: Crystal) -> Design:
        """Return the functions of pairs, then the power spectra of the atoms of each element."""
        count, size = len(self.elements), len(crystal)
        atom, positions = self._cluster(crystal)
        known = np.isin(crystal.numbers, self.elements)
        inside = known[atom]
        atom, positions = atom[inside], positions[inside]
        cluster = Atoms(crystal.numbers[atom], positions)
        energy = np.zeros((count, self.spectrum))
        forces = np.zeros((size, 3, count, self.spectrum))
        stress = np.zeros((3, 3, count, self.spectrum))
        for center in range(int(known.sum())):  # one at a time: the derivatives are large
            slopes, values = self._soap.derivatives(
                cluster, centers=[center], method="analytical", attach=True
            )
            slope, of = slopes[0], int(np.searchsorted(self.elements, cluster.numbers[center]))
            energy[of] += values[0]
            np.subtract.at(forces[:, :, of], atom, slope)
            stress[:, :, of] += np.einsum("mak,mb->abk", slope, positions) / crystal.volume
        pairs = self.pairs.design(crystal)
        return Design(
            np.concatenate([pairs.energy, energy.reshape(-1)]),
            np.concatenate([pairs.forces, forces.reshape(size, 3, -1)], axis=2),
            np.concatenate([pairs.stress, stress.reshape(3, 3, -1)], axis=2),
        )

    def _cluster(self, crystal: Crystal) -> tuple[np.ndarray, np.ndarray]:
        """Return the atoms of the cell, then all images that they see: which, and where."""
        edges = neighbors_within(crystal, self.cutoff + _BEYOND)
        seen = np.unique(np.column_stack([edges.neighbor, edges.image]), axis=0)
        seen = seen[(seen[:, 1:] != 0).any(axis=1)]
        atom = np.concatenate([np.arange(len(crystal)), seen[:, 0]])
        image = np.concatenate([np.zeros((len(crystal), 3)), seen[:, 1:]])
        return atom, crystal.positions[atom] + image @ crystal.cell
