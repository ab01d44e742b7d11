"""The ranges of settings that are worth searching."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest
from xtalgraph.workflows.config import RunConfig

_SAFE: Final = ("graph.", "model.", "training.")
_NOT_SEARCHED: Final = frozenset({"training.seed", "training.threads", "training.device"})


@dataclass(frozen=True)
class Range:
    """Numbers from the lowest to the highest, both included; whole ones if both ends are."""

    low: float | int
    high: float | int
    log: bool = False
    """Whether each power of ten is as likely as any other."""

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ConfigError(
                f"a range goes from a lower to a higher number, got {self.low}..{self.high}"
            )
        if self.log and self.low <= 0:
            raise ConfigError(f"a logarithmic range must begin above 0, got {self.low}")

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values to try whether the setting takes them."""
        return (self.low, self.high)

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class Choice:
    """One of several values."""

    values: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values to try whether the setting takes them."""
        return self.values

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Space = Mapping[str, Range | Choice]
"""Dotted setting to where it is searched."""

SEARCH: Final[Space] = {
    "training.learning_rate": Range(3e-4, 1e-2, log=True),
    "training.weight_decay": Range(1e-3, 1.0, log=True),
    "training.batch_size": Choice((32, 64, 128)),
    "training.loss": Choice(("l1", "huber", "mse")),
    "training.ema_decay": Choice((0.99, 0.999, 0.9995)),
    "model.width": Choice((32, 64, 128)),
    "model.depth": Range(1, 6),
    "model.connections": Choice(("paper", "residual", "dense", "jk-concat")),
    "model.element_features": Choice(("binned", "continuous", "embedding")),
    "model.basis": Choice(("gaussian", "bessel", "chebyshev")),
    "model.envelope": Choice(("cosine", "polynomial")),
    "graph.cutoff": Range(4.0, 8.0),
    "graph.max_neighbors": Range(6, 24),
}
"""Ranges that have been found worth searching; which of them a model has, its settings say."""

BY_DEFAULT: Final = (
    "training.learning_rate",
    "training.weight_decay",
    "training.batch_size",
    "model.width",
    "model.depth",
)
"""What is searched where nothing else is given: what a training depends on most, with one graph."""


def default_space(config: RunConfig) -> Space:
    """Return what is searched where nothing else is given."""
    known = {f"{section}.{key}" for section, values in config.sections().items() for key in values}
    return {key: SEARCH[key] for key in BY_DEFAULT if key in known}


def parse_space(texts: Sequence[str]) -> Space:
    """Read ``model.depth=2..5``, ``training.learning_rate=1e-4..1e-2:log``, ``model.basis=a,b``.

    A setting alone has the range of `SEARCH`.

    Args:
        texts: As written after --space.

    Raises:
        ConfigError: If one is not of these forms, or is not a setting that can be searched.
    """
    space: dict[str, Range | Choice] = {}
    for text in texts:
        key, equals, ends = (part.strip() for part in text.partition("="))
        if key in space:
            raise ConfigError(f"--space {text}: {key} is there already")
        if not key.startswith(_SAFE) or key in _NOT_SEARCHED:
            raise ConfigError(
                f"--space {text}: settings of graph, model and training are searched, {key!r} is "
                "none that can be"
            )
        if not equals and key not in SEARCH:
            raise ConfigError(
                f"--space {text}: no range is declared for {key}, say {key}=1..5 or {key}=a,b"
                f"{nearest(key, SEARCH)}"
            )
        space[key] = _parse(ends) if equals else SEARCH[key]
    return space


def _parse(text: str) -> Range | Choice:
    ends, _, scale = text.partition(":")
    low, dots, high = ends.partition("..")
    if not dots:
        values = tuple(yaml.safe_load(f"[{text}]"))
        if len(values) < 2:
            raise ConfigError(f"--space needs two values or more to choose from, got {text!r}")
        return Choice(values)
    if scale not in ("", "log"):
        raise ConfigError(f"--space: a range ends in :log or nothing, got {text!r}")
    return Range(_number(low), _number(high), log=scale == "log")


def _number(text: str) -> float | int:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"--space: a range is of numbers, as in 2..5, got {text!r}") from None
