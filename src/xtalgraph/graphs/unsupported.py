"""A crystal of which something cannot be made, and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UnsupportedStructure:
    """A crystal that has no graph, or no space group."""

    index: int
    """Its place among the crystals that were given, from 0."""
    reason: str
    """Why, in plain words."""
