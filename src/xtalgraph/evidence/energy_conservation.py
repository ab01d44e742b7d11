"""Whether the total energy is kept in molecular dynamics: its drift, and its error by the step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.boundary import guarded, shortened
from xtalgraph.conventions.errors import InputError, XtalgraphError
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.units import BOLTZMANN
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import thermal_momenta
from xtalgraph.data.potential_targets import energy_target
from xtalgraph.models.check_result import CheckResult, Reason, Worst

TEMPERATURE: Final = 300.0
"""Of the velocities at the start, K."""
STEPS: Final = (2.0, 1.0)
"""Of the integration, fs."""
DURATION: Final = 0.4
"""Of a trajectory, ps."""
FEWEST: Final = 8
"""Atoms; smaller cells are repeated."""
LARGEST: Final = 64
"""Atoms; larger cells are taken only where there is no smaller one."""
DRIFT: Final = 0.02
"""Drift in a picosecond, over the kinetic energy, that is no failure."""


@dataclass(frozen=True)
class Conservation:
    """The total energy of two trajectories that differ by their step."""

    atoms: int
    steps: tuple[float, float]
    """Of the integration, fs; the second is half of the first."""
    drift: float
    """Slope of the total energy at the smaller step, in eV/ps, for the whole cell."""
    errors: tuple[float, float]
    """Standard deviation of the total energy about its slope, eV, at each step."""
    kinetic: float
    """Kinetic energy at the start, eV."""

    @property
    def order(self) -> float:
        """By which power of the step the error falls: 2 for the integrator of Verlet."""
        return float(np.log2(self.errors[0] / self.errors[1])) if self.errors[1] > 0 else 2.0


def check_conservation(
    calculator: Any, crystals: Mapping[str, Crystal], noise: float = 0.0
) -> Iterator[CheckResult]:
    """Check that the total energy is kept, on the crystal that is nearest to equilibrium.

    Args:
        calculator: Of ASE.
        crystals: At least one, by name.
        noise: Error of the total energy that rounding explains, eV.

    Yields:
        The drift, and the error by the step.
    """

    def restless(name: str) -> tuple[bool, float]:
        atoms = to_ase(crystals[name])
        forces = calculator.get_property("forces", atoms)
        return len(atoms) > LARGEST, float(np.abs(forces).max(initial=0.0))

    name = min(crystals, key=restless)
    what, energy = "drift of the total energy", (energy_target(),)
    try:
        kept = guarded(partial(conservation, calculator, crystals[name]), "the trajectory")
    except XtalgraphError as error:
        lost = Worst(what, energy, {"energy": 1.0}, "/ps")
        lost.add(name, {"energy": np.inf})
        log.warning("molecular dynamics of %s ended: %s", name, shortened(str(error)))
        yield lost.result(Reason.ENDED, DRIFT)
        return
    scale = {"energy": kept.kinetic}
    details: dict[str, Any] = {
        "atoms": kept.atoms,
        "temperature": TEMPERATURE,
        "duration": DURATION,
    }
    drift = Worst(what, energy, scale, "/ps")
    drift.add(name, {"energy": abs(kept.drift)})
    yield drift.result(Reason.DYNAMICS, DRIFT, **details, step=kept.steps[1])
    errors = Worst("error of the total energy", energy, scale)
    errors.add(name, {"energy": kept.errors[1]})
    # Not divided by 2 at least, the error is not that of the integrator but of the forces.
    allowed = noise / kept.kinetic if kept.order < 1.0 else 1.0
    yield errors.result(Reason.HALF_STEP, allowed, **details, factor=2.0**kept.order)


def conservation(calculator: Any, crystal: Crystal) -> Conservation:
    """Run molecular dynamics at constant energy, at two steps.

    Args:
        calculator: Of ASE.
        crystal: Repeated until it has `FEWEST` atoms.

    Raises:
        InputError: If the energy is not finite, as when atoms fall into each other.
    """
    while len(crystal) < FEWEST:
        lengths = np.where(crystal.pbc, np.linalg.norm(crystal.cell, axis=1), np.inf)
        if not np.isfinite(lengths).any():
            break
        times = np.where(np.arange(3) == lengths.argmin(), 2, 1)
        crystal = transforms.supercell(crystal, (int(times[0]), int(times[1]), int(times[2])))
    atoms = to_ase(crystal)
    atoms.calc = calculator
    drawn = np.random.default_rng(0)
    atoms.set_momenta(thermal_momenta(atoms.get_masses(), TEMPERATURE, drawn))
    kinetic = float(atoms.get_kinetic_energy()) or TEMPERATURE * BOLTZMANN
    tracks = [_total_energies(atoms.copy(), calculator, step) for step in STEPS]
    (_, coarse), (drift, fine) = (
        _slope(track, step) for track, step in zip(tracks, STEPS, strict=True)
    )
    return Conservation(len(atoms), STEPS, drift, (coarse, fine), kinetic)


def _total_energies(atoms: Any, calculator: Any, step: float) -> Float[np.ndarray, " steps"]:
    from ase import units
    from ase.md.verlet import VelocityVerlet

    atoms.calc = calculator
    energies: list[float] = []
    dynamics = VelocityVerlet(atoms, timestep=step * units.fs)
    dynamics.attach(lambda: energies.append(float(atoms.get_total_energy())))
    dynamics.run(round(1000 * DURATION / step))
    if not np.isfinite(energies).all():
        raise InputError(f"the trajectory comes to an energy that is not finite, with {step:g} fs")
    return np.array(energies)


def _slope(energies: Float[np.ndarray, " steps"], step: float) -> tuple[float, float]:
    """Return the slope in eV/ps, and the standard deviation about it in eV."""
    time = 1e-3 * step * np.arange(len(energies))
    line = np.polynomial.Polynomial.fit(time, energies, 1).convert()
    return float(line.coef[1]), float(np.std(energies - line(time)))
