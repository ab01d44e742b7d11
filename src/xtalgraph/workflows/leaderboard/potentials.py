"""The entries that a potential is compared with: linear ones, and those of others as they are."""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.baselines.soap_basis import SoapBasis
from xtalgraph.conventions.boundary import guarded
from xtalgraph.conventions.errors import ConfigError, MissingExtraError
from xtalgraph.crystals.convert import to_ase
from xtalgraph.data.potential_labels import role_of_target
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.nn.linear_potential.ace_basis import AceBasis
from xtalgraph.nn.linear_potential.basis import NoBasis
from xtalgraph.nn.linear_potential.moments import reference_energies
from xtalgraph.nn.linear_potential.pair_basis import PairBasis
from xtalgraph.workflows.compare_baselines import MOST_COLUMNS, fit_potentials
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, Level, why_not_mixtures
from xtalgraph.workflows.record import versions
from xtalgraph.workflows.verify_calculator import calculator_named

POTENTIALS: Final = ("reference-energies", "pair-potential", "linear-soap", "linear-ace")
"""The names of the potentials that are fitted, from the plainest on."""
_ALIGNED: Final = 100
"""Training frames to whose energies those of another reference are shifted."""


class LinearPotentialEntry(LeaderboardEntry):
    """A potential that is linear in its coefficients."""

    def __init__(self, name: str) -> None:
        levels = (Level.REFERENCE, Level.PAIRS, Level.DESCRIPTORS, Level.DESCRIPTORS)
        super().__init__(name, levels[POTENTIALS.index(name)])

    def why_not(self, case: Case) -> str:
        """Every site must hold one atom, its library be there, and the fit have its room."""
        try:
            columns = self._columns(case)
        except MissingExtraError as error:
            return str(error)
        if columns > MOST_COLUMNS:
            return (
                f"it has {columns:,} coefficients for these elements, of which at most "
                f"{MOST_COLUMNS:,} are fitted"
            )
        return why_not_mixtures(case, "potentials read")

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the weights of the targets, and the version of the library that solves."""
        return {"weights": dict(case.config.training.weights or {}), "numpy": versions()["numpy"]}

    def run(self, case: Case) -> EntryResult:
        """Fit, and predict the test part."""
        basis = self._basis(case)
        fitted = fit_potentials(case.divided, case.config.training.weights or {}, [basis])
        results = {name: listed[0] for name, listed in fitted.items()}
        values = np.concatenate(
            [
                results[target.name].predictions.values.of(target.name, case.split.test).reshape(-1)
                for target in case.config.targets
            ]
        )
        return EntryResult(values, next(iter(results.values())).seconds, self._columns(case))

    def _basis(self, case: Case) -> NoBasis | PairBasis | SoapBasis | AceBasis:
        crystals = case.dataset.table.crystals
        elements = sorted({z for i in case.split.train for z in crystals[i].elements})
        if self.name == "reference-energies":
            return NoBasis()
        made = {"pair-potential": PairBasis, "linear-soap": SoapBasis, "linear-ace": AceBasis}
        return made[self.name](elements)

    def _columns(self, case: Case) -> int:
        """Return the number of coefficients, with those of the elements."""
        crystals, basis = case.dataset.table.crystals, self._basis(case)
        elements = len({z for i in case.split.train for z in crystals[i].elements})
        return elements if isinstance(basis, NoBasis) else elements + basis.columns


class CalculatorEntry(LeaderboardEntry):
    """A potential of somebody else, as it is: nothing of it is learned here.

    Its energies may have another reference. They are shifted by an energy for each element, which
    least squares on energies per atom of training frames gives; forces and stresses stay.

    Args:
        calculator: ``package.module:name`` of a calculator of ASE, or of what makes one.
    """

    def __init__(self, calculator: str) -> None:
        name = calculator.rpartition(":")[2]
        super().__init__(name, Level.PUBLIC, calculator=calculator, aligned=_ALIGNED)
        self.calculator = calculator

    def why_not(self, case: Case) -> str:
        """Its package must be there, and every site hold one atom."""
        try:
            calculator_named(self.calculator)
        except (ConfigError, MissingExtraError) as error:
            return str(error)
        return why_not_mixtures(case, "calculators of ASE read")

    def settings(self, case: Case) -> dict[str, Any]:
        """Return its name."""
        return {"calculator": self.calculator, "aligned": _ALIGNED}

    def run(self, case: Case) -> EntryResult:
        """Compute some of the training part for the shift, and the test part."""
        began = time.monotonic()
        (energy,) = (t for t in case.config.targets if t.derivative is None)
        labels, train = case.dataset.labels, case.split.train
        known = train[np.isfinite(labels.of(energy.name, train))]
        chosen = known[np.linspace(0, len(known) - 1, min(_ALIGNED, len(known))).astype(int)]
        counts = count_elements(case.dataset.table.crystals)
        off = labels.of(energy.name, chosen) - self._computed(case, chosen)["energy"]
        shift = reference_energies(counts[chosen], off)
        test = self._computed(case, case.split.test)
        test["energy"] = test["energy"] + counts[case.split.test] @ shift
        values = [test[role_of_target(target)].reshape(-1) for target in case.config.targets]
        return EntryResult(np.concatenate(values), time.monotonic() - began, None)

    def _computed(
        self, case: Case, crystals: Int[np.ndarray, " crystals"]
    ) -> dict[str, Float[np.ndarray, "rows *shape"]]:
        wanted = {role_of_target(target) for target in case.config.targets}
        rows: dict[str, list[np.ndarray]] = {role: [] for role in wanted}
        calculator = calculator_named(self.calculator)
        for number, index in enumerate(crystals.tolist()):
            atoms = to_ase(case.dataset.table.crystals[index])
            atoms.calc = calculator
            what = f"{self.calculator} on {case.dataset.table.ids[index]}"
            rows["energy"].append(np.array([guarded(atoms.get_potential_energy, what)]))
            if "forces" in wanted:
                rows["forces"].append(guarded(atoms.get_forces, what))
            if "stress" in wanted:
                stress = guarded(partial(atoms.get_stress, voigt=False), what)
                rows["stress"].append(np.asarray(stress)[None])
            case.session.report((number + 1) / len(crystals), f"{self.name}: {number + 1} frames")
        return {role: np.concatenate(values) for role, values in rows.items()}


def potential_entries(
    only: Sequence[str] | None, calculators: Sequence[str]
) -> list[LeaderboardEntry]:
    """Return what a potential is compared with, from the bottom to the top; None for all.

    Calculators are ``package.module:name``. A `ConfigError` if a name is unknown, or given twice.
    """
    for name in only or ():
        if name not in POTENTIALS:
            raise ConfigError(
                f"unknown baseline {name!r} of a potential: known are {', '.join(POTENTIALS)}"
            )
    entries: list[LeaderboardEntry] = [
        LinearPotentialEntry(name) for name in POTENTIALS if only is None or name in only
    ]
    entries += [CalculatorEntry(calculator) for calculator in calculators]
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names):
        raise ConfigError(f"each calculator has a name of its own, got {', '.join(calculators)}")
    return entries
