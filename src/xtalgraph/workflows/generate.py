"""Generate: crystals of a composition, drawn by a trained generator, with a table of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from jaxtyping import Int
from tqdm import tqdm

from xtalgraph.conventions.choices import Device
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.documents import read_document, reading
from xtalgraph.conventions.elements import ATOMIC_NUMBERS, SYMBOLS
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Count, Range
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.conventions.stopping import stopping_on_signals
from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.formulas import formula_of
from xtalgraph.crystals.writing import to_cif, to_extxyz
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.splits import PARTS
from xtalgraph.models.generation.generator import Generator
from xtalgraph.models.generation.sampling import STEPS, crystals_of, flowed, noise
from xtalgraph.models.inference import check_device
from xtalgraph.models.manifest import check_manifest
from xtalgraph.models.named_models import run_folder
from xtalgraph.workflows.simulate import relax
from xtalgraph.workflows.simulation_folder import ResultFolder, Simulated, written
from xtalgraph.workflows.train_generator import standard_table

Composition = Sequence[int] | Int[np.ndarray, " _"]
"""Atomic numbers of all atoms of a cell, in any order."""
Steps = Annotated[int, Range(1, 100_000)]
"""From noise to a crystal."""
Anneal = Annotated[float, Range(0, 1000)]
"""By how much faster sites move at the end than at the beginning."""
ANNEAL: Final = 5.0
"""Where no other number is given."""
_TOGETHER: Final = 1024
"""Atoms that are drawn at the same time, unless one crystal has more."""
_MOST: Final = 1000
"""Atoms of a cell: the memory grows with their square."""
_COLUMNS: Final = ("atoms", "volume", "file")


@dataclass(frozen=True, eq=False)
class Drawn:
    """A crystal that was drawn."""

    crystal: Crystal | None
    """It; None where its cell or a coordinate is no finite number."""
    reason: str
    """Why it cannot be a crystal: atoms overlap, or the density is absurd; empty where it can."""


@dataclass(frozen=True)
class Generated:
    """What was drawn."""

    path: Path
    """The table."""
    valid: int
    """Crystals that pass the checks of every crystal that is read."""
    invalid: int
    """Crystals that do not; the table has the reasons."""
    relaxed: Simulated | None
    """What a potential makes of them."""


@checks_arguments
def generate(
    run: str | Path,
    *,
    out: Annotated[str | Path, Spelled("DIR")],
    formula: Annotated[str | None, Spelled("FORMULA")] = None,
    atoms: Annotated[Count | None, Spelled("N")] = None,
    count: Count = 20,
    steps: Steps = STEPS,
    anneal: Anneal = ANNEAL,
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0,
    structures: Literal["cif", "extxyz"] = "cif",
    potential: Annotated[Any, Spelled("RUN")] = None,
    device: Device = "cpu",
    progress: bool = True,
) -> Generated:
    """Draw crystals, and write them with a table; the same command continues where it was stopped.

    What is drawn depends on the run, the composition and the seed. A crystal that cannot be one is
    written and counted, too, with the reason.

    Args:
        run: A run folder of `train_generator`.
        out: Folder to write; crystals of the same settings in it are kept.
        formula: What the cell holds, such as SrTiO3 or Sr2Ti2O6; without it cells of the training
            part are drawn, each as often as it is there.
        atoms: Atoms of the cell, a multiple of those of the formula; by default as many.
        count: Number of crystals.
        steps: Steps from noise to a crystal.
        anneal: By how much faster sites move at the end than at the beginning; 0 for as fast as was
            learned, with more variety and less order.
        seed: Of the noise, and of the compositions.
        structures: Format of the structures, in ``structures/``.
        potential: A run folder or calculator of ASE that relaxes what was drawn, into ``relaxed/``.
        device: Device to compute on; a GPU differs in the last digits.
        progress: Show a progress bar on standard error.

    Raises:
        ConfigError: If the formula cannot be, or holds an element that was not learned.
        RunError: If the run is no generator, or the folder holds crystals of other settings.
        Stopped: On SIGTERM or Ctrl-C; what was drawn is kept.
    """
    source = run_folder(run)
    generator = _opened(source)
    asked = _asked(generator, formula, atoms, count, seed)
    settings = {
        "run": read_document(source / "model.json")["weights_sha256"],
        "formula": formula,
        "atoms": atoms,
        "steps": steps,
        "anneal": anneal,
        "seed": seed,
        "structures": structures,
    }
    folder = ResultFolder(Path(out), "generated.csv", _COLUMNS, settings)
    names = [f"{number:05d}-{formula_of(cell)}" for number, cell in enumerate(asked)]
    make_folder(folder.folder / "structures")
    done = {row["id"] for row in folder.rows()}
    todo = [number for number, name in enumerate(names) if name not in done]
    bar = tqdm(total=len(todo), desc="drawing", unit="crystal", disable=not progress)
    with stopping_on_signals(), bar, folder.growing() as write:
        seeds = [(seed, number, 0) for number in todo]
        drawn = _drawn(generator, [asked[n] for n in todo], seeds, steps, anneal, device)
        for number, crystal in zip(todo, drawn, strict=True):
            write(_row(folder.folder, names[number], asked[number], crystal, structures))
            bar.update()
    rows = folder.rows()
    bad = sum(bool(row["error"]) for row in rows)
    files = [folder.folder / row["file"] for row in rows if row["file"]]
    relaxed = None
    if potential is not None and files:
        into = folder.folder / "relaxed"
        relaxed = relax(potential, files, out=into, device=device, progress=progress)
    return Generated(folder.path, len(rows) - bad, bad, relaxed)


def draw(
    run: str | Path,
    compositions: Sequence[Composition],
    *,
    copies: int = 1,
    seed: int = 0,
    steps: int = STEPS,
    anneal: float = ANNEAL,
    device: Device = "cpu",
    progress: bool = True,
) -> Iterator[tuple[Drawn, ...]]:
    """Draw crystals of compositions, some of each.

    Args:
        run: A run folder of `train_generator`.
        compositions: Atomic numbers of all atoms of each cell.
        copies: How many crystals of each.
        seed: Of the noise, which depends on it, on the place of the composition and on the copy.
        steps: Steps from noise to a crystal.
        anneal: By how much faster sites move at the end than at the beginning.
        device: Device to compute on.
        progress: Show a progress bar on standard error.

    Yields:
        The crystals of each composition, in their order.

    Raises:
        RunError: If the run is no generator.
        ConfigError: If a composition holds an element that was not learned.
    """
    generator = _opened(run_folder(run))
    for cell in compositions:
        _check_elements(generator, cell)
    repeated = [cell for cell in compositions for _ in range(copies)]
    seeds = [(seed, n, copy) for n in range(len(compositions)) for copy in range(copies)]
    drawn = _drawn(generator, repeated, seeds, steps, anneal, device)
    with tqdm(total=len(repeated), desc="drawing", unit="crystal", disable=not progress) as bar:
        for _ in compositions:
            yield tuple(next(drawn) for _ in range(copies))
            bar.update(copies)


def parts_of_generator(
    run: str | Path, data: Any = None, *, progress: bool = False
) -> dict[str, tuple[Crystal, ...]]:
    """Read the crystals again from which a generator learned, and those that were held out.

    Args:
        run: A run folder of `train_generator`.
        data: Where they are now; by default where they were.
        progress: Show a progress bar on standard error.

    Returns:
        Those of ``train``, ``val`` and ``test``, with reduced cells, as they were learned.

    Raises:
        InputError: If they are not there, or are not the crystals of the run.
    """
    folder = run_folder(run)
    _opened(folder)
    record, division = (read_document(folder / name) for name in ("record.json", "split.json"))
    with reading(folder / "record.json"):
        path = str(record["Data"]["source"])
    source = resolve_source(path)[0] if data is None and not path.startswith("<") else data
    if source is None or (isinstance(source, Path) and not source.exists()):
        raise InputError(
            f"{folder} was trained on {path}, which is not there: say where it is by --data"
        )
    table = standard_table(source, progress=progress)
    with reading(folder / "split.json"):
        rows = {part: [str(name) for name in division[part]] for part in PARTS}
        digest = division["data_sha256"]
    if table.content_hash() != digest:
        raise InputError(
            f"the crystals of {path if data is None else data} are not those that {folder} was "
            "trained on: give the same data"
        )
    crystal = dict(zip(table.ids, table.crystals, strict=True))
    return {part: tuple(crystal[name] for name in names) for part, names in rows.items()}


def _opened(folder: Path) -> Generator:
    generator = Generator.load(folder)
    check_manifest(folder, evidence=True)
    return generator


def _asked(
    generator: Generator, formula: str | None, atoms: int | None, count: int, seed: int
) -> list[list[int]]:
    """Return the atomic numbers of each crystal to be drawn."""
    if formula is not None:
        cell = numbers_in(formula, atoms)
        _check_elements(generator, cell)
        learned = {len(numbers_in(name)) for name in generator.compositions}
        if len(cell) not in learned:
            text = "no crystal of the training part has %d atoms: what is drawn may be of no use"
            log.warning(text, len(cell))
        return [cell] * count
    if atoms is not None:
        raise ConfigError("--atoms goes with --formula: without it cells of the training are drawn")
    names = list(generator.compositions)
    share = np.array([generator.compositions[name] for name in names], dtype=np.float64)
    drawn = np.random.default_rng(seed).choice(len(names), size=count, p=share / share.sum())
    return [numbers_in(names[n]) for n in drawn]


def numbers_in(formula: str, atoms: int | None = None) -> list[int]:
    """Return the atomic numbers of all atoms of a formula.

    Args:
        formula: Such as ``SrTiO3`` or ``Ca(OH)2``.
        atoms: How many there are to be; a multiple of those of the formula.

    Raises:
        ConfigError: If it is no formula of whole numbers, has too many atoms, or the number is no
            multiple.

    >>> numbers_in("TiO2"), numbers_in("C", 3)
    ([22, 8, 8], [6, 6, 6])
    """
    from pymatgen.core import Composition as Parsed

    try:
        amounts = Parsed(formula).get_el_amt_dict()
        elements = [ATOMIC_NUMBERS[element] for element in amounts]
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"--formula must be a chemical formula such as SrTiO3, got {formula!r}"
        ) from error
    if not elements or any(amount % 1 for amount in amounts.values()):
        raise ConfigError(f"--formula must hold whole numbers of atoms, got {formula!r}")
    total = atoms or sum(amounts.values())
    if total > _MOST:
        raise ConfigError(
            f"a cell may have {_MOST:,} atoms at most, as all pairs are computed, got {total:,.0f}"
        )
    counts = np.array(list(amounts.values()), dtype=np.int64)
    numbers: list[int] = np.repeat(elements, counts).tolist()
    times, rest = divmod(atoms or len(numbers), len(numbers))
    if rest or not times:
        raise ConfigError(
            f"--atoms must be a multiple of the {len(numbers)} atoms of {formula}, got {atoms}"
        )
    return numbers * times


def _check_elements(generator: Generator, cell: Composition) -> None:
    new = sorted({int(z) for z in cell} - set(generator.elements))
    if new or not len(cell):
        what = ", ".join(SYMBOLS[z] for z in new) if new else "an empty cell"
        raise ConfigError(
            f"the generator has not learned {what}: its elements are "
            f"{', '.join(SYMBOLS[z] for z in generator.elements)}"
        )


def _drawn(
    generator: Generator,
    cells: Sequence[Composition],
    seeds: Sequence[Sequence[int]],
    steps: int,
    anneal: float,
    device: Device,
) -> Iterator[Drawn]:
    """Yield a crystal for each composition, several drawn at the same time."""
    where = check_device(device)
    network = generator.network.to(where)
    first = 0
    while first < len(cells):
        last, total = first + 1, len(cells[first])
        while last < len(cells) and total + len(cells[last]) <= _TOGETHER:
            total += len(cells[last])
            last += 1
        numbers = [np.asarray(cell, dtype=np.int64) for cell in cells[first:last]]
        state = noise(numbers, seeds[first:last]).to(where)
        for crystal in crystals_of(network, flowed(network, state, steps, anneal)):
            if crystal is None:
                yield Drawn(None, "its cell or a coordinate is no finite number")
            else:
                yield Drawn(crystal, find_problem(crystal) or "")
        first = last


def _row(folder: Path, name: str, cell: Composition, drawn: Drawn, form: str) -> dict[str, Any]:
    """Write the structure; return its row."""
    row = {"id": name, "formula": formula_of(cell), "atoms": len(cell), "error": drawn.reason}
    if drawn.crystal is not None:
        file = f"structures/{name}.{form}"
        text = to_cif(drawn.crystal) if form == "cif" else to_extxyz(drawn.crystal)
        write_atomically(folder / file, text)
        row |= {"volume": written(drawn.crystal.volume), "file": file}
    return row
