"""Verify any potential that ASE can call: its forces, symmetry, smoothness and dynamics."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, final

import numpy as np
from jaxtyping import Float
from scipy.ndimage import median_filter
from tqdm import tqdm

from xtalgraph.conventions.boundary import guarded
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.representations import representations
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.data.targets import Target
from xtalgraph.evidence.energy_conservation import check_conservation
from xtalgraph.models.check_result import CheckResult, Reason, Worst
from xtalgraph.models.derivative_checks import derivative_violations, net_force
from xtalgraph.models.fragments import FragmentsCheck
from xtalgraph.models.invariance import Arrays, expected_values, violations
from xtalgraph.models.smoothness import Predict

_STRAINS: Final = (-0.02, 0.16)
"""From where to where a crystal is stretched: rather longer, where energies are less steep."""
_MOVED: Final = np.array([1.6, 1.0, 1.7])
"""By how much its first atom is moved at the same time, Å over the strain, so that the distances of
a shell part and forces do not vanish by symmetry."""
_POINTS: Final = 151
"""At how many strains."""
_WINDOW: Final = 13
"""Points with whose fourth differences one is compared."""
_LEVELS: Final = 3
"""How often an interval is looked at with a finer grid,"""
_FINER: Final = 8
"""of so many parts,"""
_BESIDE: Final = 3
"""and so many more to each side."""
_HALVINGS: Final = 20
"""How often it is halved then."""
RESOLVED: Final = (
    (_STRAINS[1] - _STRAINS[0]) / (_POINTS - 1) * 2.0 * (2.0 / _FINER) ** _LEVELS / 2**_HALVINGS
)
"""Of a strain, over which a step is looked at in the end."""
_Curve = Float[np.ndarray, "points values"]


def largest_step(predict: Predict, crystal: Crystal) -> dict[str, float]:
    """Return the largest steps of values while a crystal is stretched and one atom is moved.

    Neighbours come and go through whatever cutoffs there are. Fourth differences of a smooth curve
    are small, those around a step as large as it. Where they stand out, finer grids follow until a
    smooth function would not change.

    Args:
        predict: Values of a crystal, by target.
        crystal: Any.

    Returns:
        Of each value, in its unit.
    """
    path = _Path(predict, crystal)
    strains = np.linspace(*_STRAINS, _POINTS)
    curve = path.along(strains)
    fourth = np.abs(np.diff(curve, 4, axis=0))
    # A step in one value may be small beside another value that is smooth.
    path.scale = np.maximum(np.median(fourth, axis=0), 1e-13 * np.abs(curve).max(axis=0))
    path.scale[path.scale == 0.0] = 1.0
    told = (fourth / path.scale).max(axis=1)
    places = {int(told.argmax()), int((told - 3.0 * median_filter(told, _WINDOW)).argmax())}
    steps = [path.step(strains[index + 1], strains[index + 3]) for index in places]
    largest = np.max(steps, axis=0)
    return {
        name: float(np.max(part, initial=0.0))
        for name, part in zip(path.sizes, np.split(largest, path.ends), strict=True)
    }


class _Path:
    """The values along a path, each a column."""

    def __init__(self, predict: Predict, crystal: Crystal) -> None:
        self.predict, self.crystal = predict, crystal
        self.sizes = {name: values.size for name, values in predict(crystal).items()}
        self.ends = np.cumsum([*self.sizes.values()])[:-1]
        self.scale = np.ones(sum(self.sizes.values()))

    def at(self, strain: float) -> Float[np.ndarray, " values"]:
        """Return all values at a place."""
        stretched = transforms.strain(self.crystal, strain * np.eye(3))
        positions = stretched.positions.copy()
        positions[0] += strain * _MOVED
        values = self.predict(stretched.moved(stretched.cell, positions))
        return np.concatenate([values[name].ravel() for name in self.sizes])

    def along(self, strains: Float[np.ndarray, " points"]) -> _Curve:
        """Return all values at many places."""
        return np.stack([self.at(strain) for strain in strains.tolist()])

    def step(self, low: float, high: float) -> Float[np.ndarray, " values"]:
        """Return the step of each value in an interval, at the place where one stands out."""
        width, slope = 0.0, np.zeros(len(self.scale))
        for _ in range(_LEVELS):
            width = (high - low) / _FINER
            strains = low + width * np.arange(-_BESIDE, _FINER + _BESIDE + 1)
            curve = self.along(strains)
            fourth = (np.abs(np.diff(curve, 4, axis=0)) / self.scale).max(axis=1)
            index = int(fourth.argmax())
            low, high = strains[index + 1], strains[index + 3]
            ends = [curve[index + 1], curve[index + 3]]
            slope = np.median(np.diff(curve, axis=0), axis=0) / width
        for _ in range(_HALVINGS):
            middle, half = (low + high) / 2.0, self.at((low + high) / 2.0)
            expected = slope * (high - low) / 2.0
            before, after = (
                float((np.abs(change - expected) / self.scale).max())
                for change in (half - ends[0], ends[1] - half)
            )
            if before > after:
                high, ends[1] = middle, half
            else:
                low, ends[0] = middle, half
        height: Float[np.ndarray, " values"] = np.abs(ends[1] - ends[0])
        return height


DOUBLE: Final = 1e-12
"""Relative noise of an energy below which a calculator is taken to compute in float64."""
SINGLE: Final = 2.0**-23
"""Relative rounding of single precision."""
EXACT: Final = 1e-9
"""Smallest relative violation that is a failure of what is exact in mathematics."""
DERIVED: Final = 1e-5
"""Smallest relative difference of a derivative from energies that is a failure."""
STEP: Final = 1e-7
"""Smallest relative step of a value that is a failure."""
NOISES: Final = 20.0
"""As many times the measured noise is taken for noise, too."""
_STEPS: Final = {True: 1e-3, False: 1e-2}
"""Over which energies are compared, Å, in float64 and otherwise."""
_SHIFTS: Final = 6
"""How many translations of a crystal show the noise."""


@final
class CalculatorUnderTest:
    """An ASE calculator as a function of crystals; an `InputError` if it is none."""

    def __init__(self, calculator: Any) -> None:
        if not hasattr(calculator, "get_property"):
            raise InputError(
                "the calculator must be one of ASE, with get_property, got "
                f"{type(calculator).__name__}: name a function that returns one, or the calculator"
            )
        self.calculator = calculator
        implemented = getattr(calculator, "implemented_properties", ["energy", "forces", "stress"])
        targets: tuple[Target, ...] = (energy_target(), forces_target())
        self.targets = (*targets, stress_target()) if "stress" in implemented else targets

    def __call__(self, crystal: Crystal) -> Arrays:
        """Return energy, forces and stress of a crystal, by the names of `targets`."""
        atoms = to_ase(crystal)
        atoms.calc = self.calculator
        values = {
            "energy": np.array([float(atoms.get_potential_energy())]),
            "forces": np.asarray(atoms.get_forces(), dtype=float),
        }
        if len(self.targets) > len(values):
            values["stress"] = np.asarray(atoms.get_stress(voigt=False), dtype=float)[None]
        return values


def check_calculator(
    tested: CalculatorUnderTest,
    crystals: Mapping[str, Crystal],
    *,
    dynamics: bool = True,
    progress: bool = False,
) -> Iterator[CheckResult]:
    """Check a calculator on crystals.

    What is exact in mathematics may be off by rounding, whose size is measured first: energies of
    crystals that were moved by a little must be equal, and are not to the last digits.

    Args:
        tested: The calculator.
        crystals: At least one, by name.
        dynamics: Whether to run molecular dynamics, on the crystal with the smallest forces.
        progress: Show a progress bar on standard error.
    """
    checks = _Checks(tested, dict(crystals))
    todo = tqdm(crystals, desc="verifying", unit="crystal", disable=not progress)
    for name in todo:
        checks.try_on(name)
    yield from checks.results()
    if dynamics:
        noise = NOISES * checks.noise["energy"] * checks.scale["energy"]
        yield from check_conservation(tested.calculator, crystals, noise)


@final
class _Checks:
    """The checks that are tried crystal by crystal."""

    def __init__(self, tested: CalculatorUnderTest, crystals: dict[str, Crystal]) -> None:
        self.tested, self.crystals, targets = tested, crystals, tested.targets
        self.start = {name: tested(crystal) for name, crystal in crystals.items()}
        self.scale = {}
        for target in targets:
            arrays = [values[target.name] for values in self.start.values()]
            largest = max(float(np.abs(array).max(initial=0.0)) for array in arrays)
            self.scale[target.name] = largest or 1.0
        self.noise = self._noise()
        self.double = self.noise["energy"] < DOUBLE
        derived = [target for target in targets if target.derivative is not None]
        self.finite = Worst("a finite number", targets, self.scale)
        self.same = Worst("repeated", targets, self.scale)
        self.moved: dict[str, Worst] = {}
        self.derived = Worst("derivatives of the energy", derived, self.scale)
        self.net = Worst("sum of forces", derived[:1], self.scale)
        self.jump = Worst("steps under strain", targets, self.scale)
        self.fragments = FragmentsCheck(targets, self.scale)

    def _noise(self) -> dict[str, float]:
        """Return by how much values differ between crystals that were moved, relative.

        Values that are in single precision, all of them, have its rounding at least.
        """
        worst = {}
        for name in self.scale:
            arrays = [values[name] for values in self.start.values()]
            single = all(np.array_equal(array, array.astype(np.float32)) for array in arrays)
            worst[name] = SINGLE if single else 0.0
        for name, crystal in self.crystals.items():
            generator = np.random.default_rng(0)
            for _ in range(_SHIFTS):
                shifted = transforms.translate(crystal, generator.uniform(-1e-3, 1e-3, 3))
                off = violations(self.tested(shifted), self.start[name])
                worst = {key: max(worst[key], off[key] / self.scale[key]) for key in worst}
        return worst

    def allowed(self, least: float) -> float:
        """Return the relative violation that passes: the least, or what the noise explains."""
        return max(least, NOISES * max(self.noise.values()))

    def try_on(self, name: str) -> None:
        """Put the calculator through every check on one crystal."""
        crystal, start, targets = self.crystals[name], self.start[name], self.tested.targets
        self.finite.add(name, violations(start, start))
        self.same.add(name, violations(self.tested(crystal), start))
        generator = np.random.default_rng(1)
        for other in representations(crystal, generator):
            worst = self.moved.setdefault(other.what, Worst(other.what, targets, self.scale))
            expected = expected_values(start, other, targets)
            worst.add(name, violations(self.tested(other.crystal), expected))
        derived = [target for target in targets if target.derivative is not None]
        step = _STEPS[self.double]
        in_turn = partial(map, self.tested)
        self.derived.add(name, derivative_violations(in_turn, crystal, derived, generator, step))
        self.net.add(name, {"forces": net_force(start["forces"])})
        self.jump.add(name, largest_step(self.tested, crystal))
        try:
            guarded(partial(self.fragments.add, name, self.tested, crystal), "the calculator")
        except InputError as error:  # some compute no atoms in empty space
            log.warning("far fragments are not compared: %s", error)

    def results(self) -> Iterator[CheckResult]:
        """Return what came out."""
        size = max(self.noise.values())
        why = Reason.MEASURED_ROUNDING
        yield self.finite.result(Reason.FINITE, EXACT)
        yield self.same.result(why, self.allowed(EXACT), size=size)
        for worst in self.moved.values():
            yield worst.result(why, self.allowed(EXACT), size=size)
        # A difference of energies over a step has the noise of the energy over the step.
        forces = self.scale["forces"] * _STEPS[self.double]
        amplified = self.noise["energy"] * self.scale["energy"] / forces
        tolerance = max(DERIVED, NOISES * amplified, NOISES * self.noise["forces"])
        yield self.derived.result(
            Reason.DIFFERENCES, tolerance, step=_STEPS[self.double], size=size
        )
        yield self.net.result(why, self.allowed(EXACT), size=size)
        yield self.fragments.result(self.allowed(EXACT), Reason.NOT_COMPUTED)
        yield self.jump.result(Reason.CONTINUOUS, self.allowed(STEP), strain=RESOLVED, size=size)
