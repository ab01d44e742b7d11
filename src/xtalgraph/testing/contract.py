"""The contract of an invariant property model: what must not change its predictions."""

import copy
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, fold, merge_geometry
from xtalgraph.models.checkpoint import load_model, save_model
from xtalgraph.models.folding import why_not_folded
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

TOLERANCE: Final[float] = 1e-10
"""Largest violation in float64, relative to the size of the value."""
_STEP = 1e-5
"""Distance from the cutoff at which smoothness is looked at, Å."""
_SMALL = 1e-9
"""The same for a jump in a value that has a slope of its own, Å."""


@dataclass(frozen=True)
class Check:
    """One demand on one crystal."""

    demand: str
    """What must hold."""
    crystal: str
    """On which crystal."""
    violation: float
    """By how much it does not, relative to the size of the value."""
    tolerance: float
    """How much is forgiven."""

    @property
    def passed(self) -> bool:
        """Whether the demand holds. A violation that is not a number does not pass."""
        return self.violation <= self.tolerance


def check_contract(model: PropertyModel, spec: ModelSpec) -> list[Check]:
    """Put a model through the whole contract, in float64 and in evaluation mode.

    Args:
        model: With any weights; it is put into float64.
        spec: What it is; it makes the graphs.

    Returns:
        Every check, passed or not.
    """
    model = model.double().eval()
    checks = []
    for name, crystal in contract_crystals().items():
        checks += list(_on_one(model, spec, name, crystal))
    checks.append(_batch(model, spec))
    if not why_not_folded(model.encoder, model.target):
        checks += _reduced(model, spec)
    if spec.make_strategy().continuous:
        checks += _smoothness(model, spec)
    return checks


def _on_one(model: PropertyModel, spec: ModelSpec, name: str, crystal: Crystal) -> Iterator[Check]:
    generator = np.random.default_rng(11)
    count = len(crystal)
    start = _predict(model, spec, crystal)
    yield Check("finite", name, 0.0 if np.all(np.isfinite(start)) else np.inf, TOLERANCE)

    def compare(demand: str, other: Crystal, expected: Float[np.ndarray, " values"]) -> Check:
        return Check(demand, name, _difference(_predict(model, spec, other), expected), TOLERANCE)

    rotation = _rotation(generator)
    order = generator.permutation(count)
    images = generator.integers(-2, 3, size=(count, 3)) * crystal.pbc
    permuted = start[order] if model.target.kind is Kind.ATOMIC else start
    yield compare("rotation", transforms.rotate(crystal, rotation), start)
    yield compare("reflection", transforms.rotate(crystal, -rotation), start)
    yield compare("translation", transforms.translate(crystal, np.array([0.3, -7.1, 2.2])), start)
    yield compare("permutation", transforms.permute(crystal, order), permuted)
    yield compare("periodic shift", transforms.shift_images(crystal, images), start)
    if crystal.pbc.all():
        basis = np.array([[1, 1, 0], [0, 1, 0], [0, -1, 1]])
        yield compare("lattice basis", transforms.change_basis(crystal, basis), start)
    repeats = np.where(crystal.pbc, [2, 1, 3], 1)
    larger = transforms.supercell(crystal, tuple(repeats.tolist()))
    yield _supercell(model, spec, name, larger, start, int(repeats.prod()))
    yield from _saved(model, spec, name, crystal, start)


def _supercell(
    model: PropertyModel,
    spec: ModelSpec,
    name: str,
    larger: Crystal,
    start: Float[np.ndarray, " values"],
    copies: int,
) -> Check:
    found = _predict(model, spec, larger)
    if model.target.kind is Kind.EXTENSIVE:
        expected = copies * start
    elif model.target.kind is Kind.ATOMIC:  # whichever way the copies are ordered
        found, expected = np.sort(found), np.sort(np.tile(start, copies))
    else:
        expected = start
    return Check("supercell", name, _difference(found, expected), TOLERANCE)


def _saved(
    model: PropertyModel,
    spec: ModelSpec,
    name: str,
    crystal: Crystal,
    start: Float[np.ndarray, " values"],
) -> Iterator[Check]:
    graph = spec.make_graph(crystal)
    before = {key: value.clone() for key, value in vars(graph).items()}
    with torch.no_grad():
        model(graph)
    same = all(torch.equal(before[key], getattr(graph, key)) for key in before)
    yield Check("input unchanged", name, 0.0 if same else np.inf, TOLERANCE)
    with tempfile.TemporaryDirectory() as folder:
        save_model(Path(folder), model, spec, {"elements": []})
        loaded = load_model(Path(folder))[0]
    yield Check("save and load", name, _difference(_predict(loaded, spec, crystal), start), 0.0)


