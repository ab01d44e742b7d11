"""Every command line that the pages and the benchmarks document is one that its parser takes."""

import argparse
import ast
import os
import re
import runpy
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import click
import pytest

from xtalgraph.cli.main import xtalgraph
from xtalgraph.workflows.setting_names import settings_of_choices

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")])
SCRIPTS = sorted(ROOT.glob("benchmarks/*.py"))
START = re.compile(r"(?:\$ )?(?:\w+=\S* )*(?:python (benchmarks/\w+\.py)|(xtalgraph))(?= |$)")
LANGUAGES = ("", "shell", "console", "text")
EXAMPLES = {"N": "1", "K": "1", "FOLD": "0", "VERB": "train"}
"""A value of each placeholder that a parser does not take as text."""


class Parsed(Exception):  # noqa: N818
    """A script has read its arguments."""


@dataclass(frozen=True)
class Line:
    """A documented command line.

    Attributes:
        where: Page and line.
        script: Of ``benchmarks``, or ``xtalgraph``.
        args: What follows.
        whole: Whether it can be typed as it stands; in a sentence, arguments may be left out.
        fails: Whether the page shows an exit code other than 0.
    """

    where: str
    script: str
    args: tuple[str, ...]
    whole: bool
    fails: bool = False


def line_of(text: str, where: str, whole: bool) -> Line | None:
    start = START.match(text)
    if start is None:
        return None
    rest = text[start.end() :]
    if not whole:  # brackets and dots around what may be left out or repeated
        rest = re.sub(r"\[(?=[-A-Z])|(?<=[\w.])\]|\.\.\.", " ", rest)
    words = shlex.split(rest, comments=whole)
    if not whole:
        words = [re.sub(r"^(\w+)(\|\w+)+$", r"\1", word) for word in words]  # one|of|these
    args = tuple(EXAMPLES.get(word, word) for word in words)
    return Line(where, start[1] or start[2], args, whole, "# exit code" in text)


def lines_of(path: Path) -> list[Line]:
    """Return the commands of a page, or those of a script's docstring."""
    text, name = path.read_text(encoding="utf-8"), str(path.relative_to(ROOT))
    if path.suffix == ".py":
        text = (ast.get_docstring(ast.parse(text)) or "").replace("``", "`")
        blocks = re.findall(r"^    (python .*)$", text, re.MULTILINE)
    else:
        fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        blocks = [with_values(body) for language, body in fenced if language in LANGUAGES]
    typed = "\n".join(blocks).replace("\\\n", " ").splitlines()
    lines = [line_of(line.strip(), f"{name}: {line}", True) for line in typed]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    for words in map(str.split, re.findall(r"`((?:xtalgraph|python|[A-Z_]+=\S+)\s[^`]+)`", prose)):
        lines.append(line_of(" ".join(words), f"{name}: {' '.join(words)}", False))
    return [line for line in lines if line is not None]


def with_values(block: str) -> str:
    """Return a shell block in which its variables have their values; those of loops, the first."""
    values = re.findall(r'^\s*(?:for )?(\w+)(?: in |=)("[^"]*"|[^\s;]+)', block, re.MULTILINE)
    for name, value in reversed(values):  # a value may hold an earlier variable
        block = block.replace(f"${name}", value.strip('"'))
    return block


def all_lines(script: str) -> list[Line]:
    lines = [line for path in [*PAGES, *SCRIPTS] for line in lines_of(path)]
    return [line for line in lines if (line.script == "xtalgraph") == (script == "xtalgraph")]


def click_error(args: list[str], whole: bool) -> str | None:
    """Return why `xtalgraph ARGS` does not parse; the verb does not run."""
    command: click.Command = xtalgraph
    context = click.Context(command, info_name="xtalgraph")
    try:
        while isinstance(command, click.Group) and args and not args[0].startswith("-"):
            found = command.resolve_command(context, args)[1]
            command, args = found or command, args[1:]
        if not isinstance(command, click.Group) and (whole or args):
            command.make_context("xtalgraph", list(args))
    except click.exceptions.Exit:
        return None  # of --help and --version
    except click.MissingParameter as error:
        return error.format_message() if whole else None
    except click.BadOptionUsage as error:
        return None if not whole and args[-1] == error.option_name else error.format_message()
    except click.UsageError as error:
        return error.format_message()
    return None


