"""Short-range repulsion between ions: Born and Mayer's exponential."""

from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.interaction import Interaction
from xtalgraph.data.ionic.pairs import Pairs

CUTOFF: Final = 8.0
"""Beyond this distance in Å there is no repulsion."""
_SWITCH: Final = 6.5  # Å; from here to the cutoff the repulsion is brought to zero


def born_mayer(
    crystal: Crystal,
    prefactors: Float[np.ndarray, "atoms atoms"],
    radii: Float[np.ndarray, " atoms"],
    hardness: float,
) -> Interaction:
    """Energy, forces and stress of the exponential repulsion of every pair of ions.

    A pair at distance r has the energy A_ij exp((R_i + R_j - r)/ρ) f(r). The factor f is 1 up
    to 6.5 Å and falls to 0 at 8 Å as 1 - 10x³ + 15x⁴ - 6x⁵, with two continuous derivatives; at
    6.5 Å the repulsion of the largest ions is below 0.4 meV for each pair.

    Args:
        crystal: The crystal.
        prefactors: A_ij in eV, symmetric.
        radii: R_i in Å.
        hardness: ρ in Å.

    Returns:
        The total of the cell.

    Source:
        M. Born and J. E. Mayer, Z. Phys. 75, 1 (1932), doi 10.1007/BF01340511.
    """
    pairs = Pairs.within(crystal, CUTOFF)
    r = pairs.distances
    contact = radii[pairs.first] + radii[pairs.second]
    repulsion = prefactors[pairs.first, pairs.second] * np.exp((contact - r) / hardness)
    x = np.clip((r - _SWITCH) / (CUTOFF - _SWITCH), 0.0, 1.0)
    switch = 1 - x**3 * (10 - 15 * x + 6 * x**2)
    switch_slope = -30 * (x * (1 - x)) ** 2 / (CUTOFF - _SWITCH)
    slopes = repulsion * (switch_slope - switch / hardness)
    return pairs.interaction(repulsion * switch, slopes, len(crystal), crystal.volume)
