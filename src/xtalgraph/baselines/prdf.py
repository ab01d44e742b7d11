"""Partial radial distribution functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, final

import numpy as np
from scipy.sparse import coo_array

from xtalgraph.baselines.descriptor import Descriptor, Rows
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within

_SPHERE: Final = 4 / 3 * np.pi


@final
@dataclass(frozen=True)
class PRDF(Descriptor):
    """How often elements α and β stand a distance apart.

    g_αβ(r) = 1/(N_α V_r) Σ_{i∈α} Σ_{j∈β} [r ≤ d_ij < r + Δr], where V_r is the volume of the
    shell, for every pair of elements with α ≤ β. A crystal has few elements, so nearly all of the
    columns are 0, and the rows are sparse. (matminer has this descriptor too, but cannot be
    installed beside numpy 2 and pandas 3.)

    Args:
        cutoff: Largest distance, Å.
        step: Width Δr of the shells, Å.

    Raises:
        ConfigError: If either is not larger than 0.

    Source: Schütt et al., Phys. Rev. B 89, 205118 (2014), doi 10.1103/PhysRevB.89.205118.
    """

    name: ClassVar[str] = "prdf"

    cutoff: float = 8.0
    step: float = 0.5

    def __post_init__(self) -> None:
        if not (self.cutoff > 0 and self.step > 0):
            raise ConfigError(
                f"cutoff and step of a PRDF must be larger than 0 Å, got {self.cutoff} and "
                f"{self.step}"
            )

    def check(self) -> None:
        """Nothing beyond xtalgraph is needed."""

    def describe(self, crystals: Sequence[Crystal], elements: Sequence[int]) -> Rows:
        """Return sparse rows, sorted by first element, second element, distance."""
        shells = round(self.cutoff / self.step)
        volume = _SPHERE * np.diff((self.step * np.arange(shells + 1)) ** 3)
        column_of = np.zeros(max(elements) + 1, dtype=np.int64)
        column_of[list(elements)] = np.arange(len(elements))
        columns = len(elements) ** 2 * shells
        rows: list[np.ndarray] = []
        places: list[np.ndarray] = []
        values: list[np.ndarray] = []
        for row, crystal in enumerate(crystals):
            edges = neighbors_within(crystal, shells * self.step)
            kind = column_of[crystal.numbers]
            first, second = kind[edges.center], kind[edges.neighbor]
            shell = np.minimum((edges.distance / self.step).astype(np.int64), shells - 1)
            kept = first <= second
            column = ((first * len(elements) + second) * shells + shell)[kept]
            distinct, times = np.unique(column, return_counts=True)
            of_first = np.bincount(kind, minlength=len(elements))[
                distinct // (len(elements) * shells)
            ]
            rows.append(np.full(len(distinct), row))
            places.append(distinct)
            values.append(times / (of_first * volume[distinct % shells]))
        where = (np.concatenate(rows), np.concatenate(places))
        filled = np.concatenate(values).astype(np.float32)
        return coo_array((filled, where), shape=(len(crystals), columns)).tocsr()
