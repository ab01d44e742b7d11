"""A setting that is read only where another one says so, declared beside its type."""

import dataclasses
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any


@dataclass(frozen=True)
class OnlyIf:
    """When a setting is read: ``Annotated[int, OnlyIf("depth", lambda depth: depth > 0)]``.

    Args:
        setting: Another field of the same dataclass.
        holds: Whether its value is one with which this one is read.

    >>> @dataclass(frozen=True)
    ... class Config:
    ...     basis: str = "bessel"
    ...     sigma: Annotated[float, OnlyIf("basis", lambda basis: basis == "gaussian")] = 0.2
    >>> settings_read(Config()), settings_read(Config("gaussian"))
    ({'basis': 'bessel'}, {'basis': 'gaussian', 'sigma': 0.2})
    """

    setting: str
    holds: Callable[[Any], bool]


def settings_read(config: Any) -> dict[str, Any]:
    """Return the settings that something reads, given the others.

    Args:
        config: A dataclass of settings; a field without an `OnlyIf` is always read.

    Returns:
        Field to value, in order.
    """
    hints = typing.get_type_hints(type(config), include_extras=True)
    return {
        field.name: getattr(config, field.name)
        for field in dataclasses.fields(config)
        if all(
            condition.holds(getattr(config, condition.setting))
            for condition in _conditions(hints[field.name])
        )
    }


def _conditions(hint: Any) -> list[OnlyIf]:
    if typing.get_origin(hint) is not Annotated:
        return []
    return [extra for extra in typing.get_args(hint)[1:] if isinstance(extra, OnlyIf)]
