"""Colour and size of each element in a picture.

Colours: Jmol's table (https://jmol.sourceforge.net/jscolors), which extends the CPK colours of
Corey, Pauling and Koltun. Radii: covalent, B. Cordero et al., Dalton Trans. 2008, 2832,
doi 10.1039/b801115j. Both as ASE publishes them.
"""

from functools import cache

import numpy as np
from ase.data import covalent_radii
from ase.data.colors import jmol_colors
from jaxtyping import Float
from matplotlib.colors import to_hex, to_rgb


@cache
def element_color(number: int) -> str:
    """The colour of an element as ``#rrggbb``.

    Args:
        number: Atomic number; beyond meitnerium, the colour of meitnerium.

    Returns:
        The colour.
    """
    return str(to_hex(jmol_colors[min(number, len(jmol_colors) - 1)]))


@cache
def covalent_radius(number: int) -> float:
    """The covalent radius of an element in Å; ASE's 2.0 Å where none is published, beyond curium.

    Args:
        number: Atomic number.

    Returns:
        Å.
    """
    return float(covalent_radii[number])


def mixed(
    color: Float[np.ndarray, "*any 3"], other: str, share: float
) -> Float[np.ndarray, "*any 3"]:
    """A colour, or several, with a share of another one in it.

    Args:
        color: Red, green and blue in [0, 1].
        other: The colour that is mixed in, as ``#rrggbb``.
        share: 0 keeps the colour, 1 gives the other one.

    Returns:
        Red, green and blue in [0, 1].
    """
    return (1.0 - share) * color + share * np.array(to_rgb(other))
