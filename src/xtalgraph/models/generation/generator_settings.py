"""The settings of the network of a generator; reading them needs no library of numbers."""

from dataclasses import dataclass
from typing import Annotated

from xtalgraph.conventions.ranges import Range, check_ranges


@dataclass(frozen=True)
class GeneratorConfig:
    """The network of a generator."""

    atom_width: Annotated[int, Range(1, 4096)] = 128
    """Length of the vector of an atom."""
    passes: Annotated[int, Range(1, 64)] = 4
    """How often all atoms of a cell exchange messages."""
    waves: Annotated[int, Range(1, 128)] = 10
    """Waves along each lattice vector that tell two sites apart; the shortest has the length of the
    vector divided by their number."""

    def __post_init__(self) -> None:
        check_ranges(self, "generator")
