"""What a strategy is: a frozen set of settings that finds the edges of a crystal."""

from abc import ABC, abstractmethod
from typing import ClassVar

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import Edges


class Strategy(ABC):
    """Finds the edges of a crystal. Subclasses are frozen dataclasses of their settings."""

    name: ClassVar[str]
    """The name in configurations."""
    continuous: ClassVar[bool]
    """Whether an edge can only appear or vanish at the cutoff, where an envelope is zero."""
    positional: ClassVar[tuple[str, ...]]
    """The settings that `parse_strategy` reads from ``name:first:second``, in this order."""
    shown: ClassVar[int] = 1
    """How many of them `strategy_spec` writes even where they are the default."""
    cutoff: float
    """No edge is longer than this, Å; bases and envelopes reach this far."""

    @property
    @abstractmethod
    def rule(self) -> str:
        """Which neighbours are kept, in words: ``all neighbours within 5 Å``."""

    @abstractmethod
    def edges(self, crystal: Crystal) -> Edges:
        """Find the directed edges of one crystal, sorted by center."""
