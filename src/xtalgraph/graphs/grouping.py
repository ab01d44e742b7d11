"""Rows that are equal or nearly so: hashes of multisets, and groups of numbers without chains."""

from typing import Final

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

_GRID: Final = 1e-10
"""Numbers are compared in units of this, so that a batch decides as its parts do."""


def mix(values: UInt64[np.ndarray, " rows"]) -> UInt64[np.ndarray, " rows"]:
    """Scramble 64-bit integers, one to one.

    Args:
        values: Any; equal ones stay equal.

    Source: Steele, Lea and Flood, OOPSLA 2014, doi 10.1145/2660193.2660195 (SplitMix64).
    """
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def segment_totals(
    values: UInt64[np.ndarray, " rows"], counts: Int[np.ndarray, " segments"]
) -> UInt64[np.ndarray, " segments"]:
    """Add up consecutive rows modulo 2^64; a hash of each segment as a multiset of hashes.

    Args:
        values: Rows, segment after segment.
        counts: Rows of each segment; may be 0.
    """
    running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])
    stops = np.cumsum(counts)
    return running[stops] - running[stops - counts]


def group_values(
    values: Float[np.ndarray, " rows"], family: Int[np.ndarray, " rows"], span: float
) -> Int[np.ndarray, " rows"]:
    """Put nearly equal values of a family into groups that span at most ``span``.

    From the smallest value on, a group takes every value at most ``span`` larger than its first.
    No division of a line into groups of that span has fewer.

    Args:
        values: Not negative.
        family: Only rows of one family come into one group.
        span: Largest difference within a group; differences within 1e-10 of it may go either way.

    Returns:
        The group of each row, counted from 0.
    """
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    step = round(span / _GRID)
    on_grid = np.rint(values / _GRID).astype(np.int64)
    room = int(on_grid.max()) + step + 1  # so that no group reaches into the next family
    key = np.unique(family, return_inverse=True)[1] * room + on_grid
    line, index = np.unique(key, return_inverse=True)
    first = np.ones(len(line), dtype=bool)
    first[1:] = line[1:] // room != line[:-1] // room
    following = np.searchsorted(line, line + step, side="right")
    group = np.cumsum(_reached(first, following)) - 1
    return group[index]


def _reached(
    start: Bool[np.ndarray, " rows"], following: Int[np.ndarray, " rows"]
) -> Bool[np.ndarray, " rows"]:
    """Mark what can be reached from the starts by following, in steps that double."""
    reached, jump = np.append(start, False), np.append(following, len(following))
    before, count = -1, int(start.sum())
    while before < count:
        reached[jump[np.flatnonzero(reached)]] = True
        jump = jump[jump]
        before, count = count, int(np.count_nonzero(reached[:-1]))
    return reached[:-1]
