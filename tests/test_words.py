"""Names are the field's words: identifiers, options, settings, keys and first sentences."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from xtalgraph.cli.main import VERBS
from xtalgraph.conventions.declarations import fields_of
from xtalgraph.workflows.setting_names import SETTINGS

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
NAMED = {"baselines", "cli", "conventions", "crystals", "data", "graphs", "nn"}
"""Rooms in which no name stands alone that says nothing; the others are not there yet."""
PENDING = {
    "evidence": {"demand", "doubts", "said", "wording"},
    "metrics": {"said"},
    "models": {"doubts", "latent", "said"},
    "plots": {"said"},
    "testing": {"demand", "said"},
    "training": {"said"},
    "workflows": {"latent", "said"},
}
"""Words that a room still has; the fewer the better, and none is added."""


def definitions(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name that is defined, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield (node.id if isinstance(node, ast.Name) else node.attr), node.lineno


def keys(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every text that is the key of a mapping, as those of JSON and of columns are."""
    for node in ast.walk(tree):
        written = node.keys if isinstance(node, ast.Dict) else []
        if isinstance(node, ast.Subscript):
            written = [node.slice]
        for key in written:
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, key.lineno


def first_sentences(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
            text = ast.get_docstring(node) or ""
            yield text.partition("\n")[0], getattr(node, "lineno", 1)


def parts_of(name: str) -> set[str]:
    return {part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.parametrize("room", ROOMS)
def test_the_names_of_a_room_are_the_words_of_the_field(room):
    pending = PENDING.get(room, set())
    wrong = []
    for path in sorted((ROOT / room).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        where = path.relative_to(ROOT)
        wrong += [
            f"{where}:{line}: {name}: write {PARTS[part]}"
            for name, line in [*definitions(tree), *keys(tree), *first_sentences(tree)]
            for part in sorted(parts_of(name) & (PARTS.keys() - pending))
        ]
        wrong += [
            f"{where}:{line}: {name}: say what it is"
            for name, line in definitions(tree)
            if room in NAMED and name in ALONE
        ]
        wrong += [f"{where}: {part}" for part in parts_of(path.stem) & (PARTS.keys() - pending)]
    assert wrong == []


def test_the_names_of_settings_are_the_words_of_the_field():
    banned = {*PARTS, "fold_tolerance", "state", "recipe", "spread"}
    names = [
        name for section in SETTINGS.values() for cls in section.values() for name in fields_of(cls)
    ]
    assert [name for name in names if name in banned or parts_of(name) & PARTS.keys()] == []


def test_the_names_of_options_are_the_words_of_the_field():
    for name in VERBS:
        command = getattr(importlib.import_module(f"xtalgraph.cli.{name}"), name)
        verbs = command.commands.values() if isinstance(command, click.Group) else [command]
        options = [option for verb in verbs for one in verb.params for option in one.opts]
        assert [option for option in options if parts_of(option) & PARTS.keys()] == []
