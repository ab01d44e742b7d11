"""The prediction along a path on which neighbours cross r_c: hard cut and envelope side by side."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import strain
from xtalgraph.evidence.diagnostics.evaluator import Evaluator
from xtalgraph.evidence.diagnostics.result import (
    DiagnosticResult,
    Examined,
    Picture,
    Verdict,
    not_applicable,
)
from xtalgraph.evidence.numbers import plain, with_unit
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.graphs.settings import GraphSettings
from xtalgraph.models.property_model import PropertyModel
from xtalgraph.models.spec import ModelSpec
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.style import quantity

NAME: Final = "cutoff-path"
TITLE: Final = "Along a path through the cutoff"
CRYSTALS: Final = 3
"""How many crystals are taken along it."""
JUMP: Final = 1e-3
"""Largest jump at r_c, in test errors."""
_WAY: Final = 0.15
"""How far before and beyond r_c the path goes, Å."""
_STEP: Final = 1e-7
"""Å before and beyond r_c, between which the jump is measured; slopes bring 1e-7 of it."""
_DISPLACEMENTS: Final = np.arange(0.0, 0.2005, 5e-3)
"""Of one atom, Å."""


def cutoff_path(tested: Evaluator) -> Examined:
    """Let crystals breathe until a shell of neighbours crosses r_c, and measure the jump there.

    Everything in float64, on graphs that are not folded; of several members the mean, as it is
    predicted. Beside the model stands the same one, with the same weights, with the envelope that
    it has not. Where the strategy takes the nearest
    neighbours, which neighbours these are changes along the way of a single atom: how much that
    makes is said, and not judged.

    Args:
        tested: What is examined.
    """
    spec = tested.predictor.spec
    cutoff = float(spec.strategy_settings["cutoff"])
    model, other = _in_double(tested), _counterpart(tested)
    own = str(spec.settings.get("envelope", "its own"))
    panels, jumps, other_jumps, names = [], [], [], []
    way = np.concatenate([np.linspace(-_WAY, -_STEP, 25), np.linspace(_STEP, _WAY, 25)])
    for row in _candidates(tested, cutoff):
        crystal = tested.crystals[row]
        length = _shell_near(crystal, cutoff)
        sheet = [_breathed(crystal, (cutoff + step) / length) for step in way]
        try:
            said = model.predict(sheet, row)
        except GraphError:
            continue
        half = len(way) // 2
        curves = [_broken(way, said, f"as trained, envelope {own}", "model")]
        jumps.append(abs(float(said[half] - said[half - 1])))
        if other is not None:
            beside = other.predict(sheet, row)
            beside = beside - beside[0] + said[0]
            curves.append(_broken(way, beside, f"the same with {_opposite(own)}", "other"))
            other_jumps.append(abs(float(beside[half] - beside[half - 1])))
        panels.append(curves)
        names.append(reduced_formula(crystal))
    if not panels:
        why = f"No test crystal can be stretched by a tenth or less to have a pair at {cutoff:g} Å."
        return not_applicable(NAME, TITLE, why)
    figure = curves_plot(
        panels,
        xlabel="distance of a shell of neighbours less the cutoff, Å",
        ylabel=quantity(tested.target.name, tested.unit),
        titles=names,
        vertical=0.0,
    )
    number = max(jumps) / tested.mae
    verdict = Verdict.ALARM if number > JUMP else Verdict.OK
    details: dict[str, Any] = {
        "jumps": jumps,
        "jumps of the counterpart": other_jumps,
        "crystals": names,
        "mae": tested.mae,
    }
    largest = with_unit(plain(max(jumps), 2), tested.unit)
    says = (
        f"Where neighbours cross {cutoff:g} Å the prediction jumps by up to {largest}: the cutoff "
        "is hard, and nearly equal crystals get different predictions. An envelope that takes the "
        "messages to zero removes the jump."
        if verdict is Verdict.ALARM
        else f"Nothing happens where pairs of atoms cross {cutoff:g} Å."
    )
    if other_jumps:
        theirs = with_unit(plain(max(other_jumps), 2), tested.unit)
        says += f" The same weights with {_opposite(own)} jump by up to {theirs}"
        none = max(jumps + other_jumps) <= JUMP * tested.mae
        says += ": these graphs have no edges as long as the cutoff." if none else "."
    if not spec.make_strategy().continuous:
        switch = _largest_switch(model, tested)
        details["largest step of a displaced atom"] = switch
        step = with_unit(plain(switch, 2), tested.unit)
        says += (
            f" The strategy {spec.strategy} chooses neighbours by rank, which changes as atoms "
            f"move: one atom displaced in steps of {_DISPLACEMENTS[1]:g} Å changes the prediction "
            f"by up to {step} in a step. That does no harm to relaxed crystals; for dynamics take "
            "the strategy radius."
        )
    result = DiagnosticResult(
        name=NAME,
        title=TITLE,
        verdict=verdict,
        says=says,
        measure="largest jump of the prediction at r_c over the test MAE",
        number=number,
        threshold=JUMP,
        side="above",
        reason="A smooth envelope leaves rounding and slope, some 1e-6, so that a jump of a "
        "thousandth of the error is a cut.",
        details=details,
        pictures=(
            Picture(
                NAME,
                "Predictions of stretched crystals while neighbours cross the cutoff; the other "
                "envelope moved to the same start.",
            ),
        ),
    )
    return Examined(result, {NAME: figure})


class _Double:
    """The members of a predictor in float64 on graphs that are not folded."""

    def __init__(
        self, tested: Evaluator, members: Sequence[PropertyModel], spec: ModelSpec
    ) -> None:
        self._tested = tested
        self._members = members
        self._graph_settings = GraphSettings(spec.make_strategy(), 0.0, spec.make_angles())

    @torch.no_grad()
    def predict(self, crystals: Sequence[Crystal], row: int) -> Float[np.ndarray, " rows"]:
        """Predict what was made of a crystal of the table, as the values of the subject."""
        graph = self._tested.with_states(
            self._graph_settings.build(crystals), [row] * len(crystals)
        )
        each = [member.prediction(member(graph)) for member in self._members]
        said = torch.stack(each).mean(dim=0)
        column = self._tested.predictor.targets.index(self._tested.target)
        found = said.reshape(len(crystals), -1)[:, column].numpy()
        sizes = np.array([len(crystal) for crystal in crystals])
        return found / sizes if self._tested.per_atom else found


def _in_double(tested: Evaluator, spec: ModelSpec | None = None) -> _Double:
    members = []
    for member in tested.predictor.members:
        model = deepcopy(member) if spec is None else spec.make_model()
        model.load_state_dict(member.state_dict())
        members.append(model.double().eval())
    return _Double(tested, members, spec or tested.predictor.spec)


def _counterpart(tested: Evaluator) -> _Double | None:
    """The same weights with the other envelope; None where the model has no choice of it."""
    spec = tested.predictor.spec
    if "envelope" not in spec.settings:
        return None
    other = "none" if spec.settings["envelope"] != "none" else "cosine"
    return _in_double(tested, replace(spec, settings={**spec.settings, "envelope": other}))


def _opposite(own: str) -> str:
    return "a hard cut" if own != "none" else "a cosine envelope"


def _broken(
    way: Float[np.ndarray, " points"], said: Float[np.ndarray, " points"], label: str, role: str
) -> Curve:
    """A curve with a gap at r_c, so that a jump is not drawn as a slope."""
    half = len(way) // 2
    return Curve(np.insert(way, half, 0.0), np.insert(said, half, np.nan), label, role)


def _candidates(tested: Evaluator, cutoff: float) -> list[int]:
    """Rows of the test crystals that need the least stretching, small ones first among equals."""
    rows = tested.test
    if len(rows) > 100:
        rows = tested.generator(NAME).choice(rows, 100, replace=False)
    small = [int(row) for row in rows if len(tested.crystals[row]) <= 60]
    apart = [abs(_shell_near(tested.crystals[row], cutoff) / cutoff - 1.0) for row in small]
    order = np.argsort(apart, kind="stable")
    return [small[i] for i in order[:CRYSTALS] if apart[i] <= 0.1]


def _shell_near(crystal: Crystal, cutoff: float) -> float:
    """Distance of two atoms that is nearest to the cutoff; infinite where there is none."""
    distance = neighbors_within(crystal, 1.1 * cutoff).distance
    if len(distance) == 0:
        return float("inf")
    return float(distance[np.argmin(np.abs(distance - cutoff))])


def _breathed(crystal: Crystal, factor: float) -> Crystal:
    return strain(crystal, (factor - 1.0) * np.eye(3))


def _largest_switch(model: _Double, tested: Evaluator) -> float:
    """Largest change of the prediction in one step of one atom."""
    largest = 0.0
    rng = tested.generator(f"{NAME}-atom")
    for row in tested.test[:CRYSTALS].tolist():
        crystal = tested.crystals[row]
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        atom = int(rng.integers(len(crystal)))
        sheet = []
        for step in _DISPLACEMENTS:
            positions = crystal.positions.copy()
            positions[atom] += step * direction
            sheet.append(Crystal(crystal.cell, positions, crystal.numbers, crystal.pbc))
        try:
            said = model.predict(sheet, row)
        except GraphError:
            continue
        largest = max(largest, float(np.abs(np.diff(said)).max()))
    return largest
