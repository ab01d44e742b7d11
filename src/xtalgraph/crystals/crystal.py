"""The crystal as a value: cell, positions, atomic numbers, periodicity."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER, SYMBOLS
from xtalgraph.conventions.errors import DisorderError
from xtalgraph.crystals.formulas import formula_of, formula_of_amounts
from xtalgraph.crystals.occupancies import VACANCY, Occupancies, mixture_text, occupancies_of

_LAYOUT: Final[tuple[tuple[str, type, tuple[int, ...]], ...]] = (
    ("cell", np.float64, (3, 3)),
    ("positions", np.float64, (-1, 3)),
    ("numbers", np.int64, (-1,)),
    ("pbc", np.bool_, (3,)),
)


@dataclass(frozen=True, eq=False)
class Crystal:
    """One crystal, slab, wire or molecule. The arrays are read-only copies of what was given.

    Args:
        cell: Lattice vectors as rows, in Å. Need not be right-handed.
        positions: Cartesian coordinates in Å; atoms may lie outside the cell.
        numbers: Atomic numbers.
        pbc: Which of the three lattice directions repeat.
        occupancies: Of the sites that hold several species or are empty in part; None where every
            site holds one atom. Such a crystal has no `numbers`, whose use is a `DisorderError`, so
            that nothing passes over the mixture: see `site_numbers` and `amounts`.
        charges: Of the atoms, e, where they are given, as for a potential of point charges.
    """

    cell: Float[np.ndarray, "3 3"]
    """Lattice vectors as rows, Å."""
    positions: Float[np.ndarray, "atoms 3"]
    """Cartesian coordinates, Å."""
    numbers: Int[np.ndarray, " atoms"]
    """Atomic numbers; a crystal with disordered sites has none."""
    pbc: Bool[np.ndarray, "3"]
    """Which lattice directions repeat."""
    occupancies: Occupancies | None = None
    """Of the disordered sites; None where every site holds one atom."""
    charges: Float[np.ndarray, " atoms"] | None = None
    """Of the atoms, e; None where none are given."""

    def __post_init__(self) -> None:
        for name, dtype, shape in _LAYOUT:
            array: np.ndarray = np.array(getattr(self, name), dtype=dtype).reshape(shape)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.charges is not None:
            charges = np.array(self.charges, dtype=np.float64).reshape(len(self.positions))
            charges.setflags(write=False)
            object.__setattr__(self, "charges", charges)
        if self.occupancies is not None:
            numbers = self.numbers.copy()
            numbers[self.occupancies.sites] = VACANCY
            numbers.setflags(write=False)
            object.__setattr__(self, "_elements", numbers)
            object.__delattr__(self, "numbers")

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NoReturn:
            """Say why a crystal with disordered sites has no atomic numbers."""
            if name == "numbers":
                raise DisorderError(self.disorder_text())
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __len__(self) -> int:
        return len(self.positions)

    def __repr__(self) -> str:
        pbc = "".join("FT"[int(p)] for p in self.pbc)
        what = "atoms" if self.occupancies is None else "sites"
        return f"Crystal({self.formula}, {len(self)} {what}, pbc={pbc})"

    @property
    def site_numbers(self) -> Int[np.ndarray, " atoms"]:
        """Atomic number of each site, 0 for one that is disordered."""
        if self.occupancies is None:
            return self.numbers
        return self.__dict__["_elements"]

    @cached_property
    def amounts(self) -> Float[np.ndarray, "119"]:
        """How many atoms of each element the cell holds, by atomic number; fractions with them."""
        counts = np.bincount(self.site_numbers, minlength=MAX_ATOMIC_NUMBER + 1).astype(float)
        counts[VACANCY] = 0.0
        if self.occupancies is not None:
            np.add.at(counts, self.occupancies.species, self.occupancies.share)
            counts[VACANCY] = 0.0
        counts.setflags(write=False)
        return counts

    @property
    def num_atoms(self) -> int | float:
        """Atoms in the cell: a whole number, but where sites are empty in part."""
        if self.occupancies is None or VACANCY not in self.occupancies.species:
            return len(self)
        return round(float(self.amounts.sum()), 9)

    @property
    def elements(self) -> list[int]:
        """Atomic numbers of the elements that it holds, each once, in rising order."""
        return np.flatnonzero(self.amounts).tolist()

    @cached_property
    def site_kinds(self) -> Int[np.ndarray, " atoms"]:
        """What each site holds, as a number: of its element, or above 118 of its mixture.

        Sites of the same mixture have the same number; another crystal may number them otherwise.
        """
        kinds = self.site_numbers.copy()
        if self.occupancies is not None:
            known: dict[Any, int] = {}
            for site, mixture in self.occupancies.kinds().items():
                kinds[site] = known.setdefault(mixture, MAX_ATOMIC_NUMBER + 1 + len(known))
        kinds.setflags(write=False)
        return kinds

    @cached_property
    def site_labels(self) -> list[str]:
        """What each site holds in symbols: ``Cl``, ``K0.5Na0.5``."""
        labels = [SYMBOLS[z] for z in self.site_numbers.tolist()]
        if self.occupancies is not None:
            for site in self.occupancies.sites.tolist():
                labels[site] = formula_of_amounts(self.occupancies.on_site(site))
        return labels

    @cached_property
    def main_numbers(self) -> Int[np.ndarray, " atoms"]:
        """Atomic number of each site, of a disordered one that of its most frequent element.

        It is for pictures; of elements that are equally frequent the lightest is taken.
        """
        numbers = self.site_numbers.copy()
        if self.occupancies is not None:
            for site in self.occupancies.sites.tolist():
                held = self.occupancies.on_site(site)
                numbers[site] = max(held, key=lambda z: held[z])
        numbers.setflags(write=False)
        return numbers

    def disorder_text(self) -> str:
        """Say which sites are disordered and what can be done; empty if none is."""
        if self.occupancies is None:
            return ""
        sites = self.occupancies.sites.tolist()
        named = [f"site {i} holds {mixture_text(self.occupancies.on_site(i))}" for i in sites[:3]]
        more = f", and {len(sites) - 3} more sites" if len(sites) > 3 else ""
        return f"partial occupancy: {', '.join(named)}{more}"

    def moved(
        self, cell: Float[np.ndarray, "3 3"], positions: Float[np.ndarray, "atoms 3"]
    ) -> "Crystal":
        """Return the same sites elsewhere.

        Args:
            cell: Lattice vectors as rows, Å.
            positions: Cartesian coordinates of the sites in their order, Å.
        """
        return Crystal(cell, positions, self.site_numbers, self.pbc, self.occupancies, self.charges)

    def take(
        self,
        order: Int[np.ndarray, " sites"],
        positions: Float[np.ndarray, "sites 3"],
        cell: Float[np.ndarray, "3 3"] | None = None,
    ) -> "Crystal":
        """Return a crystal whose site i holds what site order[i] holds.

        Args:
            order: Numbers of sites; one may be there several times, or not at all.
            positions: Cartesian coordinates of the new sites, Å.
            cell: Lattice vectors as rows, Å; None keeps them.
        """
        held = None if self.occupancies is None else self.occupancies.take(order)
        numbers = self.site_numbers[order]
        if held is not None and len(held.sites) == 0:
            held = None
        charges = None if self.charges is None else self.charges[order]
        cell = self.cell if cell is None else cell
        return Crystal(cell, positions, numbers, self.pbc, held, charges)

    @cached_property
    def formula(self) -> str:
        """Formula of the cell, not reduced, as chemists order it: ``Na4Cl4``, ``K0.5Na0.5Cl``."""
        if self.occupancies is None:
            return formula_of(self.numbers.tolist())
        return formula_of_amounts({z: float(self.amounts[z]) for z in self.elements})

    @cached_property
    def fractional(self) -> Float[np.ndarray, "atoms 3"]:
        """Coordinates in units of the lattice vectors."""
        return np.linalg.solve(self.cell.T, self.positions.T).T

    @property
    def volume(self) -> float:
        """Volume of the cell in Å³, positive for either handedness."""
        return float(abs(np.linalg.det(self.cell)))

    def to_bytes(self) -> bytes:
        """Return number of atoms, cell, positions, atomic numbers and periodicity, little-endian.

        The occupancies and the charges follow, where there are any. Two crystals have the same
        bytes if and only if they are the same to the bit.
        """
        arrays = (
            np.array([len(self)], dtype="<i8"),
            self.cell.astype("<f8"),
            self.positions.astype("<f8"),
            self.site_numbers.astype("<i8"),
            self.pbc,
        )
        held = b"" if self.occupancies is None else self.occupancies.to_bytes()
        charges = b"" if self.charges is None else b"charges" + self.charges.astype("<f8").tobytes()
        return b"".join(array.tobytes() for array in arrays) + held + charges

    @classmethod
    def from_fractional(
        cls,
        cell: Float[np.ndarray, "3 3"],
        fractional: Float[np.ndarray, "atoms 3"],
        numbers: Int[np.ndarray, " atoms"],
        pbc: Sequence[bool] | Bool[np.ndarray, "3"] = (True, True, True),
    ) -> "Crystal":
        """Build a crystal from coordinates in units of the lattice vectors."""
        cell = np.asarray(cell, dtype=float)
        positions = np.asarray(fractional, dtype=float).reshape(-1, 3) @ cell
        return cls(cell, positions, np.asarray(numbers), np.asarray(pbc))

    @classmethod
    def from_sites(
        cls,
        cell: Float[np.ndarray, "3 3"],
        positions: Float[np.ndarray, "atoms 3"],
        sites: Sequence[Mapping[int, float]],
        pbc: Sequence[bool] | Bool[np.ndarray, "3"] = (True, True, True),
    ) -> "Crystal":
        """Build a crystal from what each site holds, see `occupancies_of`.

        Args:
            cell: Lattice vectors as rows, Å.
            positions: Cartesian coordinates, Å.
            sites: For each site the occupancy of each atomic number.
            pbc: Which of the three lattice directions repeat.

        Raises:
            InputError: If a site is empty, or its occupancies add up to more than 1.

        >>> sites = [{11: 0.5, 19: 0.5}, {17: 1.0}]
        >>> half = np.array([[0.0, 0, 0], [2.98, 2.98, 2.98]])
        >>> Crystal.from_sites(2.98 * (1 - np.eye(3)), half, sites)
        Crystal(K0.5Na0.5Cl, 2 sites, pbc=TTT)
        """
        numbers, held = occupancies_of(sites)
        return cls(np.asarray(cell), np.asarray(positions), numbers, np.asarray(pbc), held)
