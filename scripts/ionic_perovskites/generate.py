"""Draw the crystals of `ionic_perovskites`, which xtalgraph ships.

It is run once, by hand, when the rows are to change; then `VERSION` in `load.py` counts up, too:

    cd scripts && python -m ionic_perovskites.generate ../src/xtalgraph/data/ionic/crystals.parquet

It takes about 10 s on one core.
"""

import sys
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
from jaxtyping import Float
from tqdm import tqdm

from ionic_perovskites.compounds import Compound, all_compounds
from ionic_perovskites.ordering import (
    ANION_ORDERS,
    CATION_ORDERS,
    possible_orders,
    share_anions,
    share_cations,
)
from ionic_perovskites.perovskite import Perovskite
from ionic_perovskites.reference import VirtualCrystal
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.interaction import Pairs
from xtalgraph.data.ionic.rigid_ion import ion_of
from xtalgraph.data.leaks import DuplicateIndex

CRYSTALS_PER_COMPOUND: Final = 16
"""Crystals of the same composition that follow each other in the table."""

# The site that is shared in one compound after the other: of twenty, none in 10, A 4, B 3, X 3.
_TURNS: Final = tuple(turn for site in "ABXABXABXA" for turn in ("", site))
_SHAPES: Final = (  # small ones more often
    *((1, 1, 1),) * 2,
    *((2, 1, 1),) * 3,
    (3, 1, 1),
    *((2, 2, 1),) * 2,
    (3, 2, 1),
    (2, 2, 2),
)
_STRETCH: Final = (-0.05, 0.07)  # of the lattice constant
_STRAIN: Final = 0.015  # largest standard deviation of a component
_TILT: Final = 0.2  # rad
_RATTLE: Final = 0.12  # Å, largest standard deviation of a coordinate
_NEAREST: Final = 0.78  # of the sum of the radii, for unlike charges


