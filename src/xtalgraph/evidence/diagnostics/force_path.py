"""Energy and force while one neighbour crosses r_c, with a hard and with smooth cutoffs."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.diagnostics.cutoffs import PATH, jumps_of
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Reason, alarm_if, not_applicable
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.models.inference import infer
from xtalgraph.models.model import Model

JUMP: Final = 1e-5
"""Largest jump of a force at r_c, in errors of forces."""
ENVELOPES: Final = ("polynomial", "cosine", "none")
"""With which the same weights are tried: smooth with its slope, smooth, and a hard cutoff."""
_TRIED: Final = 100
"""Test crystals among which the smallest is looked for."""
_BATCH: Final = 5
"""Crystals computed at a time."""


@dataclass(frozen=True)
class ForcePath:
    """Energy and force along a path of one atom, whose distance from another goes through r_c."""

    cutoff: float
    """Of the model, Å."""
    formula: str
    atoms: int
    """Of its cell."""
    distance: Sequence[float]
    """Of the two atoms less the cutoff, Å."""
    envelopes: Sequence[str]
    """As trained, then the others with the same weights."""
    energy: Sequence[Sequence[float]]
    """For each envelope the energy of the cell, less that at the start, eV."""
    force: Sequence[Sequence[float]]
    """For each envelope the force on the atom that stays, along the line, less that at the start,
    eV/Å."""
    energy_jumps: Sequence[float]
    """At the cutoff, eV."""
    force_jumps: Sequence[float]
    """At the cutoff, eV/Å."""
    mae: float
    """Mean absolute error of a component of a force, eV/Å."""


def force_path(tested: Evaluator) -> DiagnosticResult:
    """Move one atom so that its distance from another goes through r_c, and follow the force.

    In float64; of several members the mean. The atom that moves is the one nearest to r_c from
    another, in the smallest of the test crystals.
    """
    spec, frames = tested.predictor.spec, tested.test_frames
    if frames is None or tested.frames is None or not len(frames.frame):
        return not_applicable("force-path", Reason.NO_FORCES)
    cutoff = float(spec.strategy_settings["cutoff"])
    rows = tested.test[np.argsort(tested.sizes[tested.test], kind="stable")][:_TRIED].tolist()
    pair_path = next((p for row in rows if (p := _path(tested.crystals[row], cutoff))), None)
    if pair_path is None:
        return not_applicable("force-path", Reason.NO_PAIR_AT_THE_CUTOFF, None, cutoff)
    path, atom, line = pair_path
    trained = str(spec.settings.get("envelope", "of the model"))
    others = [name for name in ENVELOPES if name != trained] if "envelope" in spec.settings else []
    energies, forces = [], []
    for envelope in (trained, *others):
        members = [_with_envelope(member, envelope) for member in tested.predictor.members]
        if envelope == trained:
            members = list(tested.predictor.members)
        energy, force = _values(tested, members, path, atom)
        energies.append(energy - energy[0])
        forces.append(force @ line - force[0] @ line)
    energy_jumps, force_jumps = jumps_of(energies), jumps_of(forces)
    numbers = ForcePath(
        cutoff=cutoff,
        formula=reduced_formula(path[0]),
        atoms=len(path[0]),
        distance=PATH.tolist(),
        envelopes=[trained, *others],
        energy=[curve.tolist() for curve in energies],
        force=[curve.tolist() for curve in forces],
        energy_jumps=energy_jumps,
        force_jumps=force_jumps,
        mae=frames.mae,
    )
    number = force_jumps[0] / max(frames.mae, 1e-300)
    return DiagnosticResult("force-path", alarm_if(number > JUMP), numbers, number, JUMP)


def _path(
    crystal: Crystal, cutoff: float
) -> tuple[list[Crystal], int, Float[np.ndarray, "3"]] | None:
    """Return the crystals of the path, the atom that stays, and the direction; None without."""
    edges = neighbors_within(crystal, 1.1 * cutoff)
    edges = edges.select(edges.center != edges.neighbor)
    if not len(edges):
        return None
    chosen = int(np.abs(edges.distance - cutoff).argmin())
    center, neighbor = int(edges.center[chosen]), int(edges.neighbor[chosen])
    away = crystal.positions[neighbor] + edges.image[chosen] @ crystal.cell
    away = away - crystal.positions[center]
    length = float(np.linalg.norm(away))
    line = away / length
    path = []
    for step in PATH.tolist():
        positions = crystal.positions.copy()
        positions[neighbor] += (cutoff + step - length) * line
        path.append(crystal.moved(crystal.cell, positions))
    return path, center, line


def _values(
    tested: Evaluator, members: Sequence[Model], path: Sequence[Crystal], atom: int
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, "points 3"]]:
    """Return the energy of each crystal, and the force on an atom."""
    settings = tested.predictor.spec.make_graph_settings()
    parts = [path[start : start + _BATCH] for start in range(0, len(path), _BATCH)]
    row = int(tested.test[0])
    graphs = (tested.with_conditions(settings.build(part), [row] * len(part)) for part in parts)
    name = tested.frames.forces if tested.frames else ""
    energies, forces = [], []
    for batch in infer(members, graphs, dtype=torch.float64):
        values = [output.values for output in batch.outputs]
        energies.append(
            torch.stack([of_member[tested.target.name] for of_member in values]).mean(dim=0)
        )
        batch_forces = torch.stack([of_member[name] for of_member in values]).mean(dim=0)
        forces.append(batch_forces.reshape(-1, len(path[0]), 3)[:, atom])
    energy, force = (
        torch.cat(batches).double().numpy(force=True) for batches in (energies, forces)
    )
    return energy, force


def _with_envelope(member: Model, envelope: str) -> Model:
    """Return the same weights with another envelope."""
    copied = copy.deepcopy(member)
    encoder = type(member.encoder)(
        replace(member.encoder.config, envelope=envelope), member.encoder.cutoff
    )
    encoder.load_state_dict(member.encoder.state_dict())
    copied.encoder = encoder.to(next(member.parameters()).device).eval()
    return copied
