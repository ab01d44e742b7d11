"""The most probable ordering of a disordered crystal, through pymatgen."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Int

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.formulas import formula_of
from xtalgraph.crystals.occupancies import VACANCY
from xtalgraph.crystals.transforms import supercell

MOST_CELLS: Final = 20
"""The largest supercell that is tried, in cells of the file."""
MOST_SITES: Final = 200
"""The largest supercell that is tried, in sites."""
_CLOSE: Final = 2e-3
"""How far the share of a species in the ordering may be from its occupancy."""
_EVERY_SHAPE: Final = 4
"""Up to so many cells every shape of the supercell is tried, beyond it multiples of the edges."""
_SAME: Final = 1e-6
"""eV for each site; orderings that differ by less are equally probable, and the first is taken."""


def most_probable_ordering(crystal: Crystal) -> Crystal:
    """Return the most probable ordering in the smallest supercell that has the composition.

    It is the ordering with the lowest electrostatic energy of ions, where whole oxidation states
    are found that make the crystal neutral and that tell the species of a site apart. Elsewhere
    it is the most even one: the lowest energy of charges that are the same for one species of a
    site, and add up to zero over the site, so that like species repel. Ties go to the first that
    is found, so the same crystal gives the same ordering.

    Args:
        crystal: With disordered sites, repeating in all three directions.

    Returns:
        A crystal with one atom on each site. Its cell is up to `MOST_CELLS` times larger.

    Raises:
        InputError: If a direction does not repeat, or no supercell within the bounds has the
            composition.

    Source: pymatgen's ``OrderDisorderedStructureTransformation``; S. P. Ong et al., Comput. Mater.
    Sci. 68, 314 (2013), doi 10.1016/j.commatsci.2012.10.028.
    """
    from pymatgen.transformations.standard_transformations import (
        OrderDisorderedStructureTransformation as Ordering,
    )

    if not crystal.pbc.all():
        raise InputError(
            "a disordered crystal is ordered where it repeats in all three directions, this one "
            f"has pbc {crystal.pbc.tolist()}: choose an ordering first"
        )
    kinds = Counter(crystal.site_kinds.tolist())
    mixtures = {
        kind: _shares(crystal, int(np.flatnonzero(crystal.site_kinds == kind)[0])) for kind in kinds
    }
    cells = _smallest_supercell(crystal, kinds, mixtures)
    counts = {
        kind: {z: round(share * number * cells) for z, share in mixtures[kind].items()}
        for kind, number in kinds.items()
    }
    charges, method = _charges(counts, mixtures)
    order = Ordering(algo=Ordering.ALGO_FAST)
    scored: list[tuple[float, Any]] = []
    for shape in _shapes(cells):
        large = supercell(crystal, shape)
        structure = _decorated(large, crystal, mixtures, charges)
        (best,) = order.apply_transformation(structure, return_ranked_list=1)
        scored.append((best["energy"], best["structure"]))
    lowest = min(energy for energy, _ in scored)
    slack = _SAME * cells * len(crystal)
    chosen = next(structure for energy, structure in scored if energy <= lowest + slack)
    ordered = from_pymatgen(chosen.remove_oxidation_states())
    log.info(
        "%s is ordered to %s, the ordering with %s among those of %d of its cells",
        crystal.formula,
        formula_of(ordered.numbers.tolist()),
        method,
        cells,
    )
    return ordered


def _shares(crystal: Crystal, site: int) -> dict[int, float]:
    """Return what a site holds, vacancies left out."""
    number = int(crystal.site_numbers[site])
    if crystal.occupancies is None or number != VACANCY:
        return {number: 1.0}
    return crystal.occupancies.on_site(site)


def _smallest_supercell(
    crystal: Crystal, kinds: Mapping[int, int], mixtures: Mapping[int, Mapping[int, float]]
) -> int:
    """Return how many cells there must be for each species of each mixture to be whole atoms."""
    most = min(MOST_CELLS, MOST_SITES // len(crystal))
    for cells in range(1, most + 1):
        amounts = [
            (kinds[kind] * cells, share)
            for kind, mixture in mixtures.items()
            for share in mixture.values()
        ]
        if all(
            round(sites * share) >= 1 and abs(round(sites * share) / sites - share) <= _CLOSE
            for sites, share in amounts
        ):
            return cells
    raise InputError(
        f"{crystal.formula} has no ordering in up to {most} of its cells ({MOST_SITES} sites and "
        f"{MOST_CELLS} cells at most): its occupancies are not whole atoms there. Choose an "
        "ordering yourself, or take --disorder mix"
    )


def _charges(
    counts: Mapping[int, Mapping[int, int]], mixtures: Mapping[int, Mapping[int, float]]
) -> tuple[dict[tuple[int, int], float], str]:
    """Return the charge of each species on each kind of site, and what they are."""
    from pymatgen.core import Composition

    total: Counter[int] = Counter()
    for held in counts.values():
        total.update(held)
    composition = Composition({SYMBOLS[z]: count for z, count in total.items()})
    reduced = composition.reduced_composition
    guesses = reduced.oxi_state_guesses(max_sites=-1) if reduced.num_atoms <= MOST_SITES else ()
    if guesses:
        states = guesses[0]
        told = any(
            len({states[SYMBOLS[z]] for z in mixture}) > 1 or sum(mixture.values()) < 1 - _CLOSE
            for mixture in mixtures.values()
        )
        if told:
            ions = {
                (kind, z): float(states[SYMBOLS[z]])
                for kind, mixture in mixtures.items()
                for z in mixture
            }
            return ions, "the lowest electrostatic energy of ions"
    return {
        (kind, z): charge
        for kind, mixture in mixtures.items()
        for z, charge in _repelling(mixture).items()
    }, "the most even distribution"


def _repelling(mixture: Mapping[int, float]) -> dict[int, float]:
    """Return charges of the species of a site that differ; their mean is 0 if none is missing."""
    charges = {z: float(rank) for rank, z in enumerate(mixture, start=1)}
    if sum(mixture.values()) < 1 - _CLOSE:
        return charges  # a vacancy has the charge 0
    mean = sum(charges[z] * share for z, share in mixture.items())
    return {z: round(charge - mean, 6) for z, charge in charges.items()}


def _decorated(
    large: Crystal,
    crystal: Crystal,
    mixtures: Mapping[int, Mapping[int, float]],
    charges: Mapping[tuple[int, int], float],
) -> Any:
    """Return a supercell as a pymatgen structure whose species have charges."""
    from pymatgen.core import Lattice, Species, Structure

    images = len(large) // len(crystal)
    kinds = np.tile(crystal.site_kinds, images).tolist()
    held = [
        {Species(SYMBOLS[z], charges[kind, z]): share for z, share in mixtures[kind].items()}
        for kind in kinds
    ]
    return Structure(Lattice(large.cell), held, large.positions, coords_are_cartesian=True)


def _shapes(cells: int) -> Iterator[Int[np.ndarray, "3 3"]]:
    """Yield the integer matrices of the supercells of a size, each lattice once, compact first."""
    shapes = []
    for a in (n for n in range(1, cells + 1) if cells % n == 0):
        for b in (n for n in range(1, cells // a + 1) if (cells // a) % n == 0):
            c = cells // a // b
            skew = cells <= _EVERY_SHAPE
            for i in range(b if skew else 1):
                for j, k in np.ndindex(*((c, c) if skew else (1, 1))):
                    shapes.append(np.array([[a, i, j], [0, b, k], [0, 0, c]]))
    return iter(sorted(shapes, key=lambda shape: (int(shape.max()), shape.tolist()[::-1])))
