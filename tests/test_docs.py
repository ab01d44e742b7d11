"""What is documented is executed: code blocks, commands, docstring examples, links, tables."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import logging
import pkgutil
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path

import pandas as pd
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write

import xtalgraph
from xtalgraph.cli.main import main
from xtalgraph.crystals.writing import to_cif, write_cif
from xtalgraph.data.ionic.load import ionic_perovskites
from xtalgraph.data.table import read_table
from xtalgraph.metrics.bootstrap import Interval, PairedDifference, interval, paired_difference
from xtalgraph.models.registry import ENCODERS
from xtalgraph.workflows.config import RunConfig, read_yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("benchmarks/**/*.md"),
        *ROOT.glob("tests/*.md"),
    ]
)
RUNNABLE = ("python", "pycon", "shell", "console")
SKIP = re.compile(r"<!-- not executed: (.+) -->")
NEEDS = re.compile(r"<!-- needs (\w+) -->")
"""Above a block that is executed where a module is installed that xtalgraph has no extra for."""
QUICK = {
    ("train",): ["--epochs", "2", "--set", "training.threads=1", "--quiet"],
    ("finetune",): ["--epochs", "1", "--set", "training.threads=1", "--quiet"],
    ("compare",): ["--epochs", "2", "--set", "training.threads=1", "--quiet"],
    ("ablate",): ["--epochs", "1", "--set", "training.threads=1", "--quiet"],
    ("train-generator",): ["--epochs", "1", "--set", "training.threads=1", "--quiet"],
    ("generate",): ["--steps", "2", "--quiet"],
    ("assess-generator",): ["--steps", "2", "--crystals", "3", "--copies", "1", "--quiet"],
    ("pretrain",): ["--epochs", "1", "--set", "training.threads=1", "--quiet"],
    ("tune",): ["--epochs", "1", "--set", "training.threads=1", "--quiet"],
    ("exercise", "2"): ["--epochs", "1", "--quiet"],
    ("exercise", "4"): ["--epochs", "1", "--quiet"],
    ("predict",): ["--quiet"],
    ("evaluate",): ["--quiet"],
    ("verify",): ["--sample", "2", "--quiet"],
    ("diagnose",): ["--quiet"],
    ("embed",): ["--quiet"],
    ("screen",): ["--quiet"],
    ("suggest",): ["--quiet"],
    ("energies",): ["--quiet"],
    ("relax",): ["--quiet"],
    ("eos",): ["--quiet"],
    ("elastic",): ["--quiet"],
    ("phonons",): ["--quiet"],
    ("md",): ["--steps", "20", "--quiet"],
    ("data", "fetch"): ["--quiet"],
    ("data", "info"): ["--quiet"],
}
"""What is added to a documented command so that it ends in a second and draws no bar."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    line: int
    text: str
    skipped: bool
    needs: str | None = None

    @property
    def runs(self) -> bool:
        """Whether it is executed here."""
        there = self.needs is None or importlib.util.find_spec(self.needs) is not None
        return self.language in RUNNABLE and not self.skipped and there


