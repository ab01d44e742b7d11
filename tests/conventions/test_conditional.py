"""A setting is read where its condition holds, also one with a range and one that may be null."""

from dataclasses import dataclass
from typing import Annotated

from xtalgraph.conventions.conditional import OnlyIf, settings_read
from xtalgraph.conventions.ranges import Width, ranges_of

DEEP = OnlyIf("depth", lambda depth: depth > 0)


@dataclass(frozen=True)
class Config:
    """Hyper-parameters."""

    depth: int = 0
    width: Annotated[Width, DEEP] = 4
    limit: Annotated[Width | None, DEEP, OnlyIf("width", lambda width: width > 4)] = None


def test_all_conditions_of_a_setting_must_hold():
    assert settings_read(Config()) == {"depth": 0}
    assert settings_read(Config(depth=1)) == {"depth": 1, "width": 4}
    assert settings_read(Config(1, 8)) == {"depth": 1, "width": 8, "limit": None}


def test_a_range_beside_a_condition_is_still_checked():
    assert set(ranges_of(Config)) == {"width", "limit"}
