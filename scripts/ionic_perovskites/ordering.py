"""Orders in which two ions share a site: planes, columns, the checkerboard, or none."""

from types import MappingProxyType
from typing import Final

import numpy as np
from jaxtyping import Int

from ionic_perovskites.perovskite import Perovskite

CATION_ORDERS: Final = MappingProxyType({"random": 0, "layered": 1, "columnar": 2, "rock salt": 3})
"""Orders of two cations, half and half, with the number of axes along which they alternate."""

ANION_ORDERS: Final = MappingProxyType({"random": 0, "parallel": 0, "alternating": 1})
"""Orders of two anions, two to one, with the number of even axes that they need."""


def possible_orders(orders: MappingProxyType[str, int], perovskite: Perovskite) -> list[str]:
    """Those of `orders` that a supercell can hold: an alternation needs even axes."""
    num_even = len(_even_axes(perovskite))
    return [name for name, needed in orders.items() if needed <= num_even]


def share_cations(
    perovskite: Perovskite, order: str, pair: tuple[int, int], rng: np.random.Generator
) -> Int[np.ndarray, " cells"]:
    """Distribute two ions over one site of every cell, half and half.

    Args:
        perovskite: The supercell, with an even number of cells.
        order: One of `CATION_ORDERS` that the supercell can hold: ``layered`` alternates along
            one axis, ``columnar`` along two, ``rock salt`` along all three.
        pair: The two atomic numbers.
        rng: Chooses the axes, the first ion, and the random order.

    Returns:
        Atomic number on the site in each cell.
    """
    if order == "random":
        second = np.arange(perovskite.num_cells) % 2
        return np.array(pair)[rng.permutation(second)]
    axes = rng.permutation(_even_axes(perovskite))[: CATION_ORDERS[order]]
    second = (perovskite.cells[:, axes].sum(axis=1) + rng.integers(2)) % 2
    return np.array(pair)[second]


def share_anions(
    perovskite: Perovskite, order: str, pair: tuple[int, int], rng: np.random.Generator
) -> tuple[Int[np.ndarray, " cells"], ...]:
    """Distribute two anions over the three X sites of every cell, two to one.

    Args:
        perovskite: The supercell.
        order: One of `ANION_ORDERS` that the supercell can hold: the second anion sits on the
            same axis everywhere (``parallel``), takes turns between two axes (``alternating``),
            or has its axis drawn cell by cell (``random``).
        pair: The two atomic numbers; the second is the rarer one.
        rng: Chooses the axes.

    Returns:
        Atomic numbers on the X sites along the first, second and third axis.
    """
    axes = rng.permutation(3)
    if order == "random":
        chosen = rng.integers(3, size=perovskite.num_cells)
    elif order == "parallel":
        chosen = np.full(perovskite.num_cells, axes[0])
    else:
        chosen = axes[perovskite.cells[:, rng.choice(_even_axes(perovskite))] % 2]
    return tuple(np.where(chosen == axis, pair[1], pair[0]) for axis in range(3))


def _even_axes(perovskite: Perovskite) -> Int[np.ndarray, " even"]:
    return np.flatnonzero(np.array(perovskite.shape) % 2 == 0)
