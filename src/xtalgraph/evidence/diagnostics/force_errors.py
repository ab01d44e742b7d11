"""Errors of forces: by element, group and size; the worst frames; and what a committee says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from jaxtyping import Bool

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.evidence.bonded_crystal import to_plain, with_bonds
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.frames import FrameErrors
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Number,
    Reason,
    Verdict,
    alarm_if,
    not_applicable,
)
from xtalgraph.evidence.diagnostics.worst import MOST_ATOMS
from xtalgraph.metrics.calibration import error_by_std
from xtalgraph.metrics.ranking import spearman

Group: TypeAlias = Mapping[str, int | float | None]
"""What is known of a group; None where it is not defined."""
SIZES: Final = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, np.inf)
"""Ends of the groups of forces by their size, eV/Å."""
RANKED: Final = 0.3
"""Rank correlation of standard deviation and error below which the first tells little."""
WORST: Final = 8
"""Frames that are listed."""
DRAWN: Final = 4
"""Frames that are drawn."""
_FEWEST: Final = 30
"""Atoms on which a rank correlation is known to a fifth."""


@dataclass(frozen=True)
class ForceErrors:
    """Errors of energies and forces on the test frames, in groups.

    A group has ``frames`` and ``atoms``, how many there are; ``energy``, the mean absolute error in
    eV/atom, where the group is one of frames; ``mae`` and ``rmse`` of the components of forces and
    ``size``, the root mean square of the components of the labels, all in eV/Å.
    """

    all: Group
    elements: Mapping[str, Group]
    """By the symbol of the element."""
    sizes: Mapping[str, Group]
    """By the size of the force in eV/Å, as ``0.1 to 0.3``."""
    groups: Mapping[str, Group]
    """By configuration group; empty where the frames have none."""


def force_errors(tested: Evaluator) -> DiagnosticResult:
    """Take the errors of energies and forces in groups."""
    frames = tested.test_frames
    if frames is None or not len(frames.frame):
        return not_applicable("forces", Reason.NO_FORCES)
    sizes, length = {}, np.linalg.norm(frames.force, axis=1)
    for low, high in pairwise(SIZES):
        chosen = (length >= low) & (length < high)
        name = f"{low:g} to {high:g}" if np.isfinite(high) else f"above {low:g}"
        if chosen.any():
            sizes[name] = _errors(frames, chosen)
    elements = {
        SYMBOLS[number]: _errors(frames, frames.number == number)
        for number in np.unique(frames.number).tolist()
    }
    known = tested.frames.groups if tested.frames else None
    names = np.array([] if known is None else [known[row] for row in frames.rows], dtype=str)
    groups = {
        name: _errors(frames, (names == name)[frames.frame], names == name)
        for name in np.unique(names).tolist()
    }
    everything = np.ones(len(frames.frame), dtype=bool), np.ones(len(frames.rows), dtype=bool)
    numbers = ForceErrors(_errors(frames, *everything), elements, sizes, groups)
    return DiagnosticResult("forces", Verdict.SHOWN, numbers)


def _errors(
    frames: FrameErrors,
    atoms: Bool[np.ndarray, " atoms"],
    whole: Bool[np.ndarray, " frames"] | None = None,
) -> Group:
    error, force = frames.error[atoms], frames.force[atoms]
    energy = None if whole is None else float(np.abs(frames.energy_error[whole]).mean())
    return {
        "frames": len(np.unique(frames.frame[atoms])),
        "atoms": int(atoms.sum()),
        "energy": energy,
        "mae": float(np.abs(error).mean()),
        "rmse": float(np.sqrt(np.square(error).mean())),
        "size": float(np.sqrt(np.square(force).mean())),
    }


@dataclass(frozen=True)
class WorstFrames:
    """The test frames with the largest error of a force."""

    cases: Sequence[Mapping[str, Any]]
    """For each ``id``, ``formula``, ``group``, ``atoms``; ``energy``, the error in eV/atom;
    ``rmse`` of the components of forces; and of the worst atom ``site``, ``element``, ``force``,
    the size of its label, and ``error``, that of the error vector, in eV/Å. The first ones have a
    ``structure`` and the error ``vectors`` of their atoms, to be drawn."""


def worst_frames(tested: Evaluator) -> DiagnosticResult:
    """Look at the test frames with the largest error of a force."""
    frames = tested.test_frames
    if frames is None or not len(frames.frame):
        return not_applicable("worst-frames", Reason.NO_FORCES)
    length = np.linalg.norm(frames.error, axis=1)
    largest = np.zeros(len(frames.rows))
    np.maximum.at(largest, frames.frame, length)
    cases: list[dict[str, Any]] = []
    for frame in np.argsort(-largest, kind="stable")[:WORST].tolist():
        row, atoms = int(frames.rows[frame]), frames.atoms_of(frame)
        crystal, site = tested.crystals[row], int(length[atoms].argmax())
        known = tested.frames.groups if tested.frames else None
        case: dict[str, Any] = {
            "id": tested.ids[row],
            "formula": reduced_formula(crystal),
            "group": "" if known is None else known[row],
            "atoms": len(crystal),
            "energy": float(frames.energy_error[frame]),
            "rmse": float(np.sqrt(np.square(frames.error[atoms]).mean())),
            "site": site,
            "element": SYMBOLS[int(frames.number[atoms[site]])],
            "force": float(np.linalg.norm(frames.force[atoms[site]])),
            "error": float(length[atoms[site]]),
        }
        if len(cases) < DRAWN and len(crystal) <= MOST_ATOMS:
            case["structure"] = to_plain(with_bonds(crystal))
            case["vectors"] = frames.error[atoms].tolist()
        cases.append(case)
    return DiagnosticResult("worst-frames", Verdict.SHOWN, WorstFrames(cases))


@dataclass(frozen=True)
class Committee:
    """The standard deviation of forces between members, beside their errors."""

    members: int
    atoms: int
    """On how many test atoms."""
    atom_rank: Number
    """Rank correlation of the lengths of both vectors over atoms."""
    frame_rank: Number
    """The same over frames, of the largest in each."""
    ratio: Number
    """Root mean square of the errors over that of the standard deviations."""
    std: Sequence[float]
    """Root mean square of the standard deviations of a component in ten bins, eV/Å."""
    error: Sequence[float]
    """The same of the errors in these."""


def committee(tested: Evaluator) -> DiagnosticResult:
    """Compare the standard deviation of the members with their errors, force by force."""
    frames, members = tested.test_frames, len(tested.predictor.members)
    if frames is None or not len(frames.frame):
        return not_applicable("committee", Reason.NO_FORCES)
    if frames.std is None:
        return not_applicable("committee", Reason.ONE_MEMBER, members, 2)
    if len(frames.frame) < _FEWEST:
        return not_applicable("committee", Reason.FEW_ATOMS, len(frames.frame), _FEWEST)
    error, std = (np.linalg.norm(vectors, axis=1) for vectors in (frames.error, frames.std))
    of_frames = np.zeros((2, len(frames.rows)))
    for largest, values in zip(of_frames, (error, std), strict=True):
        np.maximum.at(largest, frames.frame, values)
    binned = error_by_std(frames.error.ravel(), frames.std.ravel())
    rank = spearman(error, std)
    numbers = Committee(
        members=members,
        atoms=len(error),
        atom_rank=rank,
        frame_rank=spearman(*of_frames) if len(frames.rows) > 1 else None,
        ratio=float(np.sqrt(np.square(error).sum() / max(np.square(std).sum(), 1e-300))),
        std=binned.std.tolist(),
        error=binned.error.tolist(),
    )
    return DiagnosticResult("committee", alarm_if(not rank >= RANKED), numbers, rank, RANKED)
