"""Forces of a teacher on rattled crystals: computed once, before a pre-training learns them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, product
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from tqdm import tqdm

from xtalgraph.conventions.boundary import guarded, shortened
from xtalgraph.conventions.documents import reading
from xtalgraph.conventions.errors import InputError, RunError
from xtalgraph.conventions.files import file_errors, write_atomically
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.table import CrystalTable, Rejection
from xtalgraph.data.targets import Target
from xtalgraph.data.values import Values
from xtalgraph.evidence.calculator_checks import CalculatorUnderTest
from xtalgraph.graphs.graph import Scope
from xtalgraph.training.pretraining_settings import PretrainingConfig
from xtalgraph.training.self_supervised import AT_REST
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.graph_source import Graphs
from xtalgraph.workflows.rejections import check_rejected
from xtalgraph.workflows.verify_calculator import calculator_named

FORCES_FILE: Final = "teacher.jsonl"
"""In the run folder: a line for each rattled crystal, with forces in eV/Å or a reason."""


@dataclass(frozen=True, eq=False)
class Material:
    """What an epoch of a pre-training goes through."""

    graphs: Graphs
    """Of the crystals at rest, where they are learned from, then of the rattled ones."""
    origin: Int[np.ndarray, " crystals"]
    """The crystal of the table that each is, or was made of."""
    rattled: Bool[np.ndarray, " crystals"]
    """Which are rattled."""
    forces: tuple[Float[np.ndarray, "_ 3"], ...] = ()
    """On the atoms of each rattled crystal, eV/Å."""

    @classmethod
    def of(cls, graphs: Graphs, crystals: int) -> "Material":
        """Return crystals at rest alone."""
        return cls(graphs, np.arange(crystals), np.zeros(crystals, dtype=bool))

    def losses(self, targets: tuple[Target, ...]) -> Values:
        """Return what the losses are to be made, 0, where each objective is learned; NaN elsewhere.

        Args:
            targets: One for each objective.
        """
        zeros = {
            target.name: np.where(self.rattled == (target.name == "forces"), 0.0, np.nan)
            for target in targets
        }
        return Values(targets, zeros, self.graphs.source.counts(Scope.ATOM).numpy(force=True))

    def rows(self, part: Int[np.ndarray, " chosen"]) -> Int[np.ndarray, " rows"]:
        """Return what is made of a part of the crystals of the table."""
        return np.flatnonzero(np.isin(self.origin, part))

    def scaled_forces(
        self, part: Int[np.ndarray, " chosen"]
    ) -> tuple[Float[Tensor, "atoms 3"], float]:
        """Return all forces in units of the standard deviation of those of a part, and that.

        It is the root of the mean over crystals of the mean square, so that the error of knowing
        nothing is 1.

        Args:
            part: Crystals of the table, those that are trained on.

        Raises:
            InputError: If no crystal of the part has forces, or all are 0.
        """
        learned = np.isin(self.origin[self.rattled], part)
        squares = [
            float(np.mean(f**2)) for f, here in zip(self.forces, learned, strict=True) if here
        ]
        unit = float(np.sqrt(np.mean(squares))) if squares else 0.0
        if unit == 0.0:
            raise InputError(
                "the forces of the teacher are 0 on all rattled crystals that are trained on, so "
                "that there is nothing to learn: take another teacher, or leave 'forces' out"
            )
        return torch.from_numpy(np.concatenate(self.forces) / unit), unit

    def fields(self, part: Int[np.ndarray, " chosen"]) -> dict[str, Any]:
        """Return what a record says of the forces; nothing where there are none."""
        if not self.forces:
            return {}
        unit = self.scaled_forces(part)[1]
        return {
            "rattled crystals": len(self.forces),
            "standard deviation of forces, eV/Å": round(unit, 6),
        }


class _Rattled(NamedTuple):
    """A crystal whose atoms were moved."""

    id: str
    """Of the crystal at rest."""
    row: int
    """Of that in the table."""
    number: int
    """Of the copy, from 1."""
    crystal: Crystal
    """As it was moved."""


def teacher_named(name: str) -> Any:
    """Return the calculator that computes the forces.

    Args:
        name: ``package.module:name``.

    Raises:
        ConfigError: If there is no such name.
        InputError: If it is no calculator of ASE.
    """
    return CalculatorUnderTest(calculator_named(name)).calculator


def taught(
    table: CrystalTable,
    teacher: Any,
    config: RunConfig,
    build: Callable[[tuple[Crystal, ...]], Graphs],
    *,
    folder: Path,
    progress: bool = True,
) -> Material:
    """Rattle the crystals of a table and let a teacher compute their forces.

    Each has its line in `FORCES_FILE`; what is there is not computed again. A crystal on which the
    teacher fails is named and left out.

    Args:
        table: The crystals at rest.
        teacher: A calculator of ASE.
        config: How many copies of each are moved, by how much, and the seed.
        build: Builds graphs.
        folder: Of the run.
        progress: Show a progress bar on standard error.

    Raises:
        InputError: If the teacher computes none.
        RunError: If the file is damaged, or of other crystals or settings.
    """
    settings, seed = PretrainingConfig(**config.spec.pretraining), config.training.seed
    moved = [
        _rattled(table, row, copy, settings.displacement, seed)
        for row, copy in product(range(len(table)), range(settings.copies))
    ]
    header = {
        "teacher": settings.teacher,
        "displacement": settings.displacement,
        "copies": settings.copies,
        "seed": seed,
        "data_sha256": table.content_hash(),
    }
    compute = [partial(_line, teacher, rattled) for rattled in moved]
    lines = _filled(folder / FORCES_FILE, header, compute, progress)
    reasons = {n: line["reason"] for n, line in enumerate(lines) if "reason" in line}
    known = [n for n in range(len(moved)) if n not in reasons]
    if not known:
        raise InputError(
            f"{settings.teacher} computes none of the {len(moved)} rattled crystals, the first: "
            f"{reasons[0]}. Take a teacher that knows their elements"
        )
    rest = table.crystals if set(settings.names) != {"forces"} else ()
    graphs = build((*rest, *(moved[n].crystal for n in known)))
    without = {known[lost.index - len(rest)]: lost.reason for lost in graphs.unsupported}
    told = {n: f"no forces of the teacher: {reason}" for n, reason in reasons.items()} | without
    rejected = [_rejection(table, moved[n], told[n]) for n in sorted(told)]
    check_rejected(rejected, "skip")
    known = [n for n in known if n not in without]
    forces = tuple(np.array(lines[n]["forces"], dtype=np.float64) for n in known)
    first = np.cumsum([0, *map(len, forces)])[:-1]
    numbers = torch.from_numpy(np.concatenate([np.full(len(rest), AT_REST), first]))
    conditions = ConditionValues(numbers.double().unsqueeze(-1), torch.full_like(numbers, -1))
    origin = np.array([*range(len(rest)), *(moved[n].row for n in known)], dtype=np.int64)
    is_rattled = np.arange(len(origin)) >= len(rest)
    return Material(graphs.with_conditions(conditions), origin, is_rattled, forces)


def _rattled(table: CrystalTable, row: int, copy: int, displacement: float, seed: int) -> _Rattled:
    """Move the atoms of a crystal; which way depends on seed, row and copy alone."""
    crystal = table.crystals[row]
    generator = np.random.default_rng((seed, row, copy))
    moves = generator.normal(scale=displacement, size=crystal.positions.shape)
    moved = crystal.moved(crystal.cell, crystal.positions + moves)
    return _Rattled(table.ids[row], row, copy + 1, moved)


def _line(teacher: Any, moved: _Rattled) -> dict[str, Any]:
    """Return the forces on a crystal as plain values, or the reason why there are none."""
    crystal, name = moved.crystal, {"id": moved.id, "copy": moved.number}
    try:
        forces = guarded(partial(_forces, teacher, crystal), "the teacher")
    except InputError as error:
        cause = error.__cause__ or error
        if hasattr(teacher, "reset"):  # else it may take what it had begun for a result
            teacher.reset()
        return {**name, "reason": f"{type(cause).__name__}: {shortened(str(cause))}"}
    if forces.shape != (len(crystal), 3) or not np.isfinite(forces).all():
        return {**name, "reason": "its forces are not three finite numbers for each atom"}
    return {**name, "forces": forces.tolist()}


def _forces(teacher: Any, crystal: Crystal) -> np.ndarray:
    atoms = to_ase(crystal)
    atoms.calc = teacher
    return np.asarray(atoms.get_forces(), dtype=np.float64)


def _filled(
    path: Path,
    header: Mapping[str, Any],
    compute: Sequence[Callable[[], dict[str, Any]]],
    progress: bool,
) -> list[dict[str, Any]]:
    """Return a line for each crystal: those in the file, and the others as they are added to it."""
    lines = _read(path, header)
    text = [json.dumps(line) + "\n" for line in (header, *lines)]
    write_atomically(path, "".join(text))  # without a part of a line that a killed process left
    bar = tqdm(
        desc="teacher", unit="crystal", total=len(compute), initial=len(lines), disable=not progress
    )
    with bar, file_errors(path), path.open("a", encoding="utf-8") as file:
        for make in islice(compute, len(lines), None):
            lines.append(make())
            file.write(json.dumps(lines[-1]) + "\n")
            file.flush()
            bar.update()
    return lines


def _read(path: Path, header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the whole lines of the file, without the first, which says of what they are."""
    if not path.is_file():
        return []
    with reading(path, "delete it, and repeat the command with --resume"):
        text = path.read_text(encoding="utf-8").splitlines(keepends=True)
        lines = [json.loads(line) for line in text if line.endswith("\n")]
    if lines and lines[0] != header:
        raise RunError(
            f"{path} holds forces of other crystals or settings: repeat the command it was begun "
            "with, or choose another --out"
        )
    return lines[1:]


def _rejection(table: CrystalTable, moved: _Rattled, reason: str) -> Rejection:
    name, row = f"{moved.id}, rattled copy {moved.number}", moved.row
    return Rejection(name, table.files[row], table.rows[row], reason)
