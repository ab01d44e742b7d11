"""The contract of an invariant property model: what must not change its predictions.

Where the model says how far off it may be, that deviation goes through all of it beside the value,
as a further target of the same kind.
"""

import copy
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.rewriting import repeated, rewritings
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, fold, merge_geometry
from xtalgraph.models.checkpoint import load_model, save_model
from xtalgraph.models.invariance import expected_values
from xtalgraph.models.model import Model, Output
from xtalgraph.models.requirements import why_not_reduced
from xtalgraph.models.smoothness import pair_and_cluster
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

TOLERANCE: Final[float] = 1e-10
"""Largest violation in float64, relative to the size of the value."""
VALUE_TOLERANCE: Final[float] = 1e-9
"""Largest jump at a cutoff, beside what the slope of the value comes to over 2e-9 Å."""
SLOPE_TOLERANCE: Final[float] = 1e-3
"""Largest difference of slopes at a cutoff, per Å."""


@dataclass(frozen=True)
class Check:
    """One demand on one crystal."""

    check: str
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


def check_contract(model: Model, spec: ModelSpec) -> list[Check]:
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
    checks += _gradients(model, spec)
    if not why_not_reduced(type(model.encoder), *model.targets):
        checks += _reduced(model, spec)
    if spec.make_strategy().continuous:
        checks += _smoothness(model, spec)
    return checks


def _on_one(model: Model, spec: ModelSpec, name: str, crystal: Crystal) -> Iterator[Check]:
    start = _predict(model, spec, crystal)
    yield Check("finite", name, 0.0 if np.all(np.isfinite(start)) else np.inf, TOLERANCE)
    larger = repeated(crystal, np.where(crystal.pbc, [2, 1, 3], 1))
    for one in (*rewritings(crystal, np.random.default_rng(11)), larger):
        expected = expected_values(start, one, _columns(model))
        found = _predict(model, spec, one.crystal)
        yield Check(one.what, name, _difference(found, expected), TOLERANCE)
    yield from _saved(model, spec, name, crystal, start)


def _saved(
    model: Model,
    spec: ModelSpec,
    name: str,
    crystal: Crystal,
    start: Float[np.ndarray, "rows columns"],
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


def _batch(model: Model, spec: ModelSpec) -> Check:
    crystals = list(contract_crystals().values())
    together = _predict(model, spec, *crystals)
    alone = np.concatenate([_predict(model, spec, crystal) for crystal in crystals])
    return Check("batch as single", "all", _difference(together, alone), TOLERANCE)


def _gradients(model: Model, spec: ModelSpec) -> Iterator[Check]:
    """Compare what parameters learn from a crystal, however it is written down."""
    name = "triclinic"
    crystal = contract_crystals()[name]
    start = _slopes(model, spec, crystal)
    larger = repeated(crystal, np.array([2, 1, 3]))
    for one in (*rewritings(crystal, np.random.default_rng(11)), larger):
        grows = [column.kind is not Kind.INTENSIVE for column in _columns(model)]
        found = _slopes(model, spec, one.crystal)
        expected = start * np.where(grows, one.copies, 1)
        yield Check(f"gradients, {one.what}", name, _difference(found, expected), TOLERANCE)


def _slopes(
    model: Model, spec: ModelSpec, crystal: Crystal
) -> Float[np.ndarray, "parameters columns"]:
    """Return the gradient of each column, added up over its rows."""
    values = _said(model, spec.make_graph(crystal)).sum(dim=0)
    learned = [one for one in model.parameters() if one.requires_grad]
    columns = [
        torch.autograd.grad(
            value, learned, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        for value in values
    ]
    flat = [torch.cat([one.flatten() for one in column]) for column in columns]
    return torch.stack(flat, dim=1).numpy()


def _reduced(model: Model, spec: ModelSpec) -> Iterator[Check]:
    """Compare the reduced graph with the full one at the same, merged distances."""
    crystals = contract_crystals()
    larger = {
        f"{name}, supercell": transforms.supercell(crystals[name], (2, 1, 1))
        for name in ("cubic", "triclinic")
    }
    every = list((crystals | larger).values())
    full = merge_geometry(
        build_graph(every, spec.make_strategy(), angles=spec.make_angles()),
        spec.reduction_tolerance or DEFAULT_TOLERANCE,
    )
    reduced = fold(full)
    for mode, training in (("evaluation", False), ("training", True)):
        found, expected = (_learned(model, graph, training) for graph in (reduced, full))
        for what, value in expected.items():
            yield Check(
                f"{what}, reduced as full", mode, _difference(found[what], value), TOLERANCE
            )


def _learned(model: Model, graph: Graph, training: bool) -> dict[str, np.ndarray]:
    """Return values, the gradients of the parameters, and what the buffers have become."""
    copied = copy.deepcopy(model).train(training)
    values = _said(copied, graph)
    weights = torch.linspace(-1.0, 1.0, values.numel(), dtype=values.dtype)
    (weights * values.flatten()).sum().backward()
    gradients = [p.grad.flatten() for p in copied.parameters() if p.grad is not None]
    buffers = [b.double().flatten() for b in copied.buffers()]
    parts = {"values": values.detach(), "gradients": torch.cat(gradients)}
    return {k: v.numpy() for k, v in (parts | {"buffers": torch.cat(buffers)}).items()}


def _smoothness(model: Model, spec: ModelSpec) -> list[Check]:
    """Take atoms apart through the cutoffs of edges and angles: nothing may jump."""
    limits = {"the cutoff": spec.make_strategy().cutoff}
    angles = spec.make_angles()
    if angles is not None and angles.cutoff is not None and angles.cutoff < limits["the cutoff"]:
        limits["the cutoff of angles"] = angles.cutoff
    checks, numbers = [], np.array([11, 17, 8, 22])

    def values(crystal: Crystal) -> Float[np.ndarray, "rows columns"]:
        return _predict(model, spec, crystal)

    for where, limit in limits.items():
        for one in pair_and_cluster(values, numbers, limit):
            checks += [
                Check(f"value at {where}", one.what, float(one.jump.max()), VALUE_TOLERANCE),
                Check(f"slope at {where}", one.what, float(one.bend.max()), SLOPE_TOLERANCE),
            ]
    return checks


@torch.no_grad()
def _predict(
    model: Model, spec: ModelSpec, *crystals: Crystal
) -> Float[np.ndarray, "rows columns"]:
    found: np.ndarray = _said(model, spec.make_graph(crystals)).numpy()
    return found


def _said(model: Model, graph: Graph) -> Float[Tensor, "rows columns"]:
    """Return the values and, where there are some, their deviations beside them."""
    output: Output = model(graph)
    said = [*output.values.values(), *output.deviations.values()]
    return torch.cat([one.reshape(len(one), -1) for one in said], dim=1)


def _columns(model: Model) -> tuple[Target, ...]:
    """Return what each column of `_said` is; a deviation behaves as its target."""
    return model.targets * (2 if model.learns_variance else 1)


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return float("inf")
    size = max(1.0, float(np.abs(expected).max(initial=0.0)))
    return float(np.abs(found - expected).max(initial=0.0)) / size