def blocks_of(page: Path) -> list[Block]:
    found, lines = [], page.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        fence = re.fullmatch(r"```(\w*)", lines[number])
        if fence is not None:
            above = next((li for li in reversed(lines[:number]) if li.strip()), "")
            body = list(takewhile(lambda li: li != "```", lines[number + 1 :]))
            skipped = SKIP.fullmatch(above.strip()) is not None
            needs = NEEDS.fullmatch(above.strip())
            module = None if needs is None else needs[1]
            found.append(Block(fence[1], number + 1, "\n".join(body), skipped, module))
            number += len(body) + 1
        number += 1
    return found


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="session")
def workplace(tmp_path_factory) -> Path:
    """The files of which the pages speak, tiny."""
    place = tmp_path_factory.mktemp("docs")
    for folder in ("examples", "examples-graph"):
        shutil.copytree(ROOT / "docs" / folder, place / "docs" / folder)
    shutil.copy(ROOT / "docs" / "demo.yaml", place / "docs" / "demo.yaml")
    (place / "docs" / "tutorial").mkdir()
    tutorial = pd.read_csv(ROOT / "docs" / "tutorial" / "perovskites.csv").head(24)
    tutorial.to_csv(place / "docs" / "tutorial" / "perovskites.csv", index=False)
    frame = ionic_perovskites(160).iloc[::8].reset_index(drop=True)  # two of each compound
    crystals = read_table(frame).crystals
    table = frame[["id", "compound"]].assign(
        cif=[to_cif(crystal) for crystal in crystals],
        e_form=frame["excess_energy"],
        e_atom=frame["energy_per_atom"],
        fold=[i % 5 for i in range(len(frame))],
        part=["train", "train", "train", "val", "test"] * 4,
    )
    table["gap"] = [0.1 * i if i % 3 else None for i in range(len(frame))]
    stable = table["e_form"] < table["e_form"].median()
    table = table.assign(stable=stable, verdict=["stable" if s else "unstable" for s in stable])
    table.to_csv(place / "perovskites.csv.gz", index=False)
    _write_frames(place / "frames.extxyz")
    shutil.copy(ROOT / "tests" / "models" / "references" / "si.npz", place)
    (place / "new_crystals").mkdir()
    for number, crystal in enumerate(crystals[:3]):
        write_cif(crystal, place / "new_crystals" / f"new-{number}.cif")
    return place


def _write_frames(path: Path) -> None:
    """Write frames of copper with energy, forces and stress."""
    frames = []
    for seed in range(12):
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell(atoms.cell * (0.97 + 0.005 * seed), scale_atoms=True)
        atoms.rattle(0.05, seed=seed)
        atoms.calc = EMT()
        atoms.get_stress()
        frames.append(atoms)
    write(path, frames)


def quick_difference(*args, **options) -> PairedDifference:
    return paired_difference(*args, **(options | {"samples": 10}))


def quick_interval(*args, samples: int, **options) -> Interval:
    return interval(*args, samples=min(samples, 10), **options)


