"""How large the house is, and how far one walks through it: lines, files, functions, calls.

Run it as `python benchmarks/house.py`; it takes a few seconds. Two numbers are measured on a
training of two epochs on a small file of crystals, from the command line to the report:

- own calls, from the function of the command down to the step of the optimiser: the frames of
  `xtalgraph` that are on the stack in the first step;
- files through which a crystal goes: those of `xtalgraph`, without the island `plots`, in which a
  function takes or returns numbers that come from the crystals: an array, a tensor, a table, or a
  value that holds some. Calls that an import makes do not count, nor settings, paths and texts.
"""

import argparse
import ast
import contextlib
import io
import os
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import torch

import xtalgraph
from xtalgraph.cli.main import main as command
from xtalgraph.training.optimizer import FlatAdamW

SOURCE = Path(xtalgraph.__file__).parent
LONGEST_FILE = 350
"""Lines."""
LONGEST_FUNCTION = 70
"""Lines of code: without blank lines, comments and docstrings."""
ISLAND = "plots"
DEPTH = 3
"""How deep numbers may lie in a value that holds them."""
HALOGENS = ("F", "Cl", "Br", "I")


def source_files() -> list[Path]:
    """Return the files of the package, sorted."""
    return sorted(SOURCE.rglob("*.py"))


def lines_of_code(path: Path) -> set[int]:
    """Return the numbers of the lines of a file that hold code."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    with path.open("rb") as file:
        tokens = [t for t in tokenize.tokenize(file.readline) if t.type not in silent]
    lines = {n for t in tokens[1:-1] for n in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith(("'", '"')):  # a docstring
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each function of a file: its name and how many lines of code it has."""
    code = lines_of_code(path)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            span = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            yield node.name, len(code.intersection(span))


def asserts_of(path: Path) -> list[int]:
    """Return the lines of a file on which there is an `assert`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]


def branches_of(path: Path) -> list[int]:
    """Return the lines of a file that ask whether a target is a class, or is atomic."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and ast.unparse(node).endswith(
            (".is_class", "Kind.ATOMIC")
        ):
            lines.append(node.lineno)
    return lines


def holds_numbers(value: Any, depth: int = DEPTH) -> bool:
    """Whether a value is an array, a tensor or a table, or holds one; a model does not count."""
    if isinstance(value, np.ndarray | torch.Tensor | pd.DataFrame | pd.Series):
        return True
    if depth == 0 or isinstance(value, str | bytes | int | float | type | torch.nn.Module):
        return False
    if isinstance(value, list | tuple):
        parts = list(value[:4])
    elif isinstance(value, dict):
        parts = list(value.values())[:8]
    elif type(value).__module__.startswith("xtalgraph."):
        parts = list(vars(value).values()) if hasattr(value, "__dict__") else []
    else:
        return False
    return any(holds_numbers(part, depth - 1) for part in parts)


class Trace:
    """What a training goes through: files with the crystals in hand, and the calls of a step."""

    def __init__(self) -> None:
        self.files: dict[str, set[str]] = {}
        self.calls: list[str] = []
        self._importing = 0

    def on_event(self, frame: FrameType, event: str, value: Any) -> None:
        """Look at a call or a return; given to `sys.setprofile`."""
        code = frame.f_code
        if code.co_name == "<module>" and event in ("call", "return"):
            self._importing += 1 if event == "call" else -1
        if self._importing or event not in ("call", "return"):
            return
        path = Path(code.co_filename)
        if not code.co_filename.startswith(f"{SOURCE}{os.sep}"):
            return
        name = path.relative_to(SOURCE).as_posix()
        if code.co_name in self.files.get(name, ()):
            return
        if event == "call":
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            given = [frame.f_locals[key] for key in names if key in frame.f_locals]
        else:
            given = [value]
        if any(holds_numbers(one) for one in given):
            self.files.setdefault(name, set()).add(code.co_name)

    def on_step(self) -> None:
        """Keep the own calls on the stack, the outermost first; called in a step."""
        if self.calls:
            return
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            code = frame.f_code
            if code.co_filename.startswith(f"{SOURCE}{os.sep}"):
                file = Path(code.co_filename).relative_to(SOURCE).as_posix()
                self.calls.insert(0, f"{file}:{frame.f_lineno} {code.co_qualname}")
            frame = frame.f_back


