"""The range of a setting, declared beside its type and checked where it is read or made."""

import dataclasses
import functools
import typing
from dataclasses import dataclass
from numbers import Real
from typing import Annotated, Any, Final

from xtalgraph.conventions.errors import ConfigError

_SHOWN: Final = 40
"""Characters of a value that a message shows."""


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may be; never NaN.

    Args:
        low: The smallest.
        high: The largest.
        unit: Of both, for messages.
        above: Whether the smallest itself is left out.
        below: Whether the largest itself is left out.

    >>> Range(0, 1, below=True).check(1.0, "training.warmup")
    Traceback (most recent call last):
    xtalgraph.conventions.errors.ConfigError: training.warmup must be at least 0 and less than \
1, got 1.0
    """

    low: int | float
    high: int | float
    unit: str = ""
    above: bool = False
    below: bool = False

    def __str__(self) -> str:
        low, high = f"{self.low:,.15g}", f"{self.high:,.15g}"
        unit = f" {self.unit}" if self.unit else ""
        return f"{'above ' * self.above}{low} to {'below ' * self.below}{high}{unit}"

    def check(self, value: int | float, where: str) -> None:
        """Refuse a number outside of the range, or NaN: a `ConfigError` with the limits."""
        high_enough = value > self.low if self.above else value >= self.low
        low_enough = value < self.high if self.below else value <= self.high
        if high_enough and low_enough:
            return
        unit = f" {self.unit}" if self.unit else ""
        least = f"{'larger than' if self.above else 'at least'} {self.low:,.15g}{unit}"
        most = f"{'less than' if self.below else 'at most'} {self.high:,.15g}{unit}"
        limits = least if not high_enough and not self.below else f"{least} and {most}"
        raise ConfigError(f"{where} must be {limits}, got {shown(value)}")


Width = Annotated[int, Range(1, 4096)]
"""Length of a vector within a model."""
Depth = Annotated[int, Range(0, 128)]
"""Number of layers."""
Functions = Annotated[int, Range(1, 1024)]
"""Number of functions of a basis."""
Step = Annotated[float, Range(0.001, 100, "Å")]
"""Distance between centres, or standard deviation, of functions of a length."""
Cutoff = Annotated[float, Range(0, 100, "Å", above=True)]
"""Longest edge."""
TOLERANCE: Final = Range(0, 0.1, "Å")
"""Of the symmetry reduction; beyond it neighbours of different shells would be taken for equal."""
Neighbors = Annotated[int, Range(1, 10_000)]
"""How many edges of an atom are kept."""
Count = Annotated[int, Range(1, 1_000_000_000)]
"""How many of something are wanted."""
Fraction = Annotated[float, Range(0, 1, below=True)]
"""Part of something that is never all of it."""


def shown(value: object) -> str:
    """Return a value as a message shows it, cut where it is long."""
    if isinstance(value, int) and value.bit_length() > 128:
        return f"a number of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def check_ranges(settings: Any, where: str) -> None:
    """Raise a `ConfigError` if a number in a section of settings is out of its `Range`."""
    cls: Any = type(settings)
    for name, ranges in ranges_of(cls).items():
        value = getattr(settings, name)
        if isinstance(value, dict):
            value = list(value.values())
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, Real) and not isinstance(number, bool):
                for allowed in ranges:
                    allowed.check(typing.cast(int | float, number), f"{where}.{name}")


@functools.cache
def ranges_of(cls: Any) -> dict[str, tuple[Range, ...]]:
    """Return the ranges of each field of a dataclass of settings that has any."""
    hints = typing.get_type_hints(cls, include_extras=True)
    declared = {field.name: tuple(_ranges(hints[field.name])) for field in dataclasses.fields(cls)}
    return {name: ranges for name, ranges in declared.items() if ranges}


def _ranges(hint: Any) -> list[Range]:
    if typing.get_origin(hint) is Annotated:
        base, *extras = typing.get_args(hint)
        return [*_ranges(base), *(extra for extra in extras if isinstance(extra, Range))]
    return [extra for part in typing.get_args(hint) for extra in _ranges(part)]
