"""A command made from the Python function of its verb: what it takes, its types and its help."""

import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import click

from xtalgraph.conventions.declarations import (
    REQUIRED,
    Declared,
    arguments_of,
    collected_keys,
    declared_function,
    keys_of,
)
from xtalgraph.workflows.setting_names import path_of_option, setting

_FLAGS: Final = {"overrides": "--set"}
"""Options whose name on the command line is another than in Python."""
_TYPES: Final[Mapping[Any, click.ParamType[Any]]] = {
    int: click.INT,
    float: click.FLOAT,
    str: click.STRING,
    Path: click.STRING,
    Any: click.STRING,
}
_METAVARS: Final = {int: "N", float: "X", str: "TEXT", Path: "PATH", Any: "PATH"}


def as_json() -> click.Option:
    """Return the flag ``--json`` of a verb that prints a document."""
    return click.Option(["--json", "as_json"], is_flag=True, help="Print JSON instead of a table.")


def verb(
    path: str,
    *,
    extra: Sequence[click.Option] = (),
    several: Sequence[str] = (),
    cls: type[click.Command] = click.Command,
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make the decorated function, which shows a result, the command that computes it.

    Positional arguments of that function become arguments, those with a default optional ones, the
    others options, and the settings in its ``**options`` options with the type, default and help of
    their field. Its module is imported when the command runs, so that help and errors of usage come
    at once.

    Args:
        path: Of the function, as ``package.module:function``; its docstring has a line for each
            argument.
        extra: Options of the showing function.
        several: Arguments of which one or more are given.
        cls: Of the command.
    """
    module, _, function = path.partition(":")
    mine = {option.name for option in extra}

    def decorate(show: Callable[..., int | None]) -> click.Command:
        def callback(**given: Any) -> int | None:
            shown = {name: given.pop(name) for name in list(given) if name in mine}
            there = {name: value for name, value in given.items() if value is not None}
            called = getattr(importlib.import_module(module), function)
            return show(called(**there), **shown)

        parameters = [*_parameters(declared_function(module, function), several), *extra]
        name = show.__name__.rstrip("_").replace("_", "-")
        return cls(name, callback=callback, params=parameters, help=show.__doc__)

    return decorate


def _parameters(function: Callable[..., Any], several: Sequence[str]) -> list[click.Parameter]:
    """Return the arguments, then the options: those that are required, the settings, the others."""
    parameters = inspect.signature(function).parameters
    arguments: list[click.Parameter] = []
    required: list[click.Option] = []
    settings: list[click.Option] = []
    files: list[click.Option] = []
    others: list[click.Option] = []
    for declared in arguments_of(function):
        name, many = declared.name, declared.name in several
        needed = declared.default is REQUIRED
        if parameters[name].kind is inspect.Parameter.KEYWORD_ONLY:
            (required if needed else others).append(_option(declared, many))
        else:
            nargs, callback = (-1, _one_or_list) if many else (1, None)
            leaf, _ = next(_leaves(declared.hint))
            arguments.append(
                click.Argument(
                    [name],
                    nargs=nargs,
                    type=click.Choice(typing.get_args(leaf)) if _is_literal(leaf) else None,
                    callback=callback,
                    required=needed,
                )
            )
    keys = collected_keys(function)
    for key in () if keys is None else keys_of(keys):
        if key.name in ("config", "overrides"):
            files.append(_option(key))
        else:
            settings.append(_setting_option(key))
    return [*arguments, *required, *settings, *files, *others]


def _setting_option(key: Declared) -> click.Option:
    """Return the option of a setting; without it, the file of settings and the default hold.

    A verb may have another default, which is spelled at its key.
    """
    declared = replace(setting(path_of_option(key.name)), name=key.name)
    if key.spelled.default:
        spelled = replace(declared.spelled, default=key.spelled.default)
        declared = replace(declared, hint=Annotated[declared.hint, spelled])
    return _option(declared, is_setting=True)


def _option(declared: Declared, many: bool = False, is_setting: bool = False) -> click.Option:
    """Return the option of an argument or a setting."""
    name, default = declared.name, declared.default
    flag = [_FLAGS.get(name, f"--{name.replace('_', '-')}"), name]
    leaves = list(_leaves(declared.hint))
    leaf = Path if Path in dict(leaves) else leaves[0][0]
    if name == "progress":
        quiet = ["--quiet", name]
        return click.Option(
            quiet, is_flag=True, callback=lambda *given: not given[2], help="No progress bars."
        )
    if leaf is bool:
        return click.Option(flag, is_flag=True, help=declared.summary)
    spelled = declared.spelled
    kind = click.Choice(typing.get_args(leaf)) if _is_literal(leaf) else _TYPES[leaf]
    listed = many or any(several for _, several in leaves)
    if listed and (spelled.commas or leaf is int):
        kind = _Listed(kind)
    one_or_list = any(not several for _, several in leaves)
    required = default is REQUIRED and not is_setting
    # A default of None would be a value for click, and no required option were missing.
    given: dict[str, Any] = (
        {} if required else {"default": None if is_setting or listed else default}
    )
    shown = spelled.default or ("" if default in (REQUIRED, None, ()) else str(default))
    return click.Option(
        flag,
        type=kind,
        multiple=listed,
        callback=(_one_or_list if one_or_list else _list) if listed else None,
        required=required,
        **given,
        metavar=spelled.metavar or _METAVARS.get(leaf),
        help=declared.summary + (f"  [default: {shown}]" if shown else ""),
    )


def _leaves(hint: Any, several: bool = False) -> Iterator[tuple[Any, bool]]:
    """Yield the types in a hint, each with whether it stands in a list; not None."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        yield from _leaves(parts[0], several)
    elif origin in (typing.Union, types.UnionType):
        for part in parts:
            yield from _leaves(part, several)
    elif origin in (list, Sequence):
        yield from _leaves(parts[0], True)
    elif origin is not Mapping and hint is not types.NoneType:
        yield hint, several


def _is_literal(hint: Any) -> bool:
    return typing.get_origin(hint) is typing.Literal


def _list(_: click.Context, __: click.Parameter, value: tuple[Any, ...]) -> list[Any] | None:
    """Return all values of an option, those between commas too; None where there are none."""
    return [item for word in value for item in (word if isinstance(word, list) else [word])] or None


def _one_or_list(ctx: click.Context, option: click.Parameter, value: tuple[Any, ...]) -> Any:
    """Return the value, where it is one, else all."""
    listed = _list(ctx, option, value)
    return listed[0] if listed and len(listed) == 1 else listed


class _Listed(click.ParamType[list[Any]]):
    """Several values with commas between them: ``0,1,2``."""

    def __init__(self, item: click.ParamType[Any]) -> None:
        self.name, self.item = f"{item.name},...", item

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[Any]:
        """Read them."""
        words = [word.strip() for word in str(value).split(",")]
        return [self.item.convert(word, param, ctx) for word in words if word]


class CommandWithLists(click.Command):
    """A command whose repeatable options take all words up to the next option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write ``--name a b`` as ``--name a --name b``, then parse."""
        lists = {
            name
            for option in self.params
            if isinstance(option, click.Option) and option.multiple
            for name in option.opts
        }
        std: list[str] = []
        current: str | None = None
        for index, word in enumerate(args):
            if word.startswith("-"):
                current = word if word in lists else None
                if current is None:
                    std.append(word)
                elif not args[index + 1 :] or args[index + 1].startswith("-"):
                    raise click.BadOptionUsage(word, f"Option {word!r} needs a word or more.", ctx)
            else:
                std += [word] if current is None else [current, word]
        return super().parse_args(ctx, std)
