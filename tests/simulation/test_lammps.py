"""A calculator in LAMMPS: with an object that behaves like LAMMPS, and with LAMMPS where it is."""

from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.units import GPA
from xtalgraph.simulation.lammps import LammpsPotential
from xtalgraph.workflows.calculator import lammps_potential

MVV2E = 1.0364269e-4
"""eV of a u (Å/ps)² in LAMMPS, whose digits are fewer than those of ASE."""
PARTS = ((0, 0), (1, 1), (2, 2), (1, 0), (2, 0), (2, 1))
"""Of strains that keep a cell lower-triangular, in the order of LAMMPS."""


def copper(*, gold: int = 0, tilted: bool = True) -> Atoms:
    """Warm copper, in a cell that LAMMPS can have, with some gold."""
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    atoms.numbers[:gold] = 79
    if tilted:
        strain = np.array([[1.0, 0.0, 0.0], [0.11, 0.98, 0.0], [-0.07, 0.09, 1.03]])
        atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    atoms.rattle(0.08, seed=3)
    atoms.wrap()
    atoms.set_velocities(np.random.default_rng(5).normal(0.0, 0.02, (len(atoms), 3)))
    return atoms


class FakeLammps:
    """What a potential sees of LAMMPS: shuffled atoms in a box with an origin."""

    def __init__(self, atoms: Atoms, *, ids=None, origin=(-1.0, 2.0, 0.5), **settings) -> None:
        count = len(atoms)
        self.ids = np.random.default_rng(1).permutation(count) + 1 if ids is None else ids
        self.origin = np.array(origin)
        self.settings = {"units": "metal", "ntypes": 2, "world_size": 1, **settings}
        self.mass = np.array([0.0, 63.546, 196.97])
        self.pbc = [1, 1, 1]
        self.commands: list[str] = []
        self.forces = np.zeros((count, 3))
        self.numpy = SimpleNamespace(extract_atom=self.extract_atom)
        self.put(atoms)

    def put(self, atoms: Atoms) -> None:
        self.cell = atoms.cell.array
        self.types = np.where(atoms.numbers == 79, 2, 1)[self.ids - 1].astype(np.int32)
        self.x = atoms.positions[self.ids - 1] + self.origin

    def extract_atom(self, name: str):
        return {"type": np.append(self.types, [7, 7]), "mass": self.mass}[name]  # and two ghosts

    def extract_global(self, name: str):
        return self.settings[name]

    def extract_setting(self, name: str):
        return self.settings[name]

    def extract_box(self):
        (lx, _, _), (xy, ly, _), (xz, yz, lz) = self.cell.tolist()
        high = self.origin + np.array([lx, ly, lz])
        return self.origin.tolist(), high.tolist(), xy, yz, xz, self.pbc, 1

    def command(self, line: str) -> None:
        self.commands.append(line)

    def set_fix_external_callback(self, fix, callback, caller=None) -> None:
        self.fix, self.callback = fix, callback

    def set_internal_variable(self, name, value) -> None:
        self.variable = (name, value)

    def fix_external_set_energy_global(self, fix, energy) -> None:
        assert fix == self.fix
        self.energy = energy

    def fix_external_set_virial_global(self, fix, virial) -> None:
        assert fix == self.fix
        self.virial = virial

    def step(self, number: int = 0) -> None:
        self.callback(None, number, len(self.x), self.ids, self.x, self.forces)


def test_energy_and_forces_are_those_of_the_calculator_whatever_the_order_of_the_atoms():
    atoms = copper(gold=5)
    lmp = FakeLammps(atoms)
    LammpsPotential(lmp, EMT(), ["Cu", "Au"], fix="net")
    lmp.step()
    atoms.calc = EMT()
    assert lmp.fix == "net"
    assert lmp.commands[0] == "fix net all external pf/callback 1 1"
    assert lmp.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-10)
    assert np.abs(lmp.forces - atoms.get_forces()[lmp.ids - 1]).max() < 1e-10
    assert lmp.variable == ("net_failed", 0.0)


