"""Names are the field's words: identifiers, options, settings, keys and first sentences."""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import click
import pytest

from xtalgraph.cli.main import VERBS, xtalgraph
from xtalgraph.conventions.declarations import fields_of
from xtalgraph.workflows.setting_names import settings_of_choices

ROOT = Path(__file__).parents[1] / "src" / "xtalgraph"
PARTS = {
    "advised": "default or recommended",
    "demand": "check",
    "doubts": "std",
    "ladder": "benchmark or leaderboard",
    "latent": "embedding",
    "pile": "histogram",
    "redrawn": "shuffled",
    "refusal": "skipped or unsupported",
    "rung": "baseline",
    "said": "prediction, message, text or label",
    "sheet": "batch",
    "wording": "text",
}
"""Words that stand in no name, as a part of it, and what stands there instead."""
ALONE = {"each", "found", "how", "one", "own", "place"}
"""Words that are no name by themselves, as they do not say what a thing is."""
ROOMS = sorted(path.name for path in ROOT.iterdir() if path.is_dir() and path.name != "__pycache__")
WEIGHTS = {("alignn.py", "own"), ("gemnet.py", "own")}
"""Names that stand in the files of trained weights, by which these are found again."""
PENDING: dict[str, set[str]] = {}
"""Words that a room still has; the fewer the better, and none is added."""


@dataclass
class Words:
    """What stands in a file under a name or as a name, each with its line."""

    definitions: list[tuple[str, int]] = field(default_factory=list)
    keys: list[tuple[str, int]] = field(default_factory=list)
    """Texts that are keys of a mapping, as those of JSON and of columns are."""
    first_sentences: list[tuple[str, int]] = field(default_factory=list)


def words_of(path: Path) -> Words:
    words = Words()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            line = getattr(node, "lineno", 1)
            words.first_sentences.append(((ast.get_docstring(node) or "").partition("\n")[0], line))
            if not isinstance(node, ast.Module):
                words.definitions.append((node.name, line))
        elif isinstance(node, ast.arg):
            words.definitions.append((node.arg, node.lineno))
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.id if isinstance(node, ast.Name) else node.attr
            words.definitions.append((name, node.lineno))
        elif isinstance(node, ast.Dict | ast.Subscript):
            written = node.keys if isinstance(node, ast.Dict) else [node.slice]
            words.keys += [
                (key.value, key.lineno)
                for key in written
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            ]
    return words


@cache
def parts_of(name: str) -> frozenset[str]:
    parts = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return frozenset(part.lower() for part in parts)


@pytest.mark.parametrize("room", ROOMS)
def test_the_names_of_a_room_are_the_words_of_the_field(room):
    pending = PENDING.get(room, set())
    wrong = []
    for path in sorted((ROOT / room).rglob("*.py")):
        words = words_of(path)
        where = path.relative_to(ROOT)
        wrong += [
            f"{where}:{line}: {name}: write {PARTS[part]}"
            for name, line in [*words.definitions, *words.keys, *words.first_sentences]
            for part in sorted(parts_of(name) & (PARTS.keys() - pending))
        ]
        wrong += [
            f"{where}:{line}: {name}: say what it is"
            for name, line in words.definitions
            if name in ALONE and (path.name, name) not in WEIGHTS
        ]
        wrong += [f"{where}: {part}" for part in parts_of(path.stem) & (PARTS.keys() - pending)]
    assert wrong == []


def test_the_names_of_settings_are_the_words_of_the_field():
    banned = {*PARTS, "fold_tolerance", "state", "recipe", "spread"}
    names = [
        name
        for section in settings_of_choices().values()
        for cls in section.values()
        for name in fields_of(cls)
    ]
    assert [name for name in names if name in banned or parts_of(name) & PARTS.keys()] == []


def test_the_names_of_options_are_the_words_of_the_field():
    for name in VERBS:
        command = xtalgraph.get_command(click.Context(xtalgraph), name)
        verbs = command.commands.values() if isinstance(command, click.Group) else [command]
        options = [option for verb in verbs for one in verb.params for option in one.opts]
        assert [option for option in options if parts_of(option) & PARTS.keys()] == []


PROSE = {*PARTS, "folded", "recipe", "refused", "refuses", "spread"}
"""Words that the manual does without, in any sentence."""


def test_the_manual_is_in_the_words_of_the_field():
    top = ROOT.parents[1]
    wrong = []
    for page in [top / "README.md", top / "CONTRIBUTING.md", *sorted(top.glob("docs/**/*.md"))]:
        text = page.read_text(encoding="utf-8")
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        words = set(re.findall(r"[a-z]+", prose.lower()))
        wrong += [f"{page.relative_to(top)}: {word}" for word in sorted(words & PROSE)]
    assert wrong == []