@pytest.fixture
def here(workplace, without_report, tmp_path, monkeypatch) -> Iterator[Path]:
    """Work in a copy of the workplace; twenty rows are the embedded data set.

    What takes the seconds of a tiny training is left to other tests: the resamples of an interval
    are few, and a training writes no report, which `xtalgraph report` does in the guide.
    """
    place = tmp_path / "work"
    shutil.copytree(workplace, place)
    monkeypatch.chdir(place)
    monkeypatch.setenv("XTALGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XTALGRAPH_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr("xtalgraph.data.ionic.load.NUM_ROWS", 20)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr("xtalgraph.metrics.summary.interval", quick_interval)
    monkeypatch.setattr("xtalgraph.metrics.bootstrap.paired_difference", quick_difference)
    monkeypatch.setattr("xtalgraph.workflows.verify.report", lambda folder: None)
    known = dict(ENCODERS)
    yield place
    ENCODERS.clear()
    ENCODERS.update(known)  # a page may have added its own
    log = logging.getLogger("xtalgraph")
    log.handlers.clear()
    log.propagate = True


@pytest.mark.parametrize("page", [p for p in PAGES if blocks_of(p)], ids=name_of)
def test_the_blocks_of_a_page_run(page, here, capsys):
    names: dict[str, object] = {"__name__": "docs"}
    for block in blocks_of(page):
        if not block.runs:
            continue
        where = f"{name_of(page)}:{block.line}"
        if block.language == "python":
            exec(compile("\n" * block.line + block.text, str(page), "exec"), names)
        elif block.language == "pycon":
            run_examples(block, where, names)
        else:
            run_commands(block, where, capsys)


def run_examples(block: Block, where: str, names: dict[str, object]) -> None:
    test = doctest.DocTestParser().get_doctest(block.text + "\n", names, where, where, block.line)
    test.globs = names  # the blocks of a page share their names
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    assert runner.run(test, out=said.append, clear_globs=False).failed == 0, "".join(said)


def run_commands(block: Block, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Run every `xtalgraph ...`; in a console block, what it prints must be what is shown."""
    lines = block.text.replace("\\\n", " ").splitlines()
    prompt = "$ " if block.language == "console" else ""
    for number, line in enumerate(lines):
        if not line.startswith(f"{prompt}xtalgraph "):
            continue
        expected = re.search(r"# exit code (\d+)", line)
        args = shlex.split(line.removeprefix(prompt), comments=True)[1:]
        for verb, extra in QUICK.items():
            if tuple(args[: len(verb)]) == verb and "--help" not in args:
                args += extra
        if "--intervals" in args:  # a tenth of 16 crystals is too few
            args += ["--set", "data.calibration_fraction=0.7"]
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(args)
        out, err = capsys.readouterr()
        code = int(expected[1]) if expected else 0
        assert int(ended.value.code or 0) == code, f"{where}: {line}\n{out}\n{err}"
        if prompt:
            shown = takewhile(lambda li: not li.startswith("$ "), lines[number + 1 :])
            wanted = "\n".join(shown).strip()
            checker = doctest.OutputChecker()
            assert checker.check_output(
                wanted + "\n", (err + out).strip() + "\n", doctest.ELLIPSIS
            ), f"{where}: {line}\nprints\n{err + out}"


def modules() -> list[str]:
    found = pkgutil.walk_packages(xtalgraph.__path__, "xtalgraph.")
    return ["xtalgraph", *(module.name for module in found)]


def test_every_module_is_imported():
    for name in modules():
        importlib.import_module(name)


def modules_with_examples() -> list[str]:
    paths = sorted(Path(*xtalgraph.__path__).rglob("*.py"))
    paths = [path for path in paths if ">>>" in path.read_text(encoding="utf-8")]
    parts = [path.relative_to(ROOT / "src").with_suffix("").parts for path in paths]
    return [".".join(part for part in module if part != "__init__") for module in parts]


@pytest.mark.parametrize("name", modules_with_examples())
def test_docstring_examples_run(name):
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0


def test_links_lead_somewhere():
    wrong = []
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            if "://" in target or (there.exists() and (not anchor or anchor in anchors_of(there))):
                continue
            wrong.append(f"{name_of(page)} links to {target}")
    assert wrong == []


def test_the_files_and_modules_that_the_manual_names_exist():
    wrong = []
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for name in re.findall(r"`(?:python )?(\w[\w/]*\.py)\b", text):
            if not any((folder / name).is_file() for folder in (ROOT, ROOT / "src" / "xtalgraph")):
                wrong.append(f"{name_of(page)}: {name}")
        for name in re.findall(r"`(xtalgraph(?:\.\w+)+)", text):
            if not is_there(name):
                wrong.append(f"{name_of(page)}: {name}")
    assert wrong == []


def is_there(name: str) -> bool:
    """Whether a dotted name is that of a module, or of what one holds."""
    parts = name.split(".")
    known = set(modules())
    longest = max(n for n in range(1, len(parts) + 1) if ".".join(parts[:n]) in known)
    value = importlib.import_module(".".join(parts[:longest]))
    for part in parts[longest:]:
        if not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True


@cache
def anchors_of(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.replace(" ", "-") for title in kept}


OFFERED_TOO = {
    "xtalgraph.data.table",
    "xtalgraph.graphs.exchange.pyg",
    "xtalgraph.models.layers",
    "xtalgraph.models.receptive_field",
}
"""Modules that the manual offers whole, beside those that its page of Python imports whole."""


def offered_modules() -> list[str]:
    """The modules of which every public function is for use on its own."""
    blocks = [b for b in blocks_of(ROOT / "docs" / "python.md") if b.language == "python"]
    imports = [
        f"{node.module}.{alias.name}"
        for block in blocks
        for node in ast.walk(ast.parse(block.text))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    return sorted({name for name in imports if name in modules()} | OFFERED_TOO)


def examples_of_the_pages() -> str:
    """All Python of the manual."""
    blocks = [block for page in PAGES for block in blocks_of(page) if not block.skipped]
    return "\n".join(block.text for block in blocks if block.language in ("python", "pycon"))


def test_every_entry_point_has_an_example():
    shown = examples_of_the_pages()
    entries = [name for name in xtalgraph.__all__ if not name.startswith("__")]
    assert [name for name in entries if f"xtalgraph.{name}(" not in shown] == []


def test_every_public_function_has_an_example():
    shown, missing = examples_of_the_pages(), []
    assert len(offered_modules()) > 15
    for module in map(importlib.import_module, offered_modules()):
        public = {
            function.__name__: inspect.getdoc(function) or ""
            for function in vars(module).values()
            if inspect.isfunction(function) and function.__module__ == module.__name__
        }
        assert public, module
        missing += [
            f"{module.__name__}.{function}"
            for function, text in public.items()
            if not function.startswith("_")
            and ">>>" not in text
            and not re.search(rf"\b{function}\(", shown)
        ]
    assert missing == []


def test_every_page_is_in_the_table_of_contents():
    contents = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in contents


def test_the_settings_of_the_demo_are_known():
    sections = read_yaml(ROOT / "docs" / "demo.yaml")
    sections["data"] = {"path": "ionic_perovskites", "target": "e", **sections.get("data", {})}
    RunConfig.from_sections(sections)


@pytest.mark.parametrize(
    "page", ["tests/capabilities.md", "docs/reliability.md", "docs/formats.md"]
)
def test_the_tables_name_tests_that_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", text)
    assert named
    for path, test in named:
        assert (ROOT / path).is_file(), path
        content = (ROOT / path).read_text(encoding="utf-8")
        assert not test or f"def {test}(" in content, f"{path}::{test}"


def test_every_fault_has_its_test():
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| (?!fault|---)", line)]
    assert rows
    for row in rows:
        assert re.search(r"\| `tests/[\w/]+\.py::\w+`", row), row


def capabilities() -> dict[str, str]:
    """The status of every row of the list of capabilities."""
    text = (ROOT / "docs" / "capabilities.md").read_text(encoding="utf-8")
    row = r"^\| ([A-K]\d*)[^|]*\|.*\| (done|part|not yet) \|"
    return dict(re.findall(row, text, flags=re.MULTILINE))


def test_every_capability_has_its_row():
    counts = {"A": 8, "B": 4, "C": 3, "D": 3, "F": 4, "G": 8, "I": 4, "J": 4}
    wanted = {f"{letter}{n}" for letter, count in counts.items() for n in range(1, count + 1)}
    assert capabilities().keys() == wanted | {
        "E",
        "H",
        "K1",
        "K2",
        "K3",
        "K4",
        "K5",
        "K6",
        "K7",
        "K8",
        "K10",
    }


def test_every_capability_that_is_there_has_its_tests():
    text = (ROOT / "tests" / "capabilities.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\| ([A-K]\d*) \| .*`tests/", text, flags=re.MULTILINE))
    assert shown == {row for row, status in capabilities().items() if status != "not yet"}


def test_the_examples_have_the_energies_that_their_page_tells():
    text = (ROOT / "docs" / "examples" / "README.md").read_text(encoding="utf-8")
    from ionic_perovskites.compounds import all_compounds
    from ionic_perovskites.reference import VirtualCrystal
    from xtalgraph.data.ionic.rigid_ion import rigid_ion_energy

    compounds = {c.name: c for found in all_compounds().values() for c in found}
    compounds["Sr2ScTaO6"] = compounds["Sr(ScTa)O3"]
    table = read_table(ROOT / "docs" / "examples")
    assert len(table) == 7
    assert not table.rejected
    for name, crystal in zip(table.ids, table.crystals, strict=True):
        compound = compounds[re.split(r"[:-]", name)[0]]
        zero = VirtualCrystal.of(compound).energy * len(crystal) / 5
        excess = rigid_ion_energy(crystal) - zero + 0.0
        assert re.search(rf"[| ]{abs(excess):.3f}[, ]", text.replace("-", " ")), (name, excess)
