"""Ranges: what lies inside passes, what lies outside is refused with the limits, NaN always."""

import math
from dataclasses import dataclass
from typing import Annotated

import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Range, check_ranges, ranges_of, shown
from xtalgraph.conventions.settings import settings_from


@dataclass(frozen=True)
class Example:
    steps: Annotated[int, Range(1, 1000)] = 5
    rate: Annotated[float, Range(0, 1, "Å", above=True, below=True)] = 0.5
    limit: Annotated[int, Range(0, 9)] | None = None
    sizes: list[Annotated[int, Range(1, 3)]] | None = None
    free: float = 0.0

    def __post_init__(self) -> None:
        check_ranges(self, "x")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"steps": 0}, r"x\.steps must be at least 1, got 0"),
        ({"steps": 10**20}, r"x\.steps must be at least 1 and at most 1,000, got 1000"),
        ({"steps": 10**400}, r"x\.steps must be .*, got a number of 1329 bits"),
        ({"rate": 0.0}, r"x\.rate must be larger than 0 Å"),
        ({"rate": 1.0}, "less than 1 Å, got 1"),
        ({"rate": math.nan}, "got nan"),
        ({"rate": math.inf}, "got inf"),
        ({"limit": -1}, r"x\.limit must be at least 0, got -1"),
        ({"limit": 10}, "at most 9, got 10"),
        ({"sizes": [1, 4]}, "at most 3, got 4|of type int"),
    ],
)
def test_what_is_outside_is_refused_where_it_is_read_and_where_it_is_made(values, message):
    with pytest.raises(ConfigError, match=message):
        settings_from(Example, values, "x")
    with pytest.raises(ConfigError, match=message):
        Example(**values)


def test_what_is_inside_passes():
    values = {"steps": 1000, "rate": 1e-300, "limit": 0, "sizes": [1, 3], "free": 1e300}
    assert settings_from(Example, values, "x") == Example(**values)
    assert Example(limit=None, sizes=None) == Example()
    assert set(ranges_of(Example)) == {"steps", "rate", "limit", "sizes"}


def test_a_number_too_large_for_a_float_is_refused_with_its_name():
    with pytest.raises(ConfigError, match=r"x\.rate must be a number, got a number of"):
        settings_from(Example, {"rate": 10**400}, "x")


def test_long_values_are_cut():
    assert shown("a" * 100) == "'" + "a" * 36 + "..."
    assert shown(12) == "12"
