"""How far crystals are apart: in the embedding of a model, and by composition."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial.distance import cdist

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.crystals.crystal import Crystal

_ROWS: Final = 256
"""Crystals compared with all others at a time."""


@dataclass(frozen=True, eq=False)
class Nearest:
    """The nearest of some crystals, the nearest first."""

    places: Int[np.ndarray, "rows k"]
    """Where they stand among those that were compared with."""
    distance: Float[np.ndarray, "rows k"]
    """How far they are."""


def nearest_embeddings(
    rows: Float[np.ndarray, "rows width"],
    among: Float[np.ndarray, "crystals width"],
    k: int,
    *,
    itself: Int[np.ndarray, " rows"] | None = None,
) -> Nearest:
    """Find the nearest embeddings, by the Euclidean distance.

    Args:
        rows: One embedding for each crystal.
        among: Those that are searched.
        k: How many are wanted; fewer are returned where there are not as many.
        itself: Where each row stands among those that are searched, if it does; it is left out.

    Example:
        >>> found = nearest_embeddings(np.array([[0.0]]), np.array([[3.0], [1.0], [-2.0]]), 2)
        >>> found.places, found.distance
        (array([[1, 2]]), array([[1., 2.]]))
    """
    return _nearest(rows, among, k, itself, "euclidean")


def nearest_compositions(
    rows: Float[np.ndarray, "rows 118"],
    among: Float[np.ndarray, "crystals 118"],
    k: int,
    *,
    itself: Int[np.ndarray, " rows"] | None = None,
) -> Nearest:
    """Find the nearest compositions, by the element mover's distance.

    It is the work to make one composition of the other, Σ |F − F'|: by how many places in the row
    of the elements an atom must be moved, on average.

    Args:
        rows: The cumulative composition of each crystal, see `cumulative_compositions`.
        among: Those that are searched.
        k: How many are wanted; fewer are returned where there are not as many.
        itself: Where each row stands among those that are searched, if it does; it is left out.

    Source: C. J. Hargreaves et al., Chem. Mater. 32, 10610 (2020), doi
    10.1021/acs.chemmater.0c03381.
    """
    differ: Bool[np.ndarray, " 118"] = (rows != rows[:1]).any(0) | (among != rows[:1]).any(0)
    # Places where all are equal add nothing.
    return _nearest(rows[:, differ], among[:, differ], k, itself, "cityblock")


def cumulative_compositions(crystals: Sequence[Crystal]) -> Float[np.ndarray, "crystals 118"]:
    """Return the share of atoms up to each place of the elements in Mendeleev order.

    The order is Li, Na, K, ... to the noble gases.

    Args:
        crystals: Any; a supercell has the composition of its cell.
    """
    number = property_of("mendeleev_number")
    place = np.concatenate([[0], number[1:].astype(np.int64) - 1])  # index 0 is no element
    counts = np.zeros((len(crystals), MAX_ATOMIC_NUMBER))
    for row, crystal in enumerate(crystals):
        counts[row] = np.bincount(place, weights=crystal.amounts, minlength=MAX_ATOMIC_NUMBER)
    shares = np.cumsum(counts, axis=1) / counts.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def _nearest(
    rows: Float[np.ndarray, "rows width"],
    among: Float[np.ndarray, "crystals width"],
    k: int,
    itself: Int[np.ndarray, " rows"] | None,
    metric: Literal["euclidean", "cityblock"],
) -> Nearest:
    k = min(k, len(among) - (itself is not None))
    places = np.empty((len(rows), k), dtype=np.int64)
    distances = np.empty((len(rows), k))
    for start in range(0, len(rows) if k > 0 else 0, _ROWS):
        part = slice(start, start + _ROWS)
        distance = cdist(rows[part], among, metric=metric)
        if itself is not None:
            distance[np.arange(len(distance)), itself[part]] = np.inf
        near = np.sort(np.argpartition(distance, k - 1, axis=1)[:, :k], axis=1)
        order = np.argsort(np.take_along_axis(distance, near, axis=1), axis=1, kind="stable")
        places[part] = np.take_along_axis(near, order, axis=1)
        distances[part] = np.take_along_axis(distance, places[part], axis=1)
    return Nearest(places, distances)