def small_file(folder: Path) -> Path:
    """Write crystals of rock salt with a number each, in extended XYZ."""
    frames = []
    for n, (cation, anion) in enumerate(product(("Li", "Na", "K", "Rb", "Cs"), HALOGENS)):
        edge = 5.0 + 0.1 * n
        cell = " ".join(f"{x:.6f}" for x in (edge / 2 * (1 - np.eye(3))).ravel())
        keys = f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T" y={edge**-2:.6f}'
        half = f"{edge / 2:.6f}"
        frames.append(f"2\n{keys}\n{cation} 0 0 0\n{anion} {half} {half} {half}\n")
    path = folder / "salts.extxyz"
    path.write_text("".join(frames), encoding="utf-8")
    return path


def trace_training() -> Trace:
    """Train a model from the command line to the report, and say what that went through."""
    trace = Trace()
    step = FlatAdamW.step

    def traced(optimizer: FlatAdamW, *given: Any) -> None:
        trace.on_step()
        step(optimizer, *given)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, out = small_file(folder), folder / "run"
        options = ("--target", "y", "--model", "gcn", "--epochs", "2", "--jobs", "1", "--quiet")
        asked = ["train", str(data), "--out", str(out), *options, "--set", "data.store=false"]
        quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
        with quiet[0], quiet[1], mock.patch.object(FlatAdamW, "step", traced):
            sys.setprofile(trace.on_event)
            try:
                command(asked)
            except SystemExit as end:
                if end.code:
                    raise
            finally:
                sys.setprofile(None)
        if not (out / "report.html").is_file():
            raise RuntimeError("the training wrote no report")
    if not trace.calls:
        raise RuntimeError("no step of the optimiser was seen: say where it stands now")
    return trace


def main() -> None:
    """Print the counts, and what is above the limits."""
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--list", action="store_true", help="Print calls and files, too.")
    listed = arguments.parse_args().list
    files = source_files()
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    print(f"lines of src: {sum(lines.values())} in {len(files)} files")
    long_files = [(n, path) for path, n in lines.items() if n > LONGEST_FILE]
    print(f"files above {LONGEST_FILE} lines: {len(long_files)}")
    for n, path in sorted(long_files, reverse=True):
        print(f"  {n} {path.relative_to(SOURCE)}")
    found = [(n, name, path) for path in files for name, n in functions_of(path)]
    long = sorted((one for one in found if one[0] > LONGEST_FUNCTION), reverse=True)
    print(f"functions above {LONGEST_FUNCTION} lines of code: {len(long)}")
    for n, name, path in long:
        print(f"  {n} {path.relative_to(SOURCE)} {name}")
    asserts = [(path, n) for path in files for n in asserts_of(path)]
    print(f"asserts in src: {len(asserts)}")
    for path, n in asserts:
        print(f"  {path.relative_to(SOURCE)}:{n}")
    asked = [
        path for path in files if path != SOURCE / "data/targets.py" for _ in branches_of(path)
    ]
    print(f"places that ask whether a target is a class or atomic: {len(asked)}")
    trace = trace_training()
    print(f"own calls from the command to the step of training: {len(trace.calls)}")
    if listed:
        print("".join(f"  {call}\n" for call in trace.calls), end="")
    through = sorted(name for name in trace.files if not name.startswith(f"{ISLAND}/"))
    print(f"files through which a crystal goes to the report: {len(through)}")
    if listed:
        for name in through:
            print(f"  {name}: {', '.join(sorted(trace.files[name])[:6])}")


if __name__ == "__main__":
    main()