def _batch(model: PropertyModel, spec: ModelSpec) -> Check:
    crystals = list(contract_crystals().values())
    together = _predict(model, spec, *crystals)
    alone = np.concatenate([_predict(model, spec, crystal) for crystal in crystals])
    return Check("batch as single", "all", _difference(together, alone), TOLERANCE)


def _reduced(model: PropertyModel, spec: ModelSpec) -> Iterator[Check]:
    """Compare the folded graph with the full one at the same, merged distances."""
    crystals = contract_crystals()
    larger = {
        f"{name}, supercell": transforms.supercell(crystals[name], (2, 1, 1))
        for name in ("cubic", "triclinic")
    }
    every = list((crystals | larger).values())
    full = merge_geometry(
        build_graph(every, spec.make_strategy(), angles=spec.make_angles()),
        spec.fold_tolerance or DEFAULT_TOLERANCE,
    )
    folded = fold(full)
    for mode, training in (("evaluation", False), ("training", True)):
        found, expected = (_learned(model, graph, training) for graph in (folded, full))
        for what, value in expected.items():
            yield Check(
                f"{what}, reduced as full", mode, _difference(found[what], value), TOLERANCE
            )


def _learned(model: PropertyModel, graph: Graph, training: bool) -> dict[str, np.ndarray]:
    """Return values, the gradients of the parameters, and what the buffers have become."""
    copied = copy.deepcopy(model).train(training)
    values = copied(graph)
    weights = torch.linspace(-1.0, 1.0, len(values), dtype=values.dtype)
    (weights * values).sum().backward()
    gradients = [p.grad.flatten() for p in copied.parameters() if p.grad is not None]
    buffers = [b.double().flatten() for b in copied.buffers()]
    parts = {"values": values.detach(), "gradients": torch.cat(gradients)}
    return {k: v.numpy() for k, v in (parts | {"buffers": torch.cat(buffers)}).items()}


def _smoothness(model: PropertyModel, spec: ModelSpec) -> list[Check]:
    """Take atoms apart through the cutoffs of edges and angles: nothing may jump."""
    cutoff, angles = spec.make_strategy().cutoff, spec.make_angles()
    checks = _pair(model, spec) + _cluster(model, spec, "the cutoff", cutoff)
    if angles is not None and angles.cutoff is not None and angles.cutoff < cutoff:
        checks += _cluster(model, spec, "the cutoff of angles", angles.cutoff)
    return checks


def _pair(model: PropertyModel, spec: ModelSpec) -> list[Check]:
    """Take two atoms apart: value and slope must go to the edgeless ones."""
    cutoff = spec.make_strategy().cutoff

    def at(distance: float) -> Float[np.ndarray, " values"]:
        positions = np.array([[0.0, 0.0, 0.0], [distance, 0.0, 0.0]])
        return _predict(
            model,
            spec,
            Crystal(100.0 * np.eye(3), positions, np.array([11, 17]), np.zeros(3, bool)),
        )

    inside, outside = at(cutoff - _STEP), at(cutoff + _STEP)
    jump = _difference(inside, outside)
    return [
        Check("value at the cutoff", "pair", jump, 1e-8),
        Check("slope at the cutoff", "pair", jump / (2 * _STEP), 1e-3),
    ]


def _cluster(model: PropertyModel, spec: ModelSpec, where: str, distance: float) -> list[Check]:
    """Move one atom of four away from another: value and slope are the same on both sides."""
    rest = np.array([[0.0, 0.0, 0.0], [1.9, 0.3, 0.0], [-0.4, 2.1, 0.5]])
    numbers, way = np.array([11, 17, 8, 22]), np.array([0.8, -0.36, 0.48])

    def at(length: float) -> Float[np.ndarray, " values"]:
        positions = np.vstack([rest, length * way])
        return _predict(
            model, spec, Crystal(100.0 * np.eye(3), positions, numbers, np.zeros(3, bool))
        )

    jump = _difference(at(distance - _SMALL), at(distance + _SMALL))
    size = max(1.0, float(np.abs(at(distance)).max()))
    inside = (at(distance - _STEP) - at(distance - 2 * _STEP)) / _STEP
    outside = (at(distance + 2 * _STEP) - at(distance + _STEP)) / _STEP
    bend = float(np.abs(inside - outside).max()) / size
    return [
        Check(f"value at {where}", "cluster", jump, 1e-7),
        Check(f"slope at {where}", "cluster", bend, 1e-3),
    ]


@torch.no_grad()
def _predict(
    model: PropertyModel, spec: ModelSpec, *crystals: Crystal
) -> Float[np.ndarray, " values"]:
    found: np.ndarray = model(spec.make_graph(crystals)).numpy()
    return found


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    size = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(found - expected).max(initial=0.0)) / size


def _rotation(generator: np.random.Generator) -> Float[np.ndarray, "3 3"]:
    q, r = np.linalg.qr(generator.normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.linalg.det(q)
