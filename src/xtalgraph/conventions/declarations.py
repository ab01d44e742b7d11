"""Settings and arguments as they are declared: type, range, default and documentation, read once.

A setting is a field of a dataclass with the text beneath it, an argument a parameter of a function
with its line under ``Args:``. The command line, messages and the page of settings are made from it.
"""

import ast
import dataclasses
import functools
import importlib
import importlib.util
import inspect
import re
import sys
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

REQUIRED: Final = inspect.Parameter.empty
"""Default of what has none."""
_ARGUMENTS: Final = re.compile(r"^Args:\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
_ARGUMENT: Final = re.compile(r"^ {4}\**(\w+): (.*?)(?=^ {4}\S|\Z)", re.MULTILINE | re.DOTALL)
_SENTENCE: Final = re.compile(r"(?<=[.])\s")


@dataclass(frozen=True)
class Spelled:
    """How a setting is written on the command line, beside its type: ``Annotated[str, Spelled()]``.

    Args:
        metavar: What stands for the value in the help.
        commas: Whether several values may stand in one word, with commas between them.
        text: The documentation of a key of a ``TypedDict``, which can have none beneath it.
        choices: Names that it may be, where the type does not say them; or where these are the
            keys of a table, as ``package.module:TABLE``.
        default: What the help shows as the default, where the verb has another than the field.
    """

    metavar: str = ""
    commas: bool = False
    text: str = ""
    choices: tuple[str, ...] | str = ()
    default: str = ""


@dataclass(frozen=True)
class Declared:
    """A setting or an argument."""

    name: str
    """As it is written in Python."""
    hint: Any
    """Its type, with what is annotated."""
    default: Any
    """Its default, or `REQUIRED`."""
    text: str
    """Its documentation, in one line."""

    @property
    def spelled(self) -> Spelled:
        """How it is written on the command line: as the outermost annotation says."""
        return [Spelled(), *_spelled(self.hint)][-1]

    @property
    def choices(self) -> tuple[str, ...]:
        """The names that it may be, where the type does not say them."""
        given = self.spelled.choices
        return tuple(definition(*given.split(":"))) if isinstance(given, str) else given

    @property
    def summary(self) -> str:
        """The first sentence of the documentation, without marks of literals, and the choices."""
        sentence = _SENTENCE.split(self.text.replace("`", ""), maxsplit=1)[0]
        choices = ", ".join(self.choices)
        return f"{sentence.rstrip('.')}: {choices}." if choices else sentence


@functools.cache
def fields_of(cls: Any) -> Mapping[str, Declared]:
    """Return the fields of a dataclass by their names.

    Args:
        cls: Its fields are documented beneath each, or under ``Args:`` of its docstring.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if isinstance(base, type) and dataclasses.is_dataclass(base):
            texts |= _arguments(base.__doc__) | _texts_beneath(base)
    declared = {}
    for field in dataclasses.fields(cls):
        default = REQUIRED if field.default is dataclasses.MISSING else field.default
        declared[field.name] = Declared(
            field.name, hints[field.name], default, texts.get(field.name, "")
        )
    return MappingProxyType(declared)


def keys_of(cls: Any) -> Iterator[Declared]:
    """Yield the keys of a ``TypedDict``, each with the text of its `Spelled`."""
    for name, hint in typing.get_type_hints(cls, include_extras=True).items():
        yield Declared(name, hint, None, next(_spelled(hint), Spelled()).text)


def arguments_of(function: Callable[..., Any]) -> Iterator[Declared]:
    """Yield the arguments of a function, without those that it collects by ``**``.

    Args:
        function: Its arguments are documented under ``Args:``.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    texts = _arguments(function.__doc__)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            yield Declared(name, hints[name], parameter.default, texts.get(name, ""))


def collected_keys(function: Callable[..., Any]) -> Any | None:
    """Return the ``TypedDict`` of a function's ``**options: Unpack[...]``; None without one."""
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            return typing.get_args(typing.get_type_hints(function)[name])[0]
    return None


def declared_function(module: str, name: str) -> Callable[..., Any]:
    """Return a function without its body, for what it declares; its module is not imported.

    A verb imports all that it needs for its work, which takes seconds; its options need little.
    """
    function = _statements(module)[name]
    if not isinstance(function, ast.FunctionDef):
        raise TypeError(f"{module}.{name} is no function")
    text = ast.Expr(ast.Constant(ast.get_docstring(function, clean=False)))
    empty = ast.FunctionDef(name, function.args, [text], [], lineno=1, col_offset=0)
    namespace = _named_in(function.args, module)
    tree = ast.fix_missing_locations(ast.Module([empty], []))
    exec(compile(tree, module, "exec"), namespace)
    return namespace[name]


def definition(module: str, name: str) -> Any:
    """Return what a name stands for in a module, which is imported only where that is needed.

    That is so for a class and a function. A value is evaluated alone; of a table that is written
    out in a module that is not imported, the keys are returned.
    """
    statement = None if module in sys.modules else _statements(module).get(name)
    if isinstance(statement, ast.ImportFrom) and statement.module is not None:
        return definition(statement.module, _imported(statement)[name])
    value = statement.value if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Dict):
        return [ast.literal_eval(key) for key in value.keys if key is not None]
    if value is not None:
        expression = compile(ast.Expression(value), module, "eval")
        return eval(expression, _named_in(value, module))
    return getattr(importlib.import_module(module), name)


def _named_in(node: ast.AST, module: str) -> dict[str, Any]:
    """Return what the names in a piece of a module stand for, but those of Python itself."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return {name: definition(module, name) for name in names & set(_statements(module))}


@functools.cache
def _statements(module: str) -> Mapping[str, ast.stmt]:
    """Return the statements at the top of a module by the names that they bind."""
    spec = importlib.util.find_spec(module)
    if not module.startswith("xtalgraph.") or spec is None or spec.origin is None:
        return {}
    bound: dict[str, ast.stmt] = {}
    for statement in ast.parse(Path(spec.origin).read_bytes()).body:
        if isinstance(statement, ast.ImportFrom):
            bound |= dict.fromkeys(_imported(statement), statement)
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            bound[statement.targets[0].id] = statement
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            bound[statement.target.id] = statement
        elif isinstance(statement, ast.FunctionDef | ast.ClassDef):
            bound[statement.name] = statement
    return bound


def _imported(statement: ast.ImportFrom) -> dict[str, str]:
    """Return the names that a statement binds, each with what it is called in its module."""
    return {alias.asname or alias.name: alias.name for alias in statement.names}


def _spelled(hint: Any) -> Iterator[Spelled]:
    for part in typing.get_args(hint):
        if isinstance(part, Spelled):
            yield part
        else:
            yield from _spelled(part)


def _arguments(docstring: str | None) -> dict[str, str]:
    section = _ARGUMENTS.search(inspect.cleandoc(docstring or "") + "\n")
    arguments = _ARGUMENT.findall(section[1]) if section else []
    return {name: " ".join(text.split()) for name, text in arguments}


def _texts_beneath(cls: type) -> dict[str, str]:
    """Return the string that stands beneath each field in the source of a class."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    statements = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: " ".join(inspect.cleandoc(text.value.value).split())
        for field, text in pairwise(statements)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
