"""The floors of docs/architecture.md, read from the imports."""

import ast
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "xtalgraph"
FLOORS = {
    "conventions": 0,
    "crystals": 1,
    "graphs": 2,
    "nn": 3,
    "metrics": 3,
    "data": 4,
    "models": 5,
    "baselines": 5,
    "training": 6,
    "simulation": 6,
    "evidence": 6,
    "testing": 6,
    "workflows": 7,
    "cli": 8,
    "app": 8,
}
ISLAND = "plots"
"""Imports nothing of ours but conventions; evidence and workflows may look at it."""
LONGEST = 350
LONGEST_FUNCTION = 70


FILES = sorted(p for p in SOURCE.rglob("*.py") if p.parent != SOURCE)


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree_of(path)))


@cache
def imports_of(path: Path) -> set[str]:
    """Every module of ours that is imported anywhere in a file, also inside functions."""
    return imported_modules(nodes_of(path))


def imported_modules(nodes: Iterable[ast.AST]) -> set[str]:
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a thing comes from"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("xtalgraph.")}


def imported_rooms(path: Path) -> set[str]:
    rooms = {name.split(".")[1] for name in imports_of(path)}
    return {room for room in rooms if room in FLOORS or room == ISLAND}


def test_every_room_is_on_the_plan():
    rooms = {p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert rooms <= set(FLOORS) | {ISLAND}


def may_import(room: str, other: str) -> bool:
    if room == ISLAND:
        return other == "conventions"
    if other == ISLAND:
        return FLOORS[room] >= 6
    return FLOORS[other] < FLOORS[room]


def test_imports_go_down_only():
    upward = [
        f"{name_of(path)} may not import {other}"
        for path in FILES
        for other in sorted(imported_rooms(path) - {room_of(path)})
        if not may_import(room_of(path), other)
    ]
    assert upward == []


def test_no_cycle_between_modules():
    edges = defaultdict(set)
    for path in FILES:
        name = ".".join(("xtalgraph", *path.relative_to(SOURCE).with_suffix("").parts))
        name = name.removesuffix(".__init__")
        for node in tree_of(path).body:  # an import inside a function closes no cycle
            if not isinstance(node, ast.Import | ast.ImportFrom):
                continue
            for target in imported_modules([node]):
                parts = target.split(".")
                while len(parts) > 1 and not (
                    (SOURCE.parent / Path(*parts)).with_suffix(".py").is_file()
                    or (SOURCE.parent / Path(*parts) / "__init__.py").is_file()
                ):
                    parts.pop()
                edges[name].add(".".join(parts))
    done, path_now = set(), []

    def visit(name):
        assert name not in path_now, f"import cycle: {' -> '.join([*path_now, name])}"
        if name in done:
            return
        path_now.append(name)
        for other in edges[name] - {name}:
            visit(other)
        path_now.pop()
        done.add(name)

    for name in list(edges):
        visit(name)


def test_no_file_is_long():
    lengths = {name_of(p): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def lines_of_code(path: Path) -> set[int]:
    """The lines that hold more than a comment, a docstring or nothing."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    with path.open("rb") as file:
        tokens = [t for t in tokenize.tokenize(file.readline) if t.type not in silent]
    code = {n for t in tokens[1:-1] for n in range(t.start[0], t.end[0] + 1)}
    for node in nodes_of(path):
        if isinstance(node, ast.Expr) and is_text(node.value):  # a docstring
            code -= set(range(node.lineno, node.end_lineno + 1))
    return code


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_no_function_is_long():
    long = []
    for path in FILES:
        functions = [
            node
            for node in nodes_of(path)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and node.end_lineno - node.lineno >= LONGEST_FUNCTION
        ]
        code = lines_of_code(path) if functions else set()
        for node in functions:
            lines = len(code & set(range(node.lineno, node.end_lineno + 1)))
            if lines > LONGEST_FUNCTION:
                long.append(f"{name_of(path)}: {node.name} has {lines} lines of code")
    assert long == []


def test_nothing_is_asserted():
    """`python -O` leaves out an assert; an error of the project stays."""
    asserts = [
        f"{name_of(path)}:{node.lineno}"
        for path in FILES
        for node in nodes_of(path)
        if isinstance(node, ast.Assert)
    ]
    assert asserts == []


def test_no_pickle_is_read_or_written():
    banned = {"pickle", "cloudpickle", "dill", "joblib", "torch.load", "torch.save"}
    for path in FILES:
        names = set()
        for node in nodes_of(path):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                names.add(f"{node.value.id}.{node.attr}")
        assert not names & banned, name_of(path)


def test_the_plan_in_the_docs_is_this_plan():
    text = (SOURCE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    for room, floor in FLOORS.items():
        line = next(
            line for line in text.splitlines() if f" {room}/" in line or f" {room} " in line
        )
        above = [li for li in text[: text.index(line) + 3].splitlines() if li.startswith("F")]
        assert above[-1].startswith(f"F{floor}"), f"docs/architecture.md puts {room} elsewhere"


def architectures() -> set[str]:
    """The modules of the encoders, which the registry imports."""
    names = {name.split(".")[2] for name in imports_of(SOURCE / "models" / "registry.py")}
    return names - {"encoder", "model", "property_model", "potential", "pretrained", "terms"}


NAMED_ELSEWHERE = {
    "models/converted/mace_torch.py": "it makes a model of this name of another package's weights",
    "models/converted/nequip.py": "the same",
    "data/potential_targets.py": "files of other packages have labels with such a prefix",
    "baselines/external_model.py": "networks of other libraries, which have these names there",
    "workflows/leaderboard/catalogue.py": "the same",
    "nn/radial.py": "the grid of Gaussians of a published code has its name",
}


def test_no_architecture_is_named_outside_its_file_and_the_registry():
    names = architectures()
    assert {"cgcnn", "xgn"} <= names
    own = {f"xtalgraph.models.{name}" for name in names}
    word = re.compile(rf"(?<![a-z])({'|'.join(names)})(?![a-z])", re.IGNORECASE)
    for path in FILES:
        if path.parent.name == "models" and path.stem in {*names, "registry"}:
            continue
        assert not {".".join(name.split(".")[:3]) for name in imports_of(path)} & own, path
        if name_of(path) in NAMED_ELSEWHERE:
            continue
        prose = {id(node.value) for node in nodes_of(path) if isinstance(node, ast.Expr)}
        for node in nodes_of(path):
            if is_text(node) and id(node) not in prose:
                line = f"{name_of(path)}:{node.lineno}: {node.value!r}"
                assert not word.search(node.value), line


TESTS = Path(__file__).parent
ROOMS = sorted({room_of(path) for path in FILES})
BY_FILE = ("nn",)
"""Rooms whose modules each have a test file of the same name."""
BY_ROOM = ("baselines", "metrics", "models", "nn", "testing", "training")
"""Rooms whose modules are all reached from their own tests; commands, pages and workflows are also
reached from those of the rooms above."""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_tested_in_the_folder_of_its_name(room):
    named = {path.stem.removeprefix("test_") for path in (TESTS / room).rglob("test_*.py")}
    assert named, f"tests/{room} holds no test"
    modules = {
        ".".join(("xtalgraph", *path.relative_to(SOURCE).with_suffix("").parts)): path
        for path in FILES
        if room_of(path) in (room, "testing") and path.stem != "__init__"
    }  # the shipped contract tests what it imports
    own = {name for name, path in modules.items() if room_of(path) == room}
    if room in BY_FILE:
        assert {name.rpartition(".")[2] for name in own} <= named
    if room in BY_ROOM:
        seen, ahead = set(), [*(TESTS / room).rglob("*.py"), *(SOURCE / "testing").glob("*.py")]
        while ahead:
            imported = imports_of(ahead.pop())
            for name in {name.rpartition(".")[0] for name in imported} | imported:
                if name in modules and name not in seen:
                    seen.add(name)
                    ahead.append(modules[name])
        assert own - seen == set(), f"no test in tests/{room} reaches them"
