"""Settings as dataclasses: read from plain mappings, unknown keys refused with the nearest name."""

import dataclasses
import difflib
import functools
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Range, shown

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def nearest(name: str, known: Iterable[str]) -> str:
    """Say what was probably meant: ``; did you mean 'x'?``, or the list of what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are: {', '.join(names)}"


def settings_from(cls: type[T], values: Mapping[str, Any], where: str) -> T:
    """Make a settings dataclass from a mapping.

    Args:
        cls: A dataclass whose fields are plain values.
        values: Key to value; keys left out keep their default.
        where: The section, for messages: ``training``.

    Raises:
        ConfigError: On an unknown key, a value of the wrong type, or a number out of its range.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise ConfigError(f"unknown key {where}.{key}{nearest(str(key), known)}")
    checked = {key: _checked(value, hints[key], f"{where}.{key}") for key, value in values.items()}
    return cls(**checked)


def checks_arguments(function: F) -> F:
    """Check the arguments of a function that are one of some choices or have a range.

    Args:
        function: What is annotated with ``Literal`` or a `Range` is checked when it is called.
    """
    names = list(inspect.signature(function).parameters)

    @functools.wraps(function)
    def checked(*args: Any, **options: Any) -> Any:
        hints = typing.get_type_hints(function, include_extras=True)
        for name, value in [*zip(names, args, strict=False), *options.items()]:
            if _is_checked(hints.get(name)):
                _checked(value, hints[name], name)
        return function(*args, **options)

    return typing.cast(F, checked)


def _is_checked(hint: Any) -> bool:
    """Whether a type is a choice or has a range, or None beside either."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return all(_is_checked(part) for part in typing.get_args(hint) if part is not type(None))
    if typing.get_origin(hint) is typing.Annotated:
        base, *extras = typing.get_args(hint)
        return any(isinstance(extra, Range) for extra in extras) or _is_checked(base)
    return typing.get_origin(hint) is typing.Literal


def _class_of(hint: Any) -> type:
    """Return the class of the values of a type, without its range; that of None for a choice."""
    if typing.get_origin(hint) is typing.Annotated:
        return _class_of(typing.get_args(hint)[0])
    kind = typing.get_origin(hint) or hint
    return kind if isinstance(kind, type) else type(None)


def _checked(value: Any, hint: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if hint is Any:
        return value
    if origin is typing.Annotated:
        base, *extras = typing.get_args(hint)
        number = _checked(value, base, where)
        for allowed in extras:
            if isinstance(allowed, Range):
                allowed.check(number, where)
        return number
    if origin in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        if value is None and len(options) < len(typing.get_args(hint)):
            return None
        errors = []
        for option in options:
            try:
                return _checked(value, option, where)
            except ConfigError as error:
                errors.append(error)
        fits = [isinstance(value, kind) for kind in map(_class_of, options)]
        raise errors[fits.index(True) if any(fits) else -1]
    if origin is typing.Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            listed = ", ".join(repr(choice) for choice in choices)
            raise ConfigError(f"{where} must be one of {listed}, got {shown(value)}")
        return value
    if origin is list and isinstance(value, list | tuple):
        (item,) = typing.get_args(hint)
        return [_checked(entry, item, f"{where}[{n}]") for n, entry in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        _, item = typing.get_args(hint)
        return {str(key): _checked(entry, item, f"{where}.{key}") for key, entry in value.items()}
    if hint is float and isinstance(value, int | float | str) and not isinstance(value, bool):
        try:  # YAML 1.1 reads 1e-3 as a string
            return float(value)
        except (ValueError, OverflowError):
            raise ConfigError(f"{where} must be a number, got {shown(value)}") from None
    if not isinstance(value, origin or hint) or (hint is int and isinstance(value, bool)):
        raise ConfigError(f"{where} must be of type {hint.__name__}, got {shown(value)}")
    return value