def test_the_virial_is_what_the_energy_loses_under_strain():
    atoms = copper(gold=5)
    lmp = FakeLammps(atoms)
    LammpsPotential(lmp, EMT(), ["Cu", "Au"])

    def energy(row: int, column: int, size: float) -> float:
        strain = np.eye(3)
        strain[row, column] += size
        strained = atoms.copy()
        strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        lmp.put(strained)
        lmp.step()
        return lmp.energy

    slopes = [(energy(*part, 1e-4) - energy(*part, -1e-4)) / 2e-4 for part in PARTS]
    lmp.put(atoms)
    lmp.step()
    assert np.abs(np.add(lmp.virial, slopes)).max() < 1e-5 * np.abs(slopes).max()
    assert np.abs(slopes).min() > 1e-2


def test_atoms_that_are_wrapped_go_on_beside_where_they_were():
    atoms = copper()
    lmp = FakeLammps(atoms, ntypes=1)
    potential = LammpsPotential(lmp, EMT(), ["Cu"])
    lmp.step()
    energy, virial, forces = lmp.energy, lmp.virial, lmp.forces.copy()
    wrapped = atoms.copy()
    wrapped.positions[4] += np.array([1, -2, 3]) @ atoms.cell.array
    lmp.put(wrapped)
    lmp.step()
    assert np.abs(potential.atoms.positions - atoms.positions).max() < 1e-10
    assert lmp.energy == pytest.approx(energy, abs=1e-10)
    assert lmp.virial == pytest.approx(virial, abs=1e-9)
    assert np.abs(lmp.forces - forces).max() < 1e-10


def test_a_direction_that_does_not_repeat_stays_so():
    atoms = copper(tilted=False)
    atoms.pbc = (True, True, False)
    lmp = FakeLammps(atoms, ntypes=1)
    lmp.pbc = [1, 1, 0]
    potential = LammpsPotential(lmp, EMT(), ["Cu"])
    lmp.step()
    atoms.calc = EMT()
    assert potential.atoms.pbc.tolist() == [True, True, False]
    assert np.abs(potential.atoms.positions - atoms.positions - (0.0, 0.0, 0.5)).max() < 1e-12
    assert lmp.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-10)


class Failing(Calculator):
    """Energy and forces of nothing, without stress, which fails when it is told to."""

    implemented_properties = ("energy", "forces")
    error: BaseException | None = None

    def calculate(self, atoms=None, properties=("energy",), system_changes=()) -> None:
        super().calculate(atoms, list(properties), list(system_changes))
        if self.error is not None:
            raise self.error
        self.results.update(energy=0.0, forces=np.zeros((len(atoms), 3)))


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), KeyboardInterrupt()])
def test_a_step_that_fails_is_not_a_number_and_ends_the_run(caplog, error):
    lmp, calculator = FakeLammps(copper(), ntypes=1), Failing()
    potential = LammpsPotential(lmp, calculator, ["Cu"])
    assert "Failing computes no stress" in caplog.text
    lmp.step()
    assert lmp.variable == ("external_failed", 0.0)
    assert np.isnan(lmp.virial).all()
    assert lmp.energy == 0.0
    calculator.error = error
    lmp.x += 0.01
    lmp.step(7)
    assert np.isnan([lmp.energy, *lmp.virial, *lmp.forces.ravel()]).all()
    assert lmp.variable == ("external_failed", 1.0)
    assert "step 7 in LAMMPS could not be computed" in caplog.text
    assert (str(error) or "interrupted") in caplog.text
    assert potential.error is not None
    calculator.error = None
    lmp.step(8)
    assert potential.error is None
    assert lmp.variable == ("external_failed", 0.0)


@pytest.mark.parametrize(
    ("settings", "elements", "message"),
    [
        ({"units": "real"}, ["Cu", "Au"], "units metal, got units real"),
        ({"world_size": 4}, ["Cu", "Au"], "between 4 processes"),
        ({}, ["Cu"], "2 atom types and elements are given for 1"),
        ({"ntypes": 0}, ["Cu"], "make the box first"),
        ({}, ["Cu", "au"], "'au' is no element"),
    ],
)
def test_a_lammps_that_cannot_be_driven_is_an_error(settings, elements, message):
    lmp = FakeLammps(copper(gold=5), **settings)
    with pytest.raises(ConfigError, match=message):
        LammpsPotential(lmp, EMT(), elements)
    assert lmp.commands == []


@pytest.mark.parametrize("elements", [["Cu", "Au"], ["Au", "Cu"]])
def test_types_in_another_order_are_told_by_their_masses(caplog, elements):
    lmp = FakeLammps(copper(gold=5))
    LammpsPotential(lmp, EMT(), elements)
    lmp.step()
    lmp.step()
    assert caplog.text.count("in the order of the types?") == 2 * (elements[0] == "Au")
    lmp.mass = None
    LammpsPotential(lmp, EMT(), elements)
    lmp.step()
    assert np.isfinite(lmp.energy)


