"""Molecular dynamics: what is kept, and when it stops."""

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet
from ase.units import fs

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase, to_ase
from xtalgraph.crystals.transforms import thermal_momenta
from xtalgraph.simulation.dynamics import Dynamics, TrajectoryError, drift, trajectory


@pytest.fixture(scope="module")
def copper():
    return from_ase(bulk("Cu", cubic=True) * (2, 2, 2))


def test_a_trajectory_is_that_of_ase_step_by_step(copper):
    atoms = to_ase(copper)
    atoms.calc = EMT()
    drawn = np.random.default_rng(3)
    atoms.set_momenta(thermal_momenta(atoms.get_masses(), 400.0, drawn))
    assert atoms.get_temperature() == pytest.approx(400.0, rel=1e-6)
    energies = []
    integrator = VelocityVerlet(atoms, timestep=4.0 * fs)
    integrator.attach(lambda: energies.append(atoms.get_potential_energy()))
    integrator.run(20)
    dynamics = Dynamics("nve", temperature=400.0, step=4.0, seed=3)
    moments = list(trajectory(copper, EMT(), dynamics, 20))
    assert [one.potential for one in moments] == energies
    assert [one.step for one in moments] == list(range(21))


def test_the_total_energy_is_kept_to_second_order_in_the_step(copper):
    errors = []
    for step in (8.0, 4.0):
        dynamics = Dynamics("nve", temperature=600.0, step=step)
        moments = list(trajectory(copper, EMT(), dynamics, round(240 / step)))
        assert abs(drift(moments, len(copper))) < 1e-3
        errors.append(np.std([one.total for one in moments]))
    assert 3.0 < errors[0] / errors[1] < 5.5


def test_a_thermostat_keeps_the_temperature(copper):
    dynamics = Dynamics("nvt", temperature=500.0, step=5.0, coupling=50.0)
    moments = list(trajectory(copper, EMT(), dynamics, 300, every=5))
    temperatures = [one.temperature for one in moments[20:]]
    assert np.mean(temperatures) == pytest.approx(500.0, abs=60.0)


def test_a_barostat_lets_a_squeezed_cell_out(copper):
    squeezed = transforms.strain(copper, -0.02 * np.eye(3))
    dynamics = Dynamics("npt", temperature=300.0, step=5.0, coupling=40.0)
    moments = list(trajectory(squeezed, EMT(), dynamics, 150, every=10))
    assert moments[0].pressure > 5.0
    assert moments[-1].volume > 1.02 * moments[0].volume


def test_frames_are_handed_out(copper):
    frames = []
    moments = list(
        trajectory(copper, EMT(), Dynamics(), 10, every=5, frame=lambda a: frames.append(a.copy()))
    )
    assert len(frames) == len(moments) == 3
    assert np.abs(frames[-1].positions - frames[0].positions).max() > 0.0


def test_atoms_that_fly_apart_are_told(copper):
    shaken = copper.moved(copper.cell, 0.55 * copper.positions)
    with pytest.raises(TrajectoryError, match=r"at step \d+"):
        list(trajectory(shaken, EMT(), Dynamics(step=5.0), 50))


def test_forces_that_were_not_learned_are_told(copper):
    with pytest.raises(TrajectoryError, match=r"no more than 0\.1 eV/Å is allowed"):
        list(trajectory(copper, EMT(), Dynamics(temperature=900.0), 200, largest_force=0.1))


def test_what_has_no_pressure_has_no_barostat():
    with pytest.raises(InputError, match="take nvt"):
        list(trajectory(from_ase(molecule("CO")), EMT(), Dynamics("npt"), 5))


def test_settings_are_looked_at():
    with pytest.raises(ConfigError, match="step must be larger than 0"):
        Dynamics(step=0.0)
