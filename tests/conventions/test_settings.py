"""Settings from mappings: types, choices, and the nearest right name."""

from dataclasses import dataclass
from typing import Literal

import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Width
from xtalgraph.conventions.settings import nearest, settings_from


@dataclass(frozen=True)
class Example:
    rate: float = 1e-3
    steps: int = 5
    mode: Literal["a", "b"] = "a"
    limit: int | None = None
    on: bool = True
    sizes: Width | list[Width] = 3


def test_defaults_and_values():
    assert settings_from(Example, {}, "x") == Example()
    given = {"rate": 1, "steps": 7, "mode": "b", "limit": 3, "on": False}
    assert settings_from(Example, given, "x") == Example(1.0, 7, "b", 3, False)
    assert settings_from(Example, {"rate": "1e-3", "limit": None}, "x") == Example()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stpes": 3}, r"unknown key x\.stpes; did you mean 'steps'\?"),
        ({"zzz": 3}, r"unknown key x\.zzz; there are: limit, mode, on, rate, sizes, steps"),
        ({"steps": 2.5}, r"x\.steps must be of type int, got 2\.5"),
        ({"steps": True}, r"x\.steps must be of type int, got True"),
        ({"rate": "fast"}, r"x\.rate must be a number, got 'fast'"),
        ({"mode": "c"}, r"x\.mode must be one of 'a', 'b', got 'c'"),
        ({"limit": "many"}, r"x\.limit must be of type int"),
        ({"sizes": 0}, r"x\.sizes must be at least 1, got 0"),
        ({"sizes": [1, 0]}, r"x\.sizes\[1\] must be at least 1, got 0"),
    ],
)
def test_what_is_wrong_is_said(values, message):
    with pytest.raises(ConfigError, match=message):
        settings_from(Example, values, "x")


def test_nearest():
    assert nearest("trian", ["train", "predict"]) == "; did you mean 'train'?"
    assert nearest("qqq", ["b", "a"]) == "; there are: a, b"
