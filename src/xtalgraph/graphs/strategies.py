"""Every strategy by name, and how one is written in a word: ``hybrid:12:8``."""

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Cutoff, check_ranges
from xtalgraph.conventions.settings import nearest, settings_from
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.bonded import Bonded
from xtalgraph.graphs.nearest import Hybrid, KNearest, KNearestStrict
from xtalgraph.graphs.neighbors import Edges, neighbors_within
from xtalgraph.graphs.strategy import Strategy

__all__ = [
    "STRATEGIES",
    "Bonded",
    "Hybrid",
    "KNearest",
    "KNearestStrict",
    "Radius",
    "Strategy",
    "parse_strategy",
    "strategy_spec",
]


@dataclass(frozen=True)
class Radius(Strategy):
    """All neighbours within a cutoff, over all periodic images.

    Args:
        cutoff: Largest length of an edge, Å. Pairs within 1e-9 Å of it may go either way.
    """

    cutoff: Cutoff = 5.0

    name: ClassVar[str] = "radius"
    continuous: ClassVar[bool] = True
    positional: ClassVar[tuple[str, ...]] = ("cutoff",)

    def __post_init__(self) -> None:
        check_ranges(self, "graph")

    @property
    def rule(self) -> str:
        """Which neighbours are kept, in words."""
        return f"all neighbours within {self.cutoff:g} Å"

    def edges(self, crystal: Crystal) -> Edges:
        """Find all edges up to the cutoff."""
        return neighbors_within(crystal, self.cutoff)


STRATEGIES: Final[
    dict[str, type[Radius] | type[KNearest] | type[Hybrid] | type[Bonded] | type[KNearestStrict]]
] = {strategy.name: strategy for strategy in (Radius, KNearest, Hybrid, Bonded, KNearestStrict)}
"""Every strategy by its name in configurations."""


def parse_strategy(spec: str) -> Strategy:
    """Read a strategy from one word, its settings after colons; what is left out is the default.

    ``radius:5``, ``knn:12``, ``hybrid:12:8`` (k, then Å), ``knn-strict:12:8``,
    ``bonded:voronoi``, and ``hybrid:12:8:0.01`` with the tolerance of the shell.

    Args:
        spec: The word.

    Raises:
        ConfigError: If there is no such strategy, or a setting is not as it must be.

    >>> parse_strategy("hybrid:12:8")
    Hybrid(cutoff=8.0, max_neighbors=12, shell_tolerance=0.001)
    """
    name, *words = spec.split(":")
    if name not in STRATEGIES:
        raise ConfigError(f"unknown strategy {name!r}{nearest(name, STRATEGIES)}")
    cls = STRATEGIES[name]
    form = ":".join((name, *cls.positional))
    if len(words) > len(cls.positional):
        raise ConfigError(f"{spec!r} has more settings than {form}")
    values: dict[str, Any] = {}
    for key, word in zip(cls.positional, words, strict=False):
        values[key] = _whole(word, spec, form) if key == "max_neighbors" else word
    return settings_from(cls, values, spec)


def strategy_spec(strategy: Strategy) -> str:
    """Return the word from which `parse_strategy` makes a strategy, unusual defaults left out.

    >>> strategy_spec(Hybrid()), strategy_spec(Radius(4.5))
    ('hybrid:12:8', 'radius:4.5')
    """
    plain = {field.name: field.default for field in dataclasses.fields(strategy)}  # type: ignore[arg-type]
    keys = list(strategy.positional)
    while len(keys) > strategy.shown and getattr(strategy, keys[-1]) == plain[keys[-1]]:
        keys.pop()
    values = (getattr(strategy, key) for key in keys)
    words = (f"{value:.15g}" if isinstance(value, float) else str(value) for value in values)
    return ":".join((strategy.name, *words))


def _whole(word: str, spec: str, form: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise ConfigError(
            f"max_neighbors must be a whole number in {spec!r} ({form}), got {word!r}"
        ) from None