def script_error(script: str, args: tuple[str, ...], monkeypatch) -> str | None:
    """Return why the parser of a script does not take its arguments; nothing is measured."""
    path = ROOT / script
    if not path.is_file():
        return "there is no such file"
    if "argparse" not in path.read_text(encoding="utf-8"):
        return f"it takes no arguments, not {args}" if args else None

    def parsing(name):
        parse = getattr(argparse.ArgumentParser, name)

        def parse_alone(self, *given):
            monkeypatch.undo()  # one way of parsing may use the other
            parse(self, *given)
            raise Parsed

        return parse_alone

    def fail(self, message):
        raise ValueError(message)

    for name in ("parse_args", "parse_intermixed_args"):
        monkeypatch.setattr(argparse.ArgumentParser, name, parsing(name))
    with (
        patch.object(argparse.ArgumentParser, "error", fail),
        patch.object(sys, "argv", [str(path), *args]),
        patch.object(sys, "path", [str(path.parent), *sys.path]),
        patch.dict(os.environ),
    ):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except Parsed:
            return None
        except ValueError as error:
            return str(error)
    return "it read no arguments"


def unknown_settings(args: tuple[str, ...]) -> list[str]:
    """Return the settings in overrides that no graph, model, data or training has."""
    sections = settings_of_choices()
    unknown = []
    for word in " ".join(args).split():
        named = re.match(r"(\w+)\.(\w+)=", word)
        if named and not any(
            named[2] in cls.__dataclass_fields__ for cls in sections.get(named[1], {}).values()
        ):
            unknown.append(named[0])
    return unknown


def test_every_documented_command_is_parsed():
    lines = all_lines("xtalgraph")
    assert len(lines) > 150
    wrong = [
        f"{line.where}\n    {error}"
        for line in lines
        if (error := click_error(list(line.args), line.whole))
        and not (line.fails and "no such option" not in error.lower())
    ]
    assert wrong == []


def test_every_documented_benchmark_is_parsed(monkeypatch):
    lines = all_lines("benchmarks")
    assert len(lines) > 40
    wrong = [
        f"{line.where}\n    {error}"
        for line in lines
        if (line.whole or line.args)
        and (error := script_error(line.script, line.args, monkeypatch))
    ]
    assert wrong == []


def test_make_bench_runs_scripts_that_need_no_arguments(monkeypatch):
    (names,) = re.findall(r"^BENCH := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    scripts = [f"benchmarks/{name}.py" for name in names.split()]
    assert {script: script_error(script, (), monkeypatch) for script in scripts} == dict.fromkeys(
        scripts
    )


def test_every_documented_setting_is_known():
    lines = [line for name in ("xtalgraph", "benchmarks") for line in all_lines(name)]
    wrong = [
        f"{line.where}\n    {name}"
        for line in lines
        if not line.fails
        for name in unknown_settings(line.args)
    ]
    assert wrong == []


def test_a_command_that_is_wrong_is_noticed(monkeypatch):
    assert "Missing argument" in str(click_error(["graph"], True))
    assert click_error(["graph", "--strategy"], False) is None
    assert "No such option" in str(click_error(["graph", "--strategies", "x"], False))
    assert "did you mean 'graph'" in str(click_error(["grph"], False))
    assert "No such command" in str(click_error(["data", "lst"], False))
    wrong = script_error("benchmarks/tensors.py", ("dielectric", "DATA"), monkeypatch)
    assert "required: out" in str(wrong)
    assert "takes no arguments" in str(script_error("benchmarks/neighbors.py", ("x",), monkeypatch))
    assert unknown_settings(("model.depht=3", "model.depth=3")) == ["model.depht="]


@pytest.mark.parametrize("text", ["`x`", "python -m venv", "xtalgraphs train"])
def test_other_text_is_no_command(text):
    assert line_of(text, "", True) is None
