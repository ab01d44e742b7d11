"""What must not change a prediction, and how a model is checked for it on crystals."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from typing import Final, final

import numpy as np
import torch
from tqdm import tqdm

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.representations import by_size, representations
from xtalgraph.data.conditions import ATOMS_ALONE, ConditionValues
from xtalgraph.graphs.build import GraphSettings, build_graph
from xtalgraph.graphs.graph import Scope
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, merge_equivalent, merge_geometry
from xtalgraph.models.check_result import CheckResult, Reason, Worst
from xtalgraph.models.derivative_checks import STEP, derivative_violations, net_force
from xtalgraph.models.equivariance import equivariant
from xtalgraph.models.fragments import FragmentsCheck
from xtalgraph.models.invariance import Arrays, Together, expected_values, violations
from xtalgraph.models.model_under_test import ModelUnderTest, Trial
from xtalgraph.models.smoothness import (
    isolated_name,
    jump_on_a_path,
    pair_and_cluster,
    stretched_shell,
)

EXACT: Final = 1e-10
"""Largest violation in float64 of what is exact in mathematics, over the largest prediction."""
JUMP: Final = 1e-9
"""Largest change within 2e-9 Å of a cutoff, beside what the slope comes to."""
BEND: Final = 1e-3
"""Largest difference of slopes at a cutoff, per Å: what curvature comes to over 1e-5 Å."""
DERIVED: Final = 1e-7
"""Largest difference of a derivative from a difference quotient, over the largest one."""
AT_REST: Final[Mapping[str, float]] = {"position": 1e-2, "strain": 1e-3}
"""Forces, eV/Å, and stresses, eV/Å³, with which those of crystals at rest are compared: theirs are
rounding."""
CROSSINGS: Final = 8
"""How many crystals, or groups of their elements, are taken through a cutoff."""
_REPRESENTATIONS: Final[dict[str, Reason]] = {
    **dict.fromkeys(("translation", "rotation", "reflection", "permutation"), Reason.NOT_COMPUTED),
    **dict.fromkeys(("periodic shift", "supercell"), Reason.NOT_PERIODIC),
    **dict.fromkeys(("lattice basis", "Niggli cell"), Reason.NO_LATTICE),
}
"""Every representation, and why it may not apply."""
_BATCH: Final = 16
"""Crystals in a batch that is compared with each of them alone."""


def run_checks(
    tested: ModelUnderTest,
    crystals: Mapping[str, Crystal],
    conditions: ConditionValues | None = None,
    *,
    crossings: int = CROSSINGS,
    measured: bool = True,
    progress: bool = False,
) -> Iterator[CheckResult]:
    """Check a model on crystals, in float64 where a check is exact.

    Args:
        tested: The model.
        crystals: At least one, by name. The strategy supports all of them, and rounding decides
            none of their edges (`xtalgraph.graphs.margin.is_decided`).
        conditions: Of each, in their order, where the model reads them. A crystal
            keeps its own in every representation, moved and stretched, and so do atoms of its
            elements that stand alone.
        crossings: How many of the crystals are taken through a cutoff.
        measured: Whether to measure also what cannot hold exactly, by design.
        progress: Show a progress bar on standard error.

    Raises:
        InputError: If the model reads conditions, and not every crystal has them.
    """
    tested.conditions.expect(conditions, len(crystals))
    conditions = conditions or ATOMS_ALONE.values_of([{}] * len(crystals))
    checks = _Checks(tested, crystals, conditions)
    yield checks.finite()
    yield from checks.represented(progress)
    yield from checks.reduced(measured)
    yield checks.input_kept()
    yield checks.batched()
    yield from checks.derived()
    yield checks.repeated()
    yield checks.reloaded()
    yield checks.on_gpu()
    yield from checks.smooth(crossings)
    yield from equivariant(tested, crystals, conditions, EXACT)
    if measured:
        yield from checks.ranked(crossings)
        yield checks.in_single_precision()


@final
class _Checks:
    """The checks, with what they share."""

    def __init__(
        self, tested: ModelUnderTest, crystals: Mapping[str, Crystal], conditions: ConditionValues
    ) -> None:
        self.tested, self.crystals = tested, dict(crystals)
        self.conditions, self.places = conditions, {name: n for n, name in enumerate(crystals)}
        self.graph_settings = tested.graph_settings
        # Merging distances has steps of its own.
        self.unreduced = replace(tested.graph_settings, reduction_tolerance=0.0)
        self.trial = Trial(tested)
        self.start = {
            name: self.trial.of_crystal(crystal, self.graph_settings, self.given(name))
            for name, crystal in self.crystals.items()
        }

    def given(self, *names: str) -> ConditionValues:
        """Return the given conditions of some of the crystals."""
        return self.conditions.select(np.array([self.places[name] for name in names]))

    @cached_property
    def scale(self) -> dict[str, float]:
        """The largest prediction of each target, of derivatives at least that of `AT_REST`.

        Of tensors it is at least the typical size of a label; it is 1 where all are zero, or none
        is a number.
        """
        scale = {}
        for target in self.tested.targets:
            every = np.concatenate([values[target.name].ravel() for values in self.start.values()])
            least = AT_REST[target.derivative.by] if target.derivative else 0.0
            largest = float(np.abs(every[np.isfinite(every)]).max(initial=least))
            scale[target.name] = self.tested.scale(target.name, largest)
        return scale

    def worst(self, check: str, per: str = "") -> Worst:
        """Begin with a check."""
        return Worst(check, self.tested.targets, self.scale, per)

    def finite(self) -> CheckResult:
        """Look for numbers that are not finite."""
        worst = self.worst("a finite number")
        for name, values in self.start.items():
            worst.add(name, violations(values, values))
        return worst.result(Reason.FINITE, EXACT)

    def represented(self, progress: bool) -> Iterator[CheckResult]:
        """Represent every crystal in other ways."""
        worst = {what: self.worst(what) for what in _REPRESENTATIONS}
        todo = tqdm(self.crystals.items(), desc="verifying", unit="crystal", disable=not progress)
        for number, (name, crystal) in enumerate(todo):
            shown = list(representations(crystal, np.random.default_rng(number)))
            together = self.values_together(name, self.graph_settings)
            for of_a_size in by_size(shown):
                every = together([representation.crystal for representation in of_a_size])
                for representation, values in zip(of_a_size, every, strict=True):
                    expected = expected_values(
                        self.start[name], representation, self.tested.targets
                    )
                    worst[representation.what].add(name, violations(values, expected))
        for what, absent in _REPRESENTATIONS.items():
            yield worst[what].result(Reason.ROUNDING, EXACT, absent)

    def reduced(self, measured: bool) -> Iterator[CheckResult]:
        """Reduce the graphs: at the merged distances nothing may change."""
        merged = self.worst("reduced as full, merged distances")
        true = self.worst("reduced as full, true distances")
        settings = self.graph_settings
        tolerance = settings.reduction_tolerance
        for name, crystal in self.crystals.items() if self.tested.reducible else ():
            full = build_graph(crystal, settings.strategy, angles=settings.angles)
            full = self.given(name).attach(full)
            level = merge_geometry(full, tolerance or DEFAULT_TOLERANCE)
            expected = self.trial.of_graph(level)
            merged.add(name, violations(self.trial.of_graph(merge_equivalent(level)), expected))
            if tolerance and measured:
                true.add(name, violations(self.start[name], self.trial.of_graph(full)))
        yield merged.result(Reason.ROUNDING, EXACT, Reason.NOT_REDUCIBLE)
        if measured:
            absent = Reason.NOT_REDUCED if self.tested.reducible else Reason.NOT_REDUCIBLE
            yield true.result(Reason.MERGED, None, absent, merged=tolerance)

    def input_kept(self) -> CheckResult:
        """Compare a graph with itself before the model has read it."""
        worst = self.worst("input unchanged")
        for name, crystal in self.crystals.items():
            graph = self.given(name).attach(self.graph_settings.build(crystal))
            before = {key: value.clone() for key, value in vars(graph).items()}
            self.trial.of_graph(graph)
            same = all(torch.equal(before[key], getattr(graph, key)) for key in before)
            worst.add(name, dict.fromkeys(self.scale, 0.0 if same else np.inf))
        return worst.result(Reason.SAME_BITS, 0.0)

    def batched(self) -> CheckResult:
        """Predict crystals together, and each alone."""
        worst, names = self.worst("batch as single"), iter(self.crystals)
        while part := list(islice(names, _BATCH)):
            graph = self.graph_settings.build([self.crystals[name] for name in part])
            together = self.trial.of_graph(self.given(*part).attach(graph))
            alone = {
                target: np.concatenate([self.start[name][target] for name in part])
                for target in together
            }
            if any(together[target].shape != alone[target].shape for target in together):
                worst.add(part[0], dict.fromkeys(together, np.inf))
                continue
            rows = dict.fromkeys(together, 0)
            for name in part:
                alone = {}
                for target, values in self.start[name].items():
                    alone[target] = together[target][rows[target] : rows[target] + len(values)]
                    rows[target] += len(values)
                worst.add(name, violations(alone, self.start[name]))
        return worst.result(Reason.ROUNDING, EXACT)

    def derived(self) -> Iterator[CheckResult]:
        """Compare derivatives with differences of energies; add up forces, and fragments."""
        derived = [target for target in self.tested.targets if target.derivative is not None]
        if not derived:
            return
        differences = Worst("derivatives of the energy", derived, self.scale)
        forces = [target for target in derived if target.scope is Scope.ATOM]
        net = Worst("sum of forces", forces, self.scale)
        fragments = FragmentsCheck(self.tested.targets, self.scale)
        for number, (name, crystal) in enumerate(self.crystals.items()):
            generator = np.random.default_rng(number)
            predict = self.full_graph_values(name)
            together = self.values_together(name, self.unreduced)
            differences.add(name, derivative_violations(together, crystal, derived, generator))
            if forces:
                net.add(name, {t.name: net_force(self.start[name][t.name]) for t in forces})
            if not self.tested.long_ranged:
                fragments.add(name, predict, crystal)
        yield differences.result(Reason.DIFFERENCES, DERIVED, step=STEP)
        if forces:
            yield net.result(Reason.ROUNDING, EXACT)
        far = ", ".join(self.tested.long_ranged)
        yield fragments.result(EXACT, Reason.LONG_RANGED_TERM, terms=far)

    def repeated(self) -> CheckResult:
        """Predict twice, in the precision in which the model is used."""
        worst = self.worst("repeated")
        trial = Trial(self.tested, None)
        for name, crystal in self.crystals.items():
            graph = self.given(name).attach(self.graph_settings.build(crystal))
            worst.add(name, violations(trial.of_graph(graph), trial.of_graph(graph)))
        return worst.result(Reason.SAME_BITS, 0.0)

    def reloaded(self) -> CheckResult:
        """Write the model and read it again."""
        trial = None
        if self.tested.reload is not None:
            trial = Trial(self.tested, model=self.tested.reload())
        worst = self.compared("save and load", trial)
        return worst.result(Reason.SAME_BITS, 0.0, Reason.NO_RUN)

    def on_gpu(self) -> CheckResult:
        """Predict on the GPU, if there is one, and on the CPU."""
        trial = None
        if torch.cuda.is_available():
            trial = Trial(self.tested, device="cuda" if self.tested.device == "cpu" else "cpu")
        worst = self.compared("device, CUDA as CPU", trial)
        return worst.result(Reason.ROUNDING, EXACT, Reason.NO_GPU)

    def in_single_precision(self) -> CheckResult:
        """Compare the model's own precision with float64."""
        trial = None
        if {weight.dtype for weight in self.tested.model.parameters()} == {torch.float32}:
            trial = Trial(self.tested, None)
        return self.compared("float32 as float64", trial).result(
            Reason.SINGLE_PRECISION, None, Reason.NOT_SINGLE
        )

    def compared(self, check: str, trial: Trial | None) -> Worst:
        """Compare another copy of the model on every crystal, if there is one."""
        worst = self.worst(check)
        if trial is None:
            return worst
        for name, crystal in self.crystals.items():
            values = trial.of_crystal(crystal, self.graph_settings, self.given(name))
            worst.add(name, violations(values, self.start[name]))
        return worst

    def smooth(self, crossings: int) -> Iterator[CheckResult]:
        """Take neighbours through the cutoffs: nothing may jump or bend."""
        strategy, angles = self.graph_settings.strategy, self.graph_settings.angles
        limits = {"the cutoff": strategy.cutoff}
        if angles is not None and angles.cutoff is not None and angles.cutoff < strategy.cutoff:
            limits["the cutoff of angles"] = angles.cutoff
        chosen = dict(islice(self.crystals.items(), crossings)) if strategy.continuous else {}
        for where, limit in limits.items():
            value, slope = self.worst(f"value at {where}"), self.worst(f"slope at {where}", "/Å")
            for name, crystal in chosen.items():
                elements = np.resize(crystal.elements, 4)
                together = self.values_together(name, self.unreduced)
                shell = stretched_shell(together, crystal, limit)
                for crossing in (
                    *pair_and_cluster(together, elements, limit),
                    *([shell] if shell else []),
                ):
                    what = name if crossing is shell else isolated_name(crossing.what, elements)
                    value.add(what, crossing.jump)
                    slope.add(what, crossing.bend)
            absent = Reason.BY_RANK
            yield value.result(Reason.CONTINUOUS, JUMP, absent, over=2e-9, strategy=strategy.name)
            yield slope.result(Reason.CONTINUOUS, BEND, absent, over=1e-5, strategy=strategy.name)

    def ranked(self, crossings: int) -> Iterator[CheckResult]:
        """Where edges change by rank, deform crystals until they do, and measure the jump."""
        settings = self.unreduced
        if settings.strategy.continuous and (
            settings.angles is None or settings.angles.max_neighbors is None
        ):
            return
        worst = self.worst("jump where neighbours change ranks")
        for number, (name, crystal) in enumerate(islice(self.crystals.items(), crossings)):
            jump = jump_on_a_path(
                self.full_graph_values(name),
                partial(_edges, settings),
                crystal,
                np.random.default_rng(number),
            )
            if jump is not None:
                worst.add(name, jump)
        yield worst.result(Reason.RANKS, None, Reason.NO_CHANGE)

    def full_graph_values(self, name: str) -> Callable[[Crystal], Arrays]:
        """Return the values of a crystal, in any geometry, from its unreduced graph."""
        return partial(self.trial.of_crystal, settings=self.unreduced, conditions=self.given(name))

    def values_together(self, name: str, settings: GraphSettings) -> Together:
        """Return the values of copies of a crystal, and of others with its condition."""
        return partial(self.trial.of_copies, settings=settings, conditions=self.given(name))


def _edges(settings: GraphSettings, crystal: Crystal) -> list[np.ndarray]:
    """Return what of a graph is whole numbers."""
    graph = build_graph(crystal, settings.strategy, angles=settings.angles)
    parts = (graph.center, graph.neighbor, graph.image, graph.receiving_edge, graph.sending_edge)
    return [part.numpy() for part in parts]
