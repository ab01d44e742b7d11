"""Single atoms far from their images, whose energies are those of the elements."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within

FAR: Final = 5.0
"""An atom without a neighbour within so many Å, or within a longer cutoff, is isolated."""


def isolated_atoms(
    crystals: Sequence[Crystal], energies: Float[np.ndarray, " crystals"], cutoff: float = FAR
) -> dict[int, float]:
    """Return the energy of the isolated atom of each element that has one.

    Of several the lowest is taken: the others are excited.

    Args:
        crystals: Any.
        energies: Of each, eV; NaN where it is not known.
        cutoff: Up to which a neighbour is looked for, Å; at least `FAR`.

    Returns:
        eV, by atomic number.
    """
    lowest: dict[int, float] = {}
    for crystal, energy in zip(crystals, energies.tolist(), strict=True):
        if len(crystal) > 1 or crystal.occupancies is not None or not np.isfinite(energy):
            continue
        if not len(neighbors_within(crystal, max(cutoff, FAR))):
            number = int(crystal.numbers[0])
            lowest[number] = min(energy, lowest.get(number, energy))
    return lowest
