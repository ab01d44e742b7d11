"""Relaxation of atoms and cell to the nearest minimum of the energy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.convert import from_ase, to_ase
from xtalgraph.crystals.crystal import Crystal

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
    """Of it, eV."""
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


def relax(
    crystal: Crystal,
    calculator: Any,
    *,
    cell: bool = True,
    force: float = FORCE,
    stress: float = STRESS,
    steps: int = MOST,
    told: Callable[[int, float], None] | None = None,
) -> Relaxed:
    """Relax atoms, and the cell with them.

    A cell is relaxed with its logarithm as further coordinates, and has converged only if the
    stress has, too.

    Args:
        crystal: Where to begin.
        calculator: Of ASE, with stress if the cell is relaxed.
        cell: Whether the cell is relaxed.
        force: Largest force on an atom, eV/Å.
        stress: Largest component of the stress, eV/Å³.
        steps: Steps after which it is given up.
        told: Called after each step with its number and the largest force.

    Raises:
        ConfigError: If a limit is not positive, or the crystal has no cell that could be relaxed.
    """
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE, LBFGS

    if not (force > 0 and stress > 0 and steps > 0):
        raise ConfigError(
            f"force, stress and steps must be larger than 0, got {force}, {stress} and {steps}"
        )
    if cell and not crystal.pbc.all():
        raise ConfigError(
            f"the cell of {crystal.formula} does not repeat in all directions: keep it as it is"
        )
    atoms = to_ase(crystal)
    atoms.calc = calculator
    start = float(atoms.get_potential_energy())
    moved = FrechetCellFilter(atoms) if cell else atoms

    def largest() -> tuple[float, float]:
        forces = np.sqrt(np.square(atoms.get_forces()).sum(axis=1)).max(initial=0.0)
        return float(forces), float(np.abs(atoms.get_stress()).max()) if cell else np.nan

    taken, reason = 0, f"not converged after {steps} steps"
    # LBFGS is quick near the minimum; far from it FIRE is safer.
    first, _ = largest()
    optimizer = (FIRE if first > 5.0 else LBFGS)(moved, logfile=None)
    for _ in optimizer.irun(fmax=1e-12, steps=steps):
        now, pressed = largest()
        if told is not None:
            told(taken, now)
        if not np.isfinite(now) or _collapsed(atoms):
            reason = "the atoms fell into each other, or the forces are not finite"
            break
        if now <= force and (not cell or pressed <= stress):
            reason = ""
            break
        taken += 1
    now, pressed = largest()
    energy = float(atoms.get_potential_energy())
    return Relaxed(
        from_ase(atoms), energy, start, now, pressed, taken, not reason, reason, novelty_of(atoms)
    )


def relax_positions(atoms: Any, force: float = 1e-3, steps: int = 200) -> None:
    """Relax the atoms of an ``Atoms`` in a cell that is kept.

    Args:
        atoms: With a calculator; it is changed.
        force: Largest force on an atom, eV/Å.
        steps: At most.
    """
    from ase.optimize import LBFGS

    LBFGS(atoms, logfile=None).run(fmax=force, steps=steps)


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
    from ase.neighborlist import neighbor_list

    return bool(len(neighbor_list("i", atoms, _LEAST_DISTANCE)))
