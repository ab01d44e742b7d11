"""Relaxation of atoms and cell to the nearest minimum of the energy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.convert import from_ase, to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within

FORCE: Final = 0.01
"""Largest force at which a relaxation has converged, eV/Å."""
STRESS: Final = 1e-4
"""Largest component of the stress at which a cell has converged, eV/Å³: 0.016 GPa."""
MOST: Final = 500
"""Steps after which a relaxation is given up."""
_LEAST_DISTANCE: Final = 0.5
"""Å; atoms this close have fallen into each other."""


@dataclass(frozen=True, eq=False)
class Relaxed:
    """What came out of a relaxation."""

    crystal: Crystal
    """The last structure."""
    energy: float
    start: float
    """Energy of the first structure, eV."""
    force: float
    """Largest force on an atom, eV/Å."""
    stress: float
    """Largest component of the stress, eV/Å³; NaN where the cell was kept."""
    steps: int
    """How many were taken."""
    converged: bool
    """Whether forces, and of a cell the stress too, are below what was asked."""
    reason: str
    """Why it did not converge; empty where it did."""
    novelty: float = np.nan
    """Of the atom in the last structure that is farthest from those in training, see
    `novelty_of`."""


@final
class Relaxation:
    """A relaxation that goes step by step, so that several can go side by side.

    A cell is relaxed with its logarithm as further coordinates, and has converged only if the
    stress has, too.

    Args:
        crystal: Where to begin.
        calculator: Of ASE, with stress if the cell is relaxed.
        cell: Whether the cell is relaxed.
        force: Largest force on an atom, eV/Å.
        stress: Largest component of the stress, eV/Å³.
        steps: Steps after which it is given up.

    Raises:
        ConfigError: If a limit is not positive, or the crystal has no cell that could be relaxed.
    """

    def __init__(
        self,
        crystal: Crystal,
        calculator: Any,
        *,
        cell: bool = True,
        force: float = FORCE,
        stress: float = STRESS,
        steps: int = MOST,
    ) -> None:
        if not (force > 0 and stress > 0 and steps > 0):
            raise ConfigError(
                f"force, stress and steps must be larger than 0, got {force}, {stress} and {steps}"
            )
        if cell and not crystal.pbc.all():
            raise ConfigError(
                f"the cell of {crystal.formula} does not repeat in all directions: keep it as it is"
            )
        self.atoms = to_ase(crystal)
        self.atoms.calc = calculator
        self.cell, self.force, self.stress, self.steps = cell, force, stress, steps
        self.taken, self.reason = 0, f"not converged after {steps} steps"
        self.start = np.nan
        self._optimizer: Any = None

    def advance(self) -> bool:
        """Look at the forces, take a step, and return whether there is more to do."""
        from ase.filters import FrechetCellFilter
        from ase.optimize import FIRE, LBFGS

        now, pressed = self.largest()
        if self._optimizer is None:
            self.start = float(self.atoms.get_potential_energy())
            moved = FrechetCellFilter(self.atoms) if self.cell else self.atoms
            # LBFGS is quick near the minimum; far from it FIRE is safer.
            self._optimizer = (FIRE if now > 5.0 else LBFGS)(moved, logfile=None)
        if not np.isfinite(now) or _collapsed(self.atoms):
            self.reason = "the atoms fell into each other, or the forces are not finite"
            return False
        if now <= self.force and (not self.cell or pressed <= self.stress):
            self.reason = ""
            return False
        if self.taken == self.steps:
            return False
        self._optimizer.step()
        self.taken += 1
        return True

    def largest(self) -> tuple[float, float]:
        """Return the largest force, eV/Å, and component of the stress, eV/Å³, NaN if it is kept."""
        forces = np.sqrt(np.square(self.atoms.get_forces()).sum(axis=1)).max(initial=0.0)
        return float(forces), float(np.abs(self.atoms.get_stress()).max()) if self.cell else np.nan

    def result(self) -> Relaxed:
        """Return what came out so far."""
        now, pressed = self.largest()
        energy = float(self.atoms.get_potential_energy())
        return Relaxed(
            from_ase(self.atoms),
            energy,
            self.start,
            now,
            pressed,
            self.taken,
            not self.reason,
            self.reason,
            novelty_of(self.atoms),
        )


def relax(
    crystal: Crystal,
    calculator: Any,
    *,
    told: Callable[[int, float], None] | None = None,
    **limits: Any,
) -> Relaxed:
    """Relax atoms, and the cell with them, step by step to the end.

    Args:
        crystal: Where to begin.
        calculator: Of ASE, with stress if the cell is relaxed.
        told: Called after each step with its number and the largest force.
        **limits: ``cell``, ``force``, ``stress`` and ``steps``, as `Relaxation` takes them.

    Raises:
        ConfigError: If a limit is not positive, or the crystal has no cell that could be relaxed.
    """
    relaxation = Relaxation(crystal, calculator, **limits)
    while True:
        if told is not None:
            told(relaxation.taken, relaxation.largest()[0])
        if not relaxation.advance():
            return relaxation.result()


def relax_positions(atoms: Any, force: float) -> None:
    """Relax the atoms of an ``Atoms`` in its cell, up to a largest force in eV/Å; it is changed."""
    from ase.optimize import LBFGS

    LBFGS(atoms, logfile=None).run(fmax=force, steps=200)


def novelty_of(atoms: Any) -> float:
    """Return how far the surroundings of the newest atom are from those in training.

    Args:
        atoms: Whose forces were computed.

    Returns:
        1 is as far as the farthest atom there; NaN if the calculator does not know.
    """
    novelty = getattr(atoms.calc, "results", {}).get("novelty")
    return np.nan if novelty is None else float(novelty.max(initial=0.0))


def _collapsed(atoms: Any) -> bool:
    return len(neighbors_within(from_ase(atoms), _LEAST_DISTANCE).center) > 0
