"""Bonds as a chemist would draw them, found by pymatgen."""

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.ranges import Cutoff, Fraction, check_ranges
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import Edges
from xtalgraph.graphs.strategy import Strategy


@dataclass(frozen=True)
class Bonded(Strategy):
    """Bonded neighbours by pymatgen's CrystalNN, or those that share a Voronoi face.

    Both divide space among the atoms. CrystalNN then weighs solid angles, distances and
    electronegativities and takes the likeliest coordination; ``voronoi`` keeps every face that
    is seen under at least ``smallest_face`` of the solid angle of the largest. A bond seen from
    one end counts from both, so every edge has its reverse.

    The result is as independent of the cell and of the order of atoms as the library makes it,
    which is not proved here: in symmetric crystals faces of no area come and go by rounding,
    and weights that are equal may fall to either side of a threshold. A crystal has no oxidation
    states, so CrystalNN works with atomic radii.

    Args:
        method: ``crystalnn`` or ``voronoi``.
        cutoff: Longest bond that is allowed, Å; a longer one is an error.
        smallest_face: For ``voronoi``: smallest solid angle, as a part of the largest.

    Source: Pan et al., Inorg. Chem. 60, 1590 (2021), for CrystalNN and its comparison.
    """

    method: Literal["crystalnn", "voronoi"] = "crystalnn"
    cutoff: Cutoff = 8.0
    smallest_face: Fraction = 0.01

    name: ClassVar[str] = "bonded"
    continuous: ClassVar[bool] = False
    positional: ClassVar[tuple[str, ...]] = ("method", "cutoff", "smallest_face")

    def __post_init__(self) -> None:
        check_ranges(self, "graph")

    @property
    def rule(self) -> str:
        """Which neighbours are kept, in words."""
        method = "CrystalNN" if self.method == "crystalnn" else "faces of Voronoi cells"
        return f"bonds by {method}, none beyond {self.cutoff:g} Å"

    def edges(self, crystal: Crystal) -> Edges:
        """Find the bonds of a crystal that repeats in all three directions.

        Args:
            crystal: With pbc in all directions; the library's Voronoi cells need it.

        Returns:
            The bonds, each from both ends.

        Raises:
            GraphError: If a direction does not repeat, a bond is longer than the cutoff, or the
                library finds no Voronoi cell.
        """
        if not crystal.pbc.all():
            raise GraphError(
                f"bonds by Voronoi cells need pbc in all directions, got {crystal.pbc.tolist()}; "
                "use radius, knn or hybrid"
            )
        pairs = self._pairs(crystal)
        rows = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 5)
        center, neighbor, image = rows[:, 0], rows[:, 1], rows[:, 2:]
        vector = crystal.positions[neighbor] + image @ crystal.cell - crystal.positions[center]
        distance = np.linalg.norm(vector, axis=1)
        if len(distance) and distance.max() > self.cutoff:
            raise GraphError(
                f"a bond of {crystal.formula} is {distance.max():.3f} Å long, and cutoff is "
                f"{self.cutoff:g} Å; raise cutoff, or use knn or hybrid"
            )
        return Edges(center, neighbor, image.astype(np.int32), distance)

    def _pairs(self, crystal: Crystal) -> set[tuple[int, ...]]:
        from pymatgen.core.local_env import CrystalNN, VoronoiNN

        finder: Any = (
            CrystalNN() if self.method == "crystalnn" else VoronoiNN(tol=self.smallest_face)
        )
        structure = to_pymatgen(crystal)
        pairs: set[tuple[int, ...]] = set()
        with warnings.catch_warnings():
            # A crystal has no oxidation states, and noble gases no electronegativity: both known.
            warnings.filterwarnings("ignore", message="CrystalNN: cannot locate")
            warnings.filterwarnings("ignore", message="No oxidation states")
            warnings.filterwarnings("ignore", message="No Pauling electronegativity")
            for i in range(len(crystal)):
                # Site by site: VoronoiNN.get_all_nn_info wraps atoms into the cell, loses those on
                # or outside its wall, and then fails or gives faces that are not there.
                for neighbor in self._neighbors(finder, structure, i, crystal.formula):
                    j = int(neighbor["site_index"])
                    step = neighbor["site"].frac_coords - structure[j].frac_coords
                    image = np.round(step).astype(np.int64)
                    pairs.add((i, j, *image.tolist()))
                    pairs.add((j, i, *(-image).tolist()))
        return pairs

    def _neighbors(self, finder: Any, structure: Any, atom: int, formula: str) -> Any:
        try:
            return finder.get_nn_info(structure, atom)
        except (RuntimeError, ValueError) as error:
            raise GraphError(
                f"pymatgen's {self.method} finds no bonds of atom {atom} in {formula}: {error}; "
                "use knn or hybrid"
            ) from error
