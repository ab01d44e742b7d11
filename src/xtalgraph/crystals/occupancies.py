"""Which sites of a crystal hold several species, or are empty in part, and how much of each."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError

VACANCY: Final = 0
"""The species of what is missing, where an atomic number stands for an element."""
ROUNDING: Final = 2e-3
"""How far the occupancies of a site of several species may be from 1 and still be a full site: a
third in three digits is 0.333."""
FULL: Final = 1e-8
"""How far the occupancy of a site of one element may be from 1 and still be an ordered site."""
_GRID: Final = 1e-6
"""Occupancies that differ by less are the same."""


@dataclass(frozen=True, eq=False)
class Occupancies:
    """The disordered sites of a crystal: a row for each species on each of them.

    The shares of a site add up to 1; what is missing is the species `VACANCY`. Rows are sorted by
    site and species, so that the order in which species were given decides nothing.

    Args:
        site: Number of the site, from 0.
        species: Atomic number; 0 is a vacancy.
        share: Occupancy, larger than 0.
    """

    site: Int[np.ndarray, " shares"]
    """Number of the site, from 0."""
    species: Int[np.ndarray, " shares"]
    """Atomic number; 0 is a vacancy."""
    share: Float[np.ndarray, " shares"]
    """Occupancy, larger than 0."""

    def __post_init__(self) -> None:
        order = np.lexsort((self.species, self.site))
        for name, dtype in (("site", np.int64), ("species", np.int64), ("share", np.float64)):
            array: np.ndarray = np.asarray(getattr(self, name), dtype=dtype)[order]
            array.setflags(write=False)
            object.__setattr__(self, name, array)

    @cached_property
    def sites(self) -> Int[np.ndarray, " disordered"]:
        """Numbers of the disordered sites, in rising order."""
        return np.unique(self.site)

    def on_site(self, site: int) -> dict[int, float]:
        """Return the occupancy of each element on a site, without vacancies."""
        rows = np.flatnonzero((self.site == site) & (self.species != VACANCY))
        return dict(zip(self.species[rows].tolist(), self.share[rows].tolist(), strict=True))

    def kinds(self) -> dict[int, tuple[tuple[int, int], ...]]:
        """Return for each disordered site what sites of the same mixture share, by its number."""
        grid = np.rint(self.share / _GRID).astype(np.int64).tolist()
        pairs: dict[int, list[tuple[int, int]]] = {}
        for site, species, share in zip(
            self.site.tolist(), self.species.tolist(), grid, strict=True
        ):
            pairs.setdefault(site, []).append((species, share))
        return {site: tuple(mixture) for site, mixture in pairs.items()}

    def colours(self) -> dict[int, int]:
        """Return a number for the mixture on each disordered site, the same in any crystal."""
        return {
            site: int.from_bytes(hashlib.blake2b(repr(mixture).encode(), digest_size=7).digest())
            for site, mixture in self.kinds().items()
        }

    def same_as(self, other: "Occupancies") -> bool:
        """Whether the same sites hold the same mixtures."""
        return self.kinds() == other.kinds()

    def take(self, order: Int[np.ndarray, " sites"]) -> "Occupancies":
        """Return the occupancies of sites in another order: new site i is old site order[i]."""
        start = np.searchsorted(self.site, order, side="left")
        count = np.searchsorted(self.site, order, side="right") - start
        rows = np.repeat(start - (np.cumsum(count) - count), count) + np.arange(count.sum())
        return Occupancies(
            np.repeat(np.arange(len(order)), count), self.species[rows], self.share[rows]
        )

    def to_bytes(self) -> bytes:
        """Return everything, little-endian."""
        return b"".join(
            array.tobytes()
            for array in (
                np.array([len(self.site)], dtype="<i8"),
                self.site.astype("<i8"),
                self.species.astype("<i8"),
                self.share.astype("<f8"),
            )
        )


def occupancies_of(
    sites: Sequence[Mapping[int, float]],
) -> tuple[Int[np.ndarray, " sites"], Occupancies | None]:
    """Return the element of each site, and the occupancies of those that are disordered.

    A site of one element and occupancy 1 is ordered. Occupancies of several species that add up to
    1 within `ROUNDING` are scaled to 1; what is missing beyond that is a vacancy.

    Args:
        sites: For each site the occupancy of each atomic number.

    Returns:
        Atomic numbers, 0 for a disordered site; and the occupancies, None where no site is.

    Raises:
        InputError: If an occupancy is not a number from 0 to 1, or a site is empty, or the
            occupancies of a site add up to more than 1.
    """
    numbers = np.zeros(len(sites), dtype=np.int64)
    rows: list[tuple[int, int, float]] = []
    for index, given in enumerate(sites):
        held = _scaled(index, given)
        if len(held) == 1:  # with a vacancy it would be two
            (numbers[index],) = held
        else:
            rows += [(index, species, share) for species, share in held.items()]
    if not rows:
        return numbers, None
    site, species, share = zip(*rows, strict=True)
    return numbers, Occupancies(np.array(site), np.array(species), np.array(share))


def _scaled(index: int, given: Mapping[int, float]) -> dict[int, float]:
    """Return the shares of a site, which add up to 1, vacancies among them."""
    wrong = [share for share in given.values() if not 0 <= share <= 1 + ROUNDING]
    if wrong:
        raise InputError(
            f"site {index} holds {mixture_text(given)}: an occupancy is a number from 0 to 1"
        )
    held = {int(z): float(share) for z, share in given.items() if share > FULL and z != VACANCY}
    total = sum(held.values())
    if not held:
        raise InputError(f"site {index} is empty: all of its occupancies are 0")
    if total > 1 + ROUNDING:
        raise InputError(
            f"the occupancies of site {index} add up to {total:g}, which is more than 1: "
            f"{mixture_text(given)}; correct them"
        )
    if abs(total - 1) <= (ROUNDING if len(held) > 1 or total > 1 else FULL):
        return {species: share / total for species, share in held.items()}
    return {**held, VACANCY: 1 - total}


def mixture_text(shares: Mapping[int, float]) -> str:
    """Return what a site holds in words, ``Na0.5 K0.5``, without vacancies."""
    return " ".join(f"{SYMBOLS[z]}{share:g}" for z, share in shares.items() if z != VACANCY)
