"""Random crystals of a composition in random space groups, by PyXtal."""

import time
from functools import cache
from typing import Any, ClassVar, Final, final

import numpy as np
from jaxtyping import Int

from xtalgraph.baselines.structure_source import StructureSource
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.crystal import Crystal

_PRIMITIVE_CELLS: Final = {"P": 1, "A": 2, "B": 2, "C": 2, "I": 2, "R": 3, "F": 4}
"""Primitive cells in the conventional one, by the lattice's letter."""


@final
class RandomStructures(StructureSource):
    """Random space groups, Wyckoff positions, coordinates and cells, by PyXtal.

    A space group is drawn among those whose Wyckoff positions can hold the atoms; what PyXtal makes
    of it keeps covalent radii apart and has a volume that follows from them. Nothing is learned and
    nothing relaxed: it is where a search begins.

    Args:
        seconds: Time for the crystals of one composition; infinity for no limit.

    Raises:
        MissingExtraError: If PyXtal is not installed.

    Source: S. Fredericks et al., Comput. Phys. Commun. 261, 107810 (2021), doi
    10.1016/j.cpc.2020.107810.
    """

    name: ClassVar[str] = "random search"

    def __init__(self, seconds: float = np.inf) -> None:
        self.seconds = seconds
        self._make = import_extra("pyxtal").pyxtal

    def draw(
        self, numbers: Int[np.ndarray, " atoms"], count: int, generator: np.random.Generator
    ) -> list[Crystal]:
        """Draw until there are enough crystals or the time is over; the first is always drawn.

        Args:
            numbers: Atomic numbers of all atoms of the cell.
            count: How many at most.
            generator: Draws everything.
        """
        elements, counts = np.unique(numbers, return_counts=True)
        symbols = [SYMBOLS[z] for z in elements.tolist()]
        drawn: list[Crystal] = []
        began = time.monotonic()
        while len(drawn) < count and (not drawn or time.monotonic() - began < self.seconds):
            group = _group(int(generator.integers(1, 231)))
            cells = _PRIMITIVE_CELLS[group.symbol[0]]
            held = (cells * counts).tolist()
            if not group.check_compatible(held)[0]:
                continue
            made = self._make()
            made.from_random(3, group.number, symbols, held, random_state=generator)
            if not made.valid:
                continue
            structure = made.to_pymatgen()
            structure = structure.get_primitive_structure() if cells > 1 else structure
            if len(structure) == len(numbers):  # by chance it may have a smaller cell
                drawn.append(from_pymatgen(structure))
        return drawn


@cache
def _group(number: int) -> Any:
    return import_extra("pyxtal.symmetry").Group(number)
