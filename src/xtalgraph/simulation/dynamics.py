"""Molecular dynamics: at constant energy, temperature or pressure, and when it must stop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.units import GPA
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import thermal_momenta
from xtalgraph.simulation.relaxation import novelty_of

Ensemble = Literal["nve", "nvt", "npt"]
"""What is kept: the energy, the temperature, or temperature and pressure."""
_CLOSEST: Final = 0.5
"""Å; atoms this close have fallen into each other."""
_HOTTEST: Final = 10.0
"""Times the temperature that was asked for, beyond which a trajectory has exploded."""
_ROOM: Final = 500.0
"""K, added to it: small cells fluctuate."""


@dataclass(frozen=True)
class Dynamics:
    """How a trajectory is integrated."""

    ensemble: Ensemble = "nve"
    """``nve``: velocity Verlet; ``nvt``: the thermostat of Bussi, which rescales velocities;
    ``npt``: chains of Nosé and Hoover with the barostat of Martyna, Tobias and Klein, the cell
    changing in size alone."""
    temperature: float = 300.0
    """K; of the velocities at the start too."""
    pressure: float = 0.0
    """GPa, for ``npt``."""
    step: float = 1.0
    """fs."""
    coupling: float = 100.0
    """Time constant of the thermostat, fs; that of the barostat is ten times as long."""
    seed: int = 0
    """Of velocities and of the thermostat."""

    def __post_init__(self) -> None:
        if self.ensemble not in ("nve", "nvt", "npt"):
            raise ConfigError(f"the ensemble must be nve, nvt or npt, got {self.ensemble!r}")
        for name in ("temperature", "step", "coupling"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be larger than 0, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class Moment:
    """One step of a trajectory."""

    step: int
    """Its number, from 0."""
    time: float
    """ps."""
    potential: float
    """Potential energy of the cell, eV."""
    kinetic: float
    """Kinetic energy of the cell, eV."""
    temperature: float
    """K."""
    volume: float
    """Å³."""
    pressure: float
    """GPa; NaN where the calculator has no stress."""
    force: float
    """Largest force on an atom, eV/Å."""
    force_std: float
    """Largest standard deviation of a force between members, eV/Å; NaN of one member."""
    novelty: float = np.nan
    """Of the atom whose surroundings are farthest from those in training, 1 as far as the farthest
    there; NaN where the calculator does not know."""

    @property
    def total(self) -> float:
        """Potential and kinetic energy, eV."""
        return self.potential + self.kinetic


class TrajectoryError(InputError):
    """A trajectory that cannot go on: the message says why."""


def trajectory(
    crystal: Crystal,
    calculator: Any,
    dynamics: Dynamics,
    steps: int,
    *,
    every: int = 1,
    largest_force: float | None = None,
    frame: Callable[[Any], None] | None = None,
) -> Iterator[Moment]:
    """Integrate the equations of motion.

    Args:
        crystal: Where to begin, with random velocities.
        calculator: Of ASE.
        dynamics: How it is integrated.
        steps: Number of steps.
        every: Steps between two moments.
        largest_force: In eV/Å; a trajectory with a larger one stops, as the potential has not
            learned such. None for no limit.
        frame: Given the ``Atoms`` at each moment.

    Yields:
        What there is to know, at the start and every so many steps.

    Raises:
        TrajectoryError: If atoms fly apart or fall into each other, or a force is larger than
            allowed.
    """
    atoms = to_ase(crystal)
    atoms.calc = calculator
    integrator = _integrator(atoms, dynamics)
    for step, _ in enumerate(integrator.irun(steps)):
        if step % every == 0 or step == steps:
            moment = _moment(atoms, step, dynamics)
            _check(atoms, moment, dynamics, largest_force)
            if frame is not None:
                frame(atoms)
            yield moment


def drift(moments: list[Moment], atoms: int) -> float:
    """Return the slope of the total energy, in eV/atom/ps."""
    time = np.array([moment.time for moment in moments])
    total = np.array([moment.total for moment in moments])
    return float(np.polynomial.Polynomial.fit(time, total, 1).convert().coef[1]) / atoms


def _integrator(atoms: Any, dynamics: Dynamics) -> Any:
    from ase import units
    from ase.md.bussi import Bussi
    from ase.md.nose_hoover_chain import IsotropicMTKNPT
    from ase.md.verlet import VelocityVerlet

    drawn = np.random.default_rng(dynamics.seed)
    atoms.set_momenta(thermal_momenta(atoms.get_masses(), dynamics.temperature, drawn))
    step, coupling = dynamics.step * units.fs, dynamics.coupling * units.fs
    if dynamics.ensemble == "nve":
        return VelocityVerlet(atoms, timestep=step)
    if dynamics.ensemble == "nvt":
        return Bussi(
            atoms,
            timestep=step,
            temperature_K=dynamics.temperature,
            taut=coupling,
            rng=np.random.RandomState(dynamics.seed),
        )
    if not atoms.pbc.all():
        raise InputError("only a cell that repeats in all directions has a pressure: take nvt")
    return IsotropicMTKNPT(
        atoms,
        timestep=step,
        temperature_K=dynamics.temperature,
        pressure_au=dynamics.pressure * units.GPa,
        tdamp=coupling,
        pdamp=10.0 * coupling,
    )


def _moment(atoms: Any, step: int, dynamics: Dynamics) -> Moment:
    forces = np.sqrt(np.square(atoms.get_forces()).sum(axis=1))
    deviations = getattr(atoms.calc, "results", {}).get("forces_std")
    return Moment(
        step,
        1e-3 * step * dynamics.step,
        float(atoms.get_potential_energy()),
        float(atoms.get_kinetic_energy()),
        float(atoms.get_temperature()),
        float(atoms.get_volume()),
        _pressure(atoms),
        float(forces.max(initial=0.0)),
        np.nan if deviations is None else float(np.sqrt(np.square(deviations).sum(axis=1)).max()),
        novelty_of(atoms),
    )


def _pressure(atoms: Any) -> float:
    from ase.calculators.calculator import PropertyNotImplementedError

    try:
        stress: Float[np.ndarray, "6"] = atoms.get_stress(include_ideal_gas=True)
    except (NotImplementedError, PropertyNotImplementedError):
        return np.nan
    return -float(stress[:3].mean()) * GPA


def _check(atoms: Any, moment: Moment, dynamics: Dynamics, largest: float | None) -> None:
    """Stop a trajectory that has left what can be computed, or what was learned."""
    from ase.neighborlist import neighbor_list

    where = f"step {moment.step} ({moment.time:.3g} ps)"
    if not np.isfinite(moment.total) or not np.isfinite(moment.force):
        raise TrajectoryError(f"energy or forces are not finite at {where}: take a smaller step")
    if moment.temperature > _HOTTEST * dynamics.temperature + _ROOM:
        raise TrajectoryError(
            f"the temperature is {moment.temperature:.0f} K at {where}, where "
            f"{dynamics.temperature:g} K were asked for: the atoms fly apart. Relax the structure "
            "first, or take a smaller step"
        )
    if len(neighbor_list("i", atoms, _CLOSEST)):
        raise TrajectoryError(
            f"two atoms are within {_CLOSEST} Å at {where}: the potential does not hold them apart"
        )
    if largest is not None and moment.force > largest:
        raise TrajectoryError(
            f"a force is {moment.force:.3g} eV/Å at {where}, and no more than {largest:.3g} eV/Å "
            "is allowed, as larger forces were not learned: the potential guesses from here on. "
            "Take a smaller step or a lower temperature, or allow more with --largest-force"
        )
