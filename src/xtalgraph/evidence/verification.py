"""Verify: what must not change a prediction is tried on a trained model and on given crystals."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from typing import Any, Final, final

import numpy as np
import torch
from jaxtyping import Float
from tqdm import tqdm

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.rewriting import rewritings
from xtalgraph.data.conditions import ATOMS_ALONE
from xtalgraph.data.states import States
from xtalgraph.evidence.check_result import CheckResult, Status, Worst
from xtalgraph.evidence.model_under_test import ModelUnderTest, Trial, Values
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph_settings import GraphSettings
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, fold, merge_geometry
from xtalgraph.models.invariance import expected_values, violations
from xtalgraph.models.smoothness import jump_on_a_way, pair_and_cluster, stretched_shell

EXACT: Final = 1e-10
"""Largest violation in float64 of what is exact in mathematics, over the largest prediction."""
JUMP: Final = 1e-9
"""Largest change within 2e-9 Å of a cutoff, beside what the slope comes to."""
BEND: Final = 1e-3
"""Largest difference of slopes at a cutoff, per Å: what curvature comes to over 1e-5 Å."""
_WAYS: Final[dict[str, str]] = {
    "translation": "",
    "rotation": "",
    "reflection": "",
    "permutation": "",
    "periodic shift": "no crystal repeats in any direction",
    "supercell": "no crystal repeats in any direction",
    "lattice basis": "no crystal repeats in all three directions",
    "Niggli cell": "no crystal repeats in all three directions",
}
"""Every rewriting, and why it may not apply."""
_ROUNDING: Final = "exact but for rounding in float64"
_BITS: Final = "the same bits"
_BATCH: Final = 16
"""Crystals in a batch that is compared with each of them alone."""
_CROSSINGS: Final = 8
"""How many crystals, or groups of their elements, are taken through a cutoff."""


@dataclass(frozen=True)
class Verification:
    """What came out for a model, demand by demand."""

    results: tuple[CheckResult, ...]
    """In the order in which they were tried."""
    crystals: tuple[str, ...]
    """On which crystals."""

    @property
    def failures(self) -> tuple[CheckResult, ...]:
        """The demands that do not hold."""
        return tuple(one for one in self.results if one.status is Status.FAILED)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "passed": not self.failures,
            "crystals": list(self.crystals),
            "results": [one.as_dict() for one in self.results],
        }


def verify(
    tested: ModelUnderTest,
    crystals: Mapping[str, Crystal],
    states: States | None = None,
    *,
    progress: bool = False,
) -> Verification:
    """Try a model on crystals, in float64 where a demand is exact.

    Args:
        tested: The model.
        crystals: At least one, by name. The strategy refuses none of them, and rounding decides
            none of their edges (`xtalgraph.graphs.margin.is_decided`).
        states: Of each, in their order, where the model reads the state of a crystal. A crystal
            keeps its own while it is written down in other ways, moved and stretched, and so do
            atoms of its elements that stand alone.
        progress: Show a progress bar on standard error.

    Returns:
        A finding for each demand.

    Raises:
        InputError: If the model reads states and there are none, or not one for each crystal.

    Example:
        >>> from xtalgraph.data.targets import Kind, Target
        >>> from xtalgraph.graphs.strategies import Radius
        >>> class MeanNumber(torch.nn.Module):
        ...     def forward(self, graph):
        ...         total = torch.zeros(len(graph), dtype=torch.float64)
        ...         total = total.index_add(0, graph.crystal_of_atom, graph.number.double())
        ...         return total / graph.num_atoms
        >>> sites, numbers = np.array([[0.0] * 3, [2.0] * 3]), np.array([55, 17])
        >>> salt = Crystal(4.0 * np.eye(3), sites, numbers, np.ones(3, bool))
        >>> total = Target("energy", Kind.EXTENSIVE, "eV")
        >>> tested = ModelUnderTest(MeanNumber(), GraphSettings(Radius(5.0)), (total,))
        >>> found = verify(tested, {"CsCl": salt})
        >>> [(one.check, one.violation, one.unit) for one in found.failures]
        [('supercell', 36.0, 'eV')]
    """
    if states is None:
        states = ATOMS_ALONE.states_of([{}] * len(crystals))
        if tested.conditions:
            columns = ", ".join(tested.conditions.columns)
            raise InputError(
                f"the model reads {columns} as the state of a crystal: give the states of all "
                f"{len(crystals)} crystals, as conditions.states_of(rows) does"
            )
    if len(states) != len(crystals):
        raise InputError(f"there are {len(crystals)} crystals and {len(states)} states")
    trials = _Trials(tested, crystals, states)
    return Verification(tuple(trials.results(progress)), tuple(crystals))


@final
class _Trials:
    """The demands, with what they share."""

    def __init__(
        self, tested: ModelUnderTest, crystals: Mapping[str, Crystal], states: States
    ) -> None:
        self.tested, self.crystals = tested, dict(crystals)
        self.states, self.places = states, {name: n for n, name in enumerate(crystals)}
        self.graph_settings, self.columns = tested.graph_settings, len(tested.targets)
        self.trial = Trial(tested.model, self.columns)
        self.start = {
            name: self.trial.of_crystal(crystal, self.graph_settings, self.state(name))
            for name, crystal in self.crystals.items()
        }

    def state(self, *names: str) -> States:
        """Return the states of some of the crystals."""
        return self.states.select(np.array([self.places[name] for name in names]))

    @cached_property
    def scale(self) -> Float[np.ndarray, " columns"]:
        """The largest prediction of each target; 1 where all are zero, or none is a number."""
        every = np.abs(np.concatenate(list(self.start.values())))
        largest: np.ndarray = np.where(np.isfinite(every), every, 0.0).max(axis=0)
        return np.where(largest > 0.0, largest, 1.0)

    def worst(self, check: str, per: str = "") -> Worst:
        """Begin with a demand."""
        return Worst(check, self.tested.targets, self.scale, per)

    def results(self, progress: bool) -> Iterator[CheckResult]:
        """Try everything."""
        finite = self.worst("a finite number")
        for name, values in self.start.items():
            finite.add(name, violations(values, values))
        yield finite.result("no NaN, no infinity", EXACT)
        yield from self.rewritten(progress)
        yield from self.reduced()
        yield self.batched()
        yield self.repeated()
        yield self.reloaded()
        yield self.elsewhere()
        yield from self.smooth()
        yield self.in_single_precision()

    def rewritten(self, progress: bool) -> Iterator[CheckResult]:
        """Write every crystal down in other ways."""
        ways = {what: self.worst(what) for what in _WAYS}
        todo = tqdm(self.crystals.items(), desc="verifying", unit="crystal", disable=not progress)
        for number, (name, crystal) in enumerate(todo):
            for one in rewritings(crystal, np.random.default_rng(number)):
                expected = expected_values(self.start[name], one, self.tested.targets)
                found = self.trial.of_crystal(one.crystal, self.graph_settings, self.state(name))
                ways[one.what].add(name, violations(found, expected))
        for what, absent in _WAYS.items():
            yield ways[what].result(_ROUNDING, EXACT, absent)

    def reduced(self) -> Iterator[CheckResult]:
        """Fold the graphs: at the merged distances nothing may change, at the true ones little."""
        merged = self.worst("reduced as full, merged distances")
        true = self.worst("reduced as full, true distances")
        tolerance, reducible = (
            self.graph_settings.reduction_tolerance,
            not self.tested.why_not_reduced,
        )
        for name, crystal in self.crystals.items() if reducible else ():
            full = build_graph(
                crystal, self.graph_settings.strategy, angles=self.graph_settings.angles
            )
            full = self.state(name).attach(full)
            level = merge_geometry(full, tolerance or DEFAULT_TOLERANCE)
            expected = self.trial.of_graph(level)
            merged.add(name, violations(self.trial.of_graph(fold(level)), expected))
            if tolerance:
                true.add(name, violations(self.start[name], self.trial.of_graph(full)))
        reason = self.tested.why_not_reduced
        yield merged.result(_ROUNDING, EXACT, reason)
        yield true.result(
            f"distances within {tolerance:g} Å are merged by design: what it costs",
            None,
            reason or "the model reads full graphs",
        )

    def batched(self) -> CheckResult:
        """Predict crystals together, and each alone."""
        worst, names = self.worst("batch as single"), iter(self.crystals)
        while part := list(islice(names, _BATCH)):
            graph = self.graph_settings.build([self.crystals[name] for name in part])
            found = self.trial.of_graph(self.state(*part).attach(graph))
            ends = np.cumsum([len(self.start[name]) for name in part])
            if len(found) != ends[-1]:
                worst.add(part[0], np.full(self.columns, np.inf))
                continue
            for name, values in zip(part, np.split(found, ends[:-1]), strict=True):
                worst.add(name, violations(values, self.start[name]))
        return worst.result(_ROUNDING, EXACT)

    def repeated(self) -> CheckResult:
        """Predict twice, in the precision in which the model is used."""
        worst = self.worst("repeated")
        trial = Trial(self.tested.model, self.columns, None)
        for name, crystal in self.crystals.items():
            graph = self.state(name).attach(self.graph_settings.build(crystal))
            worst.add(name, violations(trial.of_graph(graph), trial.of_graph(graph)))
        return worst.result(_BITS, 0.0)

    def reloaded(self) -> CheckResult:
        """Write the model and read it again."""
        worst = self.worst("save and load")
        if self.tested.reload is not None:
            other = Trial(self.tested.reload(), self.columns)
            for name, crystal in self.crystals.items():
                found = other.of_crystal(crystal, self.graph_settings, self.state(name))
                worst.add(name, violations(found, self.start[name]))
        return worst.result(_BITS, 0.0, "the model is not one of a run")

    def elsewhere(self) -> CheckResult:
        """Predict on the GPU, if there is one."""
        worst = self.worst("device, CUDA as CPU")
        if torch.cuda.is_available():
            other = Trial(self.tested.model, self.columns, device="cuda")
            for name, crystal in self.crystals.items():
                found = other.of_crystal(crystal, self.graph_settings, self.state(name))
                worst.add(name, violations(found, self.start[name]))
        return worst.result(_ROUNDING, EXACT, "there is no CUDA device here")

    def smooth(self) -> Iterator[CheckResult]:
        """Take neighbours through the cutoffs; where edges change by rank, measure the jump."""
        strategy, angles = self.graph_settings.strategy, self.graph_settings.angles
        limits = {"the cutoff": strategy.cutoff}
        if angles is not None and angles.cutoff is not None and angles.cutoff < strategy.cutoff:
            limits["the cutoff of angles"] = angles.cutoff
        whole = replace(
            self.graph_settings, reduction_tolerance=0.0
        )  # merging has steps of its own
        chosen = dict(islice(self.crystals.items(), _CROSSINGS))

        def values(name: str, crystal: Crystal) -> Values:
            return self.trial.of_crystal(crystal, whole, self.state(name))

        for where, limit in limits.items():
            value, slope = self.worst(f"value at {where}"), self.worst(f"slope at {where}", "/Å")
            for name, crystal in chosen.items() if strategy.continuous else ():
                kinds, own = np.resize(crystal.elements, 4), partial(values, name)
                shell = stretched_shell(own, crystal, limit)
                for one in (*pair_and_cluster(own, kinds, limit), *([shell] if shell else [])):
                    what = name if one is shell else _alone(one.what, kinds)
                    value.add(what, one.jump)
                    slope.add(what, one.bend)
            absent = f"the strategy {strategy.name} chooses neighbours by rank"
            yield value.result("continuous, looked at over 2e-9 Å", JUMP, absent)
            yield slope.result("continuous, looked at over 1e-5 Å", BEND, absent)
        if not strategy.continuous or (angles is not None and angles.max_neighbors is not None):
            yield self.ranked(chosen, values, whole)

    def ranked(
        self,
        chosen: Mapping[str, Crystal],
        values: Callable[[str, Crystal], Values],
        whole: GraphSettings,
    ) -> CheckResult:
        """Deform crystals until their graph changes, and measure the jump."""
        worst = self.worst("jump where neighbours change ranks")

        def edges(crystal: Crystal) -> list[np.ndarray]:
            graph = build_graph(crystal, whole.strategy, angles=whole.angles)
            parts = (graph.center, graph.neighbor, graph.image, graph.receiving_edge)
            return [part.numpy() for part in (*parts, graph.sending_edge)]

        for number, (name, crystal) in enumerate(chosen.items()):
            generator = np.random.default_rng(number)
            jump = jump_on_a_way(partial(values, name), edges, crystal, generator)
            if jump is not None:
                worst.add(name, jump)
        return worst.result(
            "the nearest neighbours change by design, under any envelope; see docs/pitfalls.md",
            None,
            "the graphs did not change on the ways that were tried",
        )

    def in_single_precision(self) -> CheckResult:
        """Compare the model's own precision with float64."""
        worst = self.worst("float32 as float64")
        kinds = {one.dtype for one in self.tested.model.parameters()}
        if kinds == {torch.float32}:
            trial = Trial(self.tested.model, self.columns, None)
            for name, crystal in self.crystals.items():
                found = trial.of_crystal(crystal, self.graph_settings, self.state(name))
                worst.add(name, violations(found, self.start[name]))
        return worst.result(
            "the run computes in float32: what its rounding costs",
            None,
            "the model does not compute in float32",
        )


def _alone(what: str, numbers: np.ndarray) -> str:
    """Say of which atoms a pair or cluster is: ``a pair of Ba, O``."""
    count = 2 if what == "pair" else 4
    return f"a {what} of {', '.join(SYMBOLS[int(one)] for one in numbers[:count])}"