def draw_ionic_perovskites(num: int = 2000, seed: int = 0, progress: bool = False) -> pd.DataFrame:
    """Draw perovskite crystals.

    The first rows of a longer table are those of a shorter one. Same seed, machine and build:
    the same bits. No two rows hold the same crystal: a copy, as `DuplicateIndex` finds it, is drawn
    anew.

    Args:
        num: Number of crystals.
        seed: Seed of the random numbers; not negative.
        progress: Whether to show a progress bar on standard error.

    Returns:
        One row for each crystal: ``id``; ``compound`` (rows with the same one have the same
        composition); ``order`` (how a shared site is ordered, empty where none is shared);
        ``virtual_energy`` (eV for 5 atoms, of the virtual crystal of the compound); ``numbers``,
        ``positions`` (Å) and ``cell`` (Å), each as one list.

    Raises:
        ConfigError: `num` or `seed` is out of range.
    """
    if num < 1:
        raise ConfigError(f"num must be at least 1, got {num}")
    if seed < 0:
        raise ConfigError(f"seed must be at least 0, got {seed}")
    shuffled = _shuffled_compounds(seed)
    rows: list[dict[str, Any]] = []
    drawn: dict[str, list[Crystal]] = {}
    with tqdm(total=num, desc="ionic_perovskites", disable=not progress) as bar:
        for index in range(-(-num // CRYSTALS_PER_COMPOUND)):
            turn, taken = index % len(_TURNS), index // len(_TURNS)
            mixed = _TURNS[turn]
            row = taken * _TURNS.count(mixed) + _TURNS[:turn].count(mixed)
            compound = shuffled[mixed][row % len(shuffled[mixed])]
            virtual = VirtualCrystal.of(compound)
            count = min(CRYSTALS_PER_COMPOUND, num - len(rows))
            earlier = drawn.setdefault(compound.name, [])
            for crystal, order in _draw_distinct(
                compound, virtual.lattice_constant, [seed, index], count, earlier
            ):
                earlier.append(crystal)
                name = f"ionic-{len(rows) + 1:05d}"
                rows.append(_row(name, crystal, compound, order, virtual))
                bar.update()
    return pd.DataFrame(rows)


def _shuffled_compounds(seed: int) -> dict[str, list[Compound]]:
    rng = np.random.default_rng(seed)
    return {
        mixed: [compounds[i] for i in rng.permutation(len(compounds))]
        for mixed, compounds in all_compounds().items()
    }


def _draw_distinct(
    compound: Compound,
    lattice_constant: float,
    seeds: list[int],
    count: int,
    earlier: Sequence[Crystal],
) -> list[tuple[Crystal, str]]:
    """Crystals of a compound and their orders. A copy of an earlier one is drawn anew.

    What replaces a copy has random numbers of its own, so that the others stay what they are.
    """
    rng, anew = np.random.default_rng(seeds), np.random.default_rng([*seeds, 1])
    crystals = [_draw(compound, lattice_constant, rng) for _ in range(count)]
    for index in range(count):
        while _repeats([*earlier, *(crystal for crystal, _ in crystals[: index + 1])]):
            crystals[index] = _draw(compound, lattice_constant, anew)
    return crystals


def _repeats(crystals: Sequence[Crystal]) -> bool:
    """Whether the last crystal is the same as one before it."""
    index, last = DuplicateIndex(crystals), len(crystals) - 1
    return any(index.same(earlier, last) for earlier in range(last))


def _draw(
    compound: Compound, lattice_constant: float, rng: np.random.Generator
) -> tuple[Crystal, str]:
    """One crystal of a compound, and the order of its shared site; drawn anew if ions collide."""
    while True:
        perovskite = _supercell(compound, rng)
        numbers, order = _occupy(perovskite, compound, rng)
        stretch = 1 + rng.uniform(*_STRETCH)
        strain = rng.normal(size=(3, 3)) * _amplitude(_STRAIN, rng)
        angles = rng.uniform(-1, 1, 3) * _amplitude(_TILT, rng)
        in_phase = rng.integers(0, 2, 3).astype(bool)
        rattle = rng.normal(size=(5 * perovskite.num_cells, 3)) * _amplitude(_RATTLE, rng)
        cell = lattice_constant * stretch * (np.eye(3) + (strain + strain.T) / 2)
        crystal = perovskite.crystal(numbers, cell, perovskite.tilts(angles, in_phase), rattle)
        if not _ions_collide(crystal):
            return crystal, order


def _amplitude(largest: float, rng: np.random.Generator) -> float:
    """Nothing for a quarter of the crystals, up to the largest for the others."""
    return float(largest * max(0.0, rng.uniform(-1 / 3, 1)))


def _supercell(compound: Compound, rng: np.random.Generator) -> Perovskite:
    shapes = [s for s in _SHAPES if compound.mixed not in ("A", "B") or np.prod(s) % 2 == 0]
    shape = rng.permutation(shapes[rng.integers(len(shapes))])
    return Perovskite((int(shape[0]), int(shape[1]), int(shape[2])))


def _occupy(
    perovskite: Perovskite, compound: Compound, rng: np.random.Generator
) -> tuple[tuple[np.ndarray, ...], str]:
    """Atomic numbers on the sites A, B, X, X, X, and the order of the shared site."""
    numbers: list[np.ndarray] = []
    order = ""
    for site, ions in enumerate(compound.sites):
        elements = [ATOMIC_NUMBERS[ion.symbol] for ion in ions]
        if len(elements) == 1:
            numbers += [np.full(perovskite.num_cells, elements[0])] * (3 if site == 2 else 1)
            continue
        pair = (elements[0], elements[1])
        orders = possible_orders(ANION_ORDERS if site == 2 else CATION_ORDERS, perovskite)
        order = orders[rng.integers(len(orders))]
        if site == 2:
            numbers += share_anions(perovskite, order, pair, rng)
        else:
            numbers.append(share_cations(perovskite, order, pair, rng))
    return tuple(numbers), order


def _ions_collide(crystal: Crystal) -> bool:
    """Whether unlike ions are nearer than 0.78 times the sum of their radii."""
    ions = [ion_of(z) for z in crystal.numbers.tolist()]
    charges = np.array([ion.charge for ion in ions])
    radii: Float[np.ndarray, " atoms"] = np.array([ion.radius for ion in ions])
    pairs = Pairs.within(crystal, 2 * float(radii.max()))
    unlike = charges[pairs.first] * charges[pairs.second] < 0
    contacts = radii[pairs.first] + radii[pairs.second]
    return bool((pairs.distances < _NEAREST * contacts)[unlike].any())


def _row(
    name: str, crystal: Crystal, compound: Compound, order: str, virtual: VirtualCrystal
) -> dict[str, Any]:
    return {
        "id": name,
        "compound": compound.name,
        "order": order,
        "virtual_energy": virtual.energy,
        "numbers": crystal.numbers.astype(np.uint8),
        "positions": crystal.positions.ravel(),
        "cell": crystal.cell.ravel(),
    }


if __name__ == "__main__":
    table = pyarrow.Table.from_pandas(draw_ionic_perovskites(progress=True), preserve_index=False)
    pyarrow.parquet.write_table(table, sys.argv[1], compression="zstd", use_dictionary=False)