@pytest.fixture
def lammps():
    """Make a LAMMPS that holds copper."""
    module = pytest.importorskip("lammps", reason="LAMMPS is not installed: pip install lammps")
    opened = []

    def make(atoms: Atoms):
        lmp = module.lammps(cmdargs=["-log", "none", "-screen", "none"])
        opened.append(lmp)
        (lx, _, _), (xy, ly, _), (xz, yz, lz) = atoms.cell.array.tolist()
        lmp.commands_string(
            f"""
            units metal
            atom_style atomic
            region box prism 0 {lx!r} 0 {ly!r} 0 {lz!r} {xy!r} {xz!r} {yz!r}
            create_box 1 box
            mass 1 63.546
            pair_style zero 6.0
            pair_coeff * *
            timestep 0.001
            thermo_modify norm no
            """
        )
        count = len(atoms)
        speeds = atoms.get_velocities() * 1000.0 * units.fs  # Å/ps
        lmp.create_atoms(
            count,
            list(range(1, count + 1)),
            [1] * count,
            atoms.positions.ravel().tolist(),
            speeds.ravel().tolist(),
        )
        return lmp

    yield make
    for lmp in opened:
        lmp.close()


@pytest.mark.parametrize("tilted", [False, True])
def test_dynamics_are_those_of_ase(lammps, tilted):
    atoms = copper(tilted=tilted)
    lmp = lammps(atoms)
    lammps_potential(lmp, "ase.calculators.emt:EMT", ["Cu"])
    lmp.command("fix move all nve")
    atoms.calc = EMT()
    velocities = atoms.get_velocities()
    atoms.set_masses(np.full(len(atoms), 63.546 * MVV2E * (1000.0 * units.fs) ** 2))
    atoms.set_velocities(velocities)
    verlet = VelocityVerlet(atoms, timestep=1.0 * units.fs)
    for steps in (0, 1, 19):
        lmp.command(f"run {steps}")
        verlet.run(steps)
        order = np.argsort(lmp.numpy.extract_atom("id")[: len(atoms)])
        forces = lmp.numpy.extract_atom("f")[: len(atoms)][order]
        assert np.abs(forces - atoms.get_forces()).max() < 1e-8
        assert lmp.get_thermo("pe") == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
        assert lmp.get_thermo("ke") == pytest.approx(atoms.get_kinetic_energy(), abs=1e-7)
        stress = -1e4 * GPA * atoms.get_stress(voigt=False, include_ideal_gas=True)  # bar
        assert lmp.get_thermo("press") == pytest.approx(np.trace(stress) / 3.0, rel=1e-6)
        names = ("pxx", "pyy", "pzz", "pxy", "pxz", "pyz")
        pressure = np.array([lmp.get_thermo(name) for name in names])
        wanted = np.array([stress[part] for part in PARTS])
        assert np.abs(pressure - wanted).max() < 1e-6 * np.abs(wanted).max()


def test_a_cell_under_a_barostat_keeps_what_is_conserved(lammps):
    atoms = copper()
    lmp = lammps(atoms)
    potential = LammpsPotential(lmp, EMT(), ["Cu"])
    lmp.command("fix move all npt temp 300 300 0.1 tri 0 0 0.5")
    lmp.command("run 0")
    before, volume = lmp.get_thermo("econserve"), lmp.get_thermo("vol")
    kinetic = lmp.get_thermo("ke")
    lmp.command("run 100")
    assert abs(lmp.get_thermo("vol") / volume - 1.0) > 1e-3
    assert abs(lmp.get_thermo("ke") - kinetic) > 0.1
    assert abs(lmp.get_thermo("econserve") - before) < 2e-3
    assert potential.atoms.get_volume() == pytest.approx(lmp.get_thermo("vol"))


def test_lammps_ends_a_run_whose_calculator_fails(lammps, caplog):
    lmp, calculator = lammps(copper()), Failing()
    LammpsPotential(lmp, calculator, ["Cu"])
    lmp.command("fix move all nve")
    lmp.command("run 5")
    calculator.error = RuntimeError("out of memory")
    with pytest.raises(Exception, match="external_failed met on step 6"):
        lmp.command("run 5")
    assert "out of memory" in caplog.text
