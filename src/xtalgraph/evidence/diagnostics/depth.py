"""What the layers do: how similar neighbouring atoms become, and how far an atom sees."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Number,
    Reason,
    alarm_if,
    not_applicable,
)
from xtalgraph.graphs.build import GraphSettings, build_supported
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.inference import infer
from xtalgraph.models.layers import smoothing_of
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.receptive_field import receptive_field

LEFT: Final = 0.01
"""Share of the largest distance of neighbours that must be left after the last layer."""
_ROUNDING: Final = 1e-6
"""Distance of equal vectors in float32, at most."""
_CRYSTALS: Final = 64
"""How many crystals are measured in a diagnosis."""
MEASURED: Final = 256
"""How many crystals are measured in an ablation, at most."""
_ATOMS: Final = 600
"""About how many atoms the supercell has."""


@dataclass(frozen=True)
class Smoothing:
    """How similar neighbouring atoms are before the first layer and after each."""

    member: int
    """Which member is shown, from 1: the one that smooths most."""
    members: int
    layers: Sequence[Mapping[str, Number]]
    """For each layer ``mean average distance``, ``dirichlet energy`` and ``effective rank``."""


def over_smoothing(tested: Evaluator) -> DiagnosticResult:
    """Measure how far apart neighbouring atoms are before the first layer and after each.

    Every member is measured, and the one that smooths most is shown.
    """
    rows, members = tested.test[:_CRYSTALS], tested.predictor.members  # all of them have graphs
    crystals = [tested.crystals[row] for row in rows]
    graph, _ = build_supported(crystals, tested.predictor.spec.make_graph_settings())
    if graph is None:
        return not_applicable("smoothing", Reason.NO_GRAPH)
    by_member = _smoothing_by_member(tested.predictor, tested.with_conditions(graph, rows))
    if not all(by_member):
        return not_applicable("smoothing", Reason.NO_LAYERS)
    distances = [
        np.array([layer["mean average distance"] for layer in layers]) for layers in by_member
    ]
    unequal = [n for n, distance in enumerate(distances) if np.nanmax(distance) > _ROUNDING]
    if not unequal:
        return not_applicable("smoothing", Reason.EQUAL_ATOMS)
    shown = min(unequal, key=lambda n: float(distances[n][-1] / distances[n].max()))
    left = float(distances[shown][-1] / distances[shown].max())
    numbers = Smoothing(shown + 1, len(members), by_member[shown])
    return DiagnosticResult("smoothing", alarm_if(left < LEFT), numbers, left, LEFT)


def _smoothing_by_member(predictor: Predictor, graph: Graph) -> list[list[dict[str, float]]]:
    """Measure over-smoothing in each member; nothing of one that returns no layers."""
    (batch,) = infer(predictor.members, [graph], device=predictor.device)
    return [smoothing_of(output.features, batch.graph) for output in batch.outputs]


def measure_smoothing(
    predictor: Predictor, crystals: Sequence[Crystal], conditions: ConditionValues | None = None
) -> list[dict[str, float | None]]:
    """Measure over-smoothing before the first layer and after each, on at most 256 crystals.

    Args:
        predictor: A trained model.
        crystals: What it is shown; of more than 256 some are taken, evenly spaced.
        conditions: Of these crystals, for a model that reads them.

    Returns:
        What `xtalgraph.models.layers.smoothing_of` gives, of several members the mean; None
        where it is not defined.

    Raises:
        GraphError: If a crystal has no graph of the model's kind.
    """
    size = min(len(crystals), MEASURED)
    places = np.linspace(0, len(crystals) - 1, size).round().astype(int)
    graph = predictor.spec.make_graph([crystals[i] for i in places])
    if conditions is not None:
        graph = conditions.select(places).attach(graph)
    measured = []
    for layer in zip(*_smoothing_by_member(predictor, graph), strict=True):
        means = {name: float(np.mean([measures[name] for measures in layer])) for name in layer[0]}
        measured.append({k: value if math.isfinite(value) else None for k, value in means.items()})
    return measured


@dataclass(frozen=True)
class Reach:
    """How far an atom sees, by gradients."""

    id: str
    formula: str
    atoms: int
    """Of its supercell."""
    layers: int
    """Of the encoder."""
    member: int
    """Which member is shown, from 1: the one that sees least far."""
    members: int
    hops: int
    """Over which the atom sees."""
    farthest: int
    """Hops to the farthest atom of the supercell."""
    by_hop: Sequence[float]
    """Share of the sensitivity at each number of hops."""
    radius: float
    """Distance of the farthest atom that is seen, Å."""


def reach(tested: Evaluator) -> DiagnosticResult:
    """Measure by gradients which atoms of a supercell the features of one depend on.

    The crystal is the smallest of the test, repeated until its cell is about as long each way; the
    atom is one with the most neighbours. Every member is measured, and the one that sees least far
    is shown.
    """
    spec, members = tested.predictor.spec, tested.predictor.members
    row = int(tested.test[np.argmin(tested.sizes[tested.test])])
    crystal = _enlarged(tested.crystals[row])
    settings = GraphSettings(spec.make_strategy(), 0.0, spec.make_angles())
    try:
        graph = tested.with_conditions(settings.build(crystal), [row]).to(tested.predictor.device)
        graph = members[0].as_read(graph)
    except GraphError:
        return not_applicable("reach", Reason.NO_GRAPH)
    atom = int(graph.degree.argmax())
    try:
        fields = [receptive_field(member.encoder, graph, atom) for member in members]
    except (ConfigError, GraphError):
        return not_applicable("reach", Reason.NO_LAYERS)
    shown = min(range(len(fields)), key=lambda n: fields[n].reach)
    field = fields[shown]
    hops, sensitivity = field.hops.numpy(force=True), field.sensitivity.numpy(force=True)
    farthest = int(hops.max())
    by_hop = np.array([sensitivity[hops == hop].sum() for hop in range(farthest + 1)])
    numbers = Reach(
        id=tested.ids[row],
        formula=tested.crystals[row].formula,
        atoms=len(crystal),
        layers=field.layers,
        member=shown + 1,
        members=len(members),
        hops=field.reach,
        farthest=farthest,
        by_hop=(by_hop / by_hop.sum()).tolist(),
        radius=float(_distances(crystal, atom)[sensitivity > 0].max()),
    )
    possible = min(field.layers, farthest)
    verdict = alarm_if(field.reach < possible)
    return DiagnosticResult("reach", verdict, numbers, float(field.reach), float(possible))


def _distances(crystal: Crystal, atom: int) -> Float[np.ndarray, " atoms"]:
    """Distance of an atom to the nearest image of each, Å."""
    images = np.array(list(product((-1, 0, 1), repeat=3))) * crystal.pbc
    away = crystal.positions - crystal.positions[atom]
    distances: np.ndarray = np.linalg.norm(away[None] + (images @ crystal.cell)[:, None], axis=2)
    return distances.min(axis=0)


def _enlarged(crystal: Crystal) -> Crystal:
    """Repeat the shortest lattice vector that repeats, until there are enough atoms."""
    multiples = np.ones(3, dtype=np.int64)
    lengths = np.where(crystal.pbc, np.linalg.norm(crystal.cell, axis=1), np.inf)
    if crystal.pbc.any():
        while len(crystal) * int(np.prod(multiples)) < _ATOMS:
            multiples[np.argmin(multiples * lengths)] += 1
    first, second, third = multiples.tolist()
    return supercell(crystal, (first, second, third))
