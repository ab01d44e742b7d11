"""Hashes of integers and of multisets of them, in arrays."""

import numpy as np
from jaxtyping import Int, UInt64


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
