"""Every number among the settings of data, graph, model and training has a checked range."""

import dataclasses
import math
import types
import typing

import pytest

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import ranges_of
from xtalgraph.conventions.settings import settings_from
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.data_settings import DataConfig
from xtalgraph.workflows.setting_names import settings_of_choices

NEEDED = {DataConfig: {"path": "a.csv", "target": "y"}}
CLASSES = [cls for section in settings_of_choices().values() for cls in section.values()]


def numeric(hint):
    """Whether a field may hold a number, in or outside of a list."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return numeric(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType, list):
        return any(numeric(part) for part in typing.get_args(hint))
    return hint in (int, float)


def fields():
    for cls in CLASSES:
        hints = typing.get_type_hints(cls, include_extras=True)
        for field in dataclasses.fields(cls):
            if numeric(hints[field.name]):
                yield pytest.param(cls, field.name, id=f"{cls.__qualname__}.{field.name}")


@pytest.mark.parametrize(("cls", "name"), list(fields()))
def test_a_number_out_of_range_is_refused_and_named(cls, name):
    needed = NEEDED.get(cls, {})
    ranges = ranges_of(cls)[name]
    (allowed, *others) = ranges
    assert all(one == allowed for one in others)
    whole = int in typing.get_args(typing.get_type_hints(cls)[name]) or isinstance(
        getattr(cls, name, 0.0), int
    )
    outside = [10**20, 10**30, allowed.low - 1]
    if not whole:
        outside = [float(one) for one in outside] + [math.nan, math.inf, -math.inf, 1e300]
    for value in outside:
        with pytest.raises(ConfigError, match=rf"\.{name} must be .*got "):
            settings_from(cls, needed | {name: value}, "section")
        with pytest.raises(ConfigError, match=rf"\.{name} must be .*got "):
            cls(**needed | {name: value})


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("model", {"depth": -1}),
        ("model", {"width": 0}),
        ("model", {"dropout": 2}),
        ("training", {"seed": 10**23}),
        ("training", {"epochs": 10**20}),
        ("training", {"batch_size": 10**30}),
        ("graph", {"cutoff": math.inf}),
        ("graph", {"cutoff": -2.0}),
        ("data", {"workers": 10**9}),
        ("data", {"memory_gb": math.nan}),
        ("data", {"split": "folds", "folds": 1, "fold": 0}),
        ("data", {"split": "folds", "folds": 3, "fold": 3}),
        ("data", {"val_fraction": 0.6, "test_fraction": 0.5}),
        ("data", {"calibration_fraction": 1.0}),
    ],
)
def test_a_configuration_is_checked_before_anything_is_read(section, values):
    sections = {"data": {"path": "nowhere.csv", "target": "y"}}
    sections[section] = sections.get(section, {}) | values
    with pytest.raises(ConfigError, match="must be"):
        RunConfig.from_sections(sections)
