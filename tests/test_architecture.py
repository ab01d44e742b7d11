"""The floors of docs/architecture.md, read from the imports."""

import ast
import re
import tokenize
from collections import defaultdict
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


def room_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


def imported_modules(tree: ast.AST) -> set[str]:
    """Every module of ours that is imported anywhere in a file, also inside functions."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a thing comes from"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.startswith("xtalgraph.")}


def imported_rooms(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    rooms = {name.split(".")[1] for name in imported_modules(tree)}
    return {room for room in rooms if room in FLOORS or room == ISLAND}


FILES = sorted(p for p in SOURCE.rglob("*.py") if p.parent != SOURCE)


def test_every_room_is_on_the_plan():
    rooms = {p.name for p in SOURCE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert rooms <= set(FLOORS) | {ISLAND}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_go_down_only(path):
    room = room_of(path)
    for other in imported_rooms(path) - {room}:
        if room == ISLAND:
            assert other == "conventions", f"{ISLAND} may import conventions only, not {other}"
        elif other == ISLAND:
            assert FLOORS[room] >= 6, f"{room} may not draw"
        else:
            assert FLOORS[other] < FLOORS[room], f"{room} may not import {other}"


def test_no_cycle_between_modules():
    edges = defaultdict(set)
    for path in FILES:
        name = ".".join(("xtalgraph", *path.relative_to(SOURCE).with_suffix("").parts))
        name = name.removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:  # an import inside a function closes no cycle at import time
            for target in (
                imported_modules(ast.Module([node], []))
                if isinstance(node, ast.Import | ast.ImportFrom)
                else ()
            ):
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


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_file_is_long(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{lines} lines; take it apart"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_function_is_long(path):
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    with path.open("rb") as file:
        tokens = [t for t in tokenize.tokenize(file.readline) if t.type not in silent]
    code = {n for t in tokens[1:-1] for n in range(t.start[0], t.end[0] + 1)}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith(("'", '"')):  # a docstring
            code -= set(range(node.lineno, node.end_lineno + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = len(code & set(range(node.lineno, node.end_lineno + 1)))
            assert lines <= LONGEST_FUNCTION, f"{node.name} has {lines} lines of code"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_nothing_is_asserted(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    assert not lines, "python -O leaves out an assert: raise an error of the project"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_pickle_is_read_or_written(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
    assert not names & {"pickle", "cloudpickle", "dill", "joblib", "torch.load", "torch.save"}


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
    tree = ast.parse((SOURCE / "models" / "registry.py").read_text(encoding="utf-8"))
    names = {name.split(".")[2] for name in imported_modules(tree)}
    return names - {"encoder", "model", "property_model"}


NAMED_ELSEWHERE = {
    "baselines/external_model.py": "networks of other libraries, which have these names there",
    "nn/radial.py": "the grid of Gaussians of a published code has its name",
}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_architecture_is_named_outside_its_file_and_the_registry(path):
    names = architectures()
    assert {"cgcnn", "xgn"} <= names
    where = path.relative_to(SOURCE).as_posix()
    if path.parent.name == "models" and path.stem in {*names, "registry"}:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {f"xtalgraph.models.{name}" for name in names}
    assert not {".".join(name.split(".")[:3]) for name in imported_modules(tree)} & own
    if where in NAMED_ELSEWHERE:
        return
    word = re.compile(rf"(?<![a-z])({'|'.join(names)})(?![a-z])", re.IGNORECASE)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            assert not word.search(node.value), f"line {node.lineno}: {node.value!r}"


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
            imported = imported_modules(ast.parse(ahead.pop().read_text(encoding="utf-8")))
            for name in {name.rpartition(".")[0] for name in imported} | imported:
                if name in modules and name not in seen:
                    seen.add(name)
                    ahead.append(modules[name])
        assert own - seen == set(), f"no test in tests/{room} reaches them"
