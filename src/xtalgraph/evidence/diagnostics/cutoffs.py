"""The prediction while neighbours cross r_c, and with another r_c."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import strain
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Reason, alarm_if, not_applicable
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.models.inference import infer
from xtalgraph.models.model import Model
from xtalgraph.models.predictions import combine
from xtalgraph.models.spec import ModelSpec

CHANGES: Final = (-0.5, -0.25, 0.0, 0.25, 0.5)
"""By how much the cutoff is changed, Å."""
MOST_CHANGE: Final = 1.0
"""Change of the predictions over their error, at ± 0.25 Å."""
JUMP: Final = 1e-3
"""Largest jump at r_c, in test errors."""
_CROSSING: Final = 3
"""How many crystals are taken through the cutoff."""
PATH: Final = np.concatenate([np.linspace(-0.15, -1e-7, 25), np.linspace(1e-7, 0.15, 25)])
"""Distances less r_c, Å; the jump is measured between the two in the middle, to which slopes bring
1e-7 of what they are."""
_DISPLACEMENTS: Final = np.arange(0.0, 0.2005, 5e-3)
"""Of one atom, Å."""


@dataclass(frozen=True)
class CutoffChange:
    """Change of the predictions when graphs are built with another cutoff."""

    cutoff: float
    """Of the model, Å."""
    nearest: int | None
    """The number of nearest neighbours that the graph keeps, where it keeps only so many."""
    changes: Sequence[float]
    """By how much the cutoff was changed, Å."""
    moved: Sequence[float]
    """Mean absolute change of a prediction."""
    mae: float
    """Mean absolute error of the model."""


def cutoff_change(tested: Evaluator) -> DiagnosticResult:
    """Rebuild the graphs of the test crystals with other cutoffs; the model stays as it is.

    Basis and envelope keep the r_c that they were made for. So under an envelope a larger cutoff
    changes nothing, and a smaller one takes away what counted little.
    """
    spec = tested.predictor.spec
    cutoff = float(spec.strategy_settings["cutoff"])
    if cutoff <= 2 * abs(CHANGES[0]):
        return not_applicable("cutoff", Reason.SHORT_CUTOFF, cutoff, 2 * abs(CHANGES[0]))
    crystals = [tested.crystals[row] for row in tested.test]
    moved = []
    for change in CHANGES:
        settings = {**spec.strategy_settings, "cutoff": cutoff + change}
        predictor = tested.predictor.with_graphs(replace(spec, strategy_settings=settings))
        predicted = replace(tested, predictor=predictor).predict(crystals, tested.test)
        moved.append(float(np.nanmean(np.abs(predicted - tested.predictions))))
    nearest = spec.strategy_settings["max_neighbors"] if spec.strategy == "hybrid" else None
    numbers = CutoffChange(cutoff, nearest, CHANGES, moved, tested.mae)
    number = max(moved[1], moved[3]) / tested.mae
    return DiagnosticResult("cutoff", alarm_if(number >= MOST_CHANGE), numbers, number, MOST_CHANGE)


@dataclass(frozen=True)
class CutoffPath:
    """Predictions of crystals while a shell of neighbours crosses the cutoff."""

    cutoff: float
    """Of the model, Å."""
    envelope: str
    """Of the model; empty where it has no choice of it."""
    strategy: str
    """By which neighbours are chosen."""
    formulas: Sequence[str]
    distance: Sequence[float]
    """Distance of the shell less the cutoff, Å."""
    predicted: Sequence[Sequence[float]]
    """Prediction of each crystal along the path."""
    other: Sequence[Sequence[float]]
    """The same weights with the other envelope, from the same start; none without a choice."""
    jumps: Sequence[float]
    """Jump of each prediction at the cutoff."""
    other_jumps: Sequence[float]
    """The same with the other envelope."""
    rank_step: float | None
    """Largest change of a prediction in a step of one atom; None where neighbours are not chosen
    by rank."""
    displacement: float
    """Length of such a step, Å."""
    mae: float
    """Mean absolute error of the model."""


def cutoff_path(tested: Evaluator) -> DiagnosticResult:
    """Stretch crystals until a shell of neighbours crosses r_c, and measure the jump there.

    Everything in float64, on graphs without symmetry reduction; of several members the mean, as it
    is predicted. The same weights are tried with the other envelope, too. Where the strategy takes
    the nearest neighbours, which neighbours these are changes while a single atom is moved: that
    is measured and not assessed.
    """
    spec = tested.predictor.spec
    cutoff = float(spec.strategy_settings["cutoff"])
    model, counterpart = _in_double(tested), _counterpart(tested)
    formulas, predicted, others = [], [], []
    for row in _candidates(tested, cutoff):
        crystal = tested.crystals[row]
        length = _shell_near(crystal, cutoff)
        strained = [strain(crystal, ((cutoff + step) / length - 1.0) * np.eye(3)) for step in PATH]
        try:
            predicted.append(model.predict(strained, row))
        except GraphError:
            continue
        formulas.append(reduced_formula(crystal))
        if counterpart is not None:
            other = counterpart.predict(strained, row)
            others.append(other - other[0] + predicted[-1][0])
    if not predicted:
        return not_applicable("cutoff-path", Reason.NO_PAIR_AT_THE_CUTOFF, None, cutoff)
    jumps, other_jumps = jumps_of(predicted), jumps_of(others)
    continuous = spec.make_strategy().continuous
    numbers = CutoffPath(
        cutoff=cutoff,
        envelope=str(spec.settings.get("envelope", "")),
        strategy=spec.strategy,
        formulas=formulas,
        distance=PATH.tolist(),
        predicted=[path_values.tolist() for path_values in predicted],
        other=[path_values.tolist() for path_values in others],
        jumps=jumps,
        other_jumps=other_jumps,
        rank_step=None if continuous else _largest_step(model, tested),
        displacement=float(_DISPLACEMENTS[1]),
        mae=tested.mae,
    )
    number = max(jumps) / tested.mae
    return DiagnosticResult("cutoff-path", alarm_if(number > JUMP), numbers, number, JUMP)


def jumps_of(paths: Sequence[Float[np.ndarray, " points"]]) -> list[float]:
    """Return by how much values along `PATH` jump in its middle."""
    return [abs(float(values[len(values) // 2] - values[len(values) // 2 - 1])) for values in paths]


class _Double:
    """The members of a predictor in float64 on graphs without symmetry reduction."""

    def __init__(self, tested: Evaluator, members: Sequence[Model], spec: ModelSpec) -> None:
        self._tested = tested
        self._members = members
        self._settings = GraphSettings(spec.make_strategy(), 0.0, spec.make_angles())

    def predict(self, crystals: Sequence[Crystal], row: int) -> Float[np.ndarray, " rows"]:
        """Predict what was made of a crystal of the table, as the values of the evaluator."""
        graph = self._tested.with_conditions(self._settings.build(crystals), [row] * len(crystals))
        (batch,) = infer(self._members, [graph], dtype=torch.float64)
        sizes = np.array([len(crystal) for crystal in crystals])
        predictor, name = self._tested.predictor, self._tested.target.name
        targets, invariants = predictor.spec.targets, predictor.invariants
        mean = combine(batch.outputs, targets, sizes, invariants=invariants).values[name]
        return mean / sizes if self._tested.per_atom else mean


def _in_double(tested: Evaluator, spec: ModelSpec | None = None) -> _Double:
    members = []
    for member in tested.predictor.members:
        model = member
        if spec is not None:
            model = spec.make_model().to(tested.predictor.device)
            model.load_state_dict(member.state_dict())
        members.append(model)
    return _Double(tested, members, spec or tested.predictor.spec)


def _counterpart(tested: Evaluator) -> _Double | None:
    """The same weights with the other envelope; None where the model has no choice."""
    spec = tested.predictor.spec
    if "envelope" not in spec.settings or spec.is_potential:
        return None
    other = "none" if spec.settings["envelope"] != "none" else "cosine"
    return _in_double(tested, replace(spec, settings={**spec.settings, "envelope": other}))


def _candidates(tested: Evaluator, cutoff: float) -> list[int]:
    """Rows of the test crystals that need the least stretching, small ones first among equals."""
    rows = tested.test
    if len(rows) > 100:
        rows = tested.generator("cutoff-path").choice(rows, 100, replace=False)
    small = [int(row) for row in rows if len(tested.crystals[row]) <= 60]
    apart = [abs(_shell_near(tested.crystals[row], cutoff) / cutoff - 1.0) for row in small]
    order = np.argsort(apart, kind="stable")
    return [small[i] for i in order[:_CROSSING] if apart[i] <= 0.1]


def _shell_near(crystal: Crystal, cutoff: float) -> float:
    """Distance of two atoms that is nearest to the cutoff; infinite where there is none."""
    distance = neighbors_within(crystal, 1.1 * cutoff).distance
    if len(distance) == 0:
        return float("inf")
    return float(distance[np.argmin(np.abs(distance - cutoff))])


def _largest_step(model: _Double, tested: Evaluator) -> float:
    """Largest change of the prediction in one step of one atom."""
    largest = 0.0
    rng = tested.generator("cutoff-path-atom")
    for row in tested.test[:_CROSSING].tolist():
        crystal = tested.crystals[row]
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        atom = int(rng.integers(len(crystal)))
        displaced = []
        for step in _DISPLACEMENTS:
            positions = crystal.positions.copy()
            positions[atom] += step * direction
            displaced.append(Crystal(crystal.cell, positions, crystal.numbers, crystal.pbc))
        try:
            predicted = model.predict(displaced, row)
        except GraphError:
            continue
        largest = max(largest, float(np.abs(np.diff(predicted)).max()))
    return largest
