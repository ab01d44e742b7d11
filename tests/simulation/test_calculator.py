"""The calculator of a potential, as ASE uses it."""

import logging

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGSLineSearch

from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.units import COULOMB
from xtalgraph.crystals.convert import to_ase
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.spec import ModelSpec
from xtalgraph.simulation.calculator import PotentialCalculator
from xtalgraph.testing.crystals import contract_crystals

SIZE = {"width": 12, "filters": 12, "depth": 2, "basis_step": 0.25, "envelope": "polynomial"}
TARGETS = (energy_target(), forces_target(), stress_target())


def predictor(members: int = 1, targets=TARGETS) -> Predictor:
    spec = ModelSpec("schnet", SIZE, "auto", "radius", {"cutoff": 4.0}, targets)
    made = []
    for seed in range(members):
        torch.manual_seed(seed)
        made.append(spec.make_model().eval())
    return Predictor(made, spec, ["Ba", "Zr", "O"])


@pytest.fixture
def atoms():
    return to_ase(contract_crystals()["distorted"])


def test_forces_and_stress_are_those_that_ase_finds_by_differences(atoms):
    from ase.calculators.fd import FiniteDifferenceCalculator

    made = PotentialCalculator(predictor())
    atoms.calc = made
    forces, stress = atoms.get_forces(), atoms.get_stress()
    atoms.calc = FiniteDifferenceCalculator(made, eps_disp=1e-4, eps_strain=1e-4)
    assert np.abs(forces - atoms.get_forces()).max() < 1e-6 * np.abs(forces).max()
    assert np.abs(stress - atoms.get_stress()).max() < 1e-6 * np.abs(stress).max()


def test_it_predicts_what_the_predictor_predicts(atoms):
    made = predictor(2)
    atoms.calc = PotentialCalculator(made, precision="float32")
    table = made.predict([atoms.copy()])
    (energy,) = table[table["property"] == "energy"]["prediction"]
    assert atoms.get_potential_energy() == pytest.approx(energy, rel=1e-6)
    forces = table[table["property"] == "forces"]["prediction"].to_numpy().reshape(-1, 3)
    assert np.abs(forces - atoms.get_forces()).max() < 1e-5 * np.abs(forces).max()


def test_members_disagree_and_one_alone_does_not(atoms):
    atoms.calc = PotentialCalculator(predictor(3))
    atoms.get_forces()
    assert atoms.calc.results["forces_std"].shape == (5, 3)
    assert atoms.calc.results["energy_std"] > 0.0
    each = [
        PotentialCalculator(Predictor([one], atoms.calc.predictor.spec, []))
        for one in atoms.calc.predictor.members
    ]
    energies = [one.get_potential_energy(atoms) for one in each]
    assert atoms.get_potential_energy() == pytest.approx(np.mean(energies), rel=1e-12)
    assert atoms.calc.results["energy_std"] == pytest.approx(np.std(energies, ddof=1), rel=1e-9)
    atoms.calc = PotentialCalculator(predictor(1))
    atoms.get_forces()
    assert "forces_std" not in atoms.calc.results


def test_it_relaxes_and_it_moves_with_few_searches(atoms):
    atoms.calc = PotentialCalculator(predictor())
    atoms.rattle(0.01, seed=1)
    before = atoms.get_potential_energy()
    BFGSLineSearch(atoms, logfile=None).run(fmax=1e-6, steps=10)
    assert atoms.get_potential_energy() < before
    VelocityVerlet(atoms, 1.0).run(20)
    assert atoms.calc.neighbors.searches < 10


@pytest.mark.usefixtures("sizes_are_symbols", "traced_alone")
def test_compiled_it_returns_the_same_at_each_step(atoms):
    made = predictor(2)
    compiled, plain = PotentialCalculator(made, compiled=True), PotentialCalculator(made)
    for seed in range(3):
        atoms.rattle(0.02, seed=seed)
        for name in ("energy", "forces", "stress"):
            np.testing.assert_allclose(
                compiled.get_property(name, atoms), plain.get_property(name, atoms), atol=1e-12
            )
        for name in ("energy_std", "forces_std"):
            np.testing.assert_allclose(compiled.results[name], plain.results[name], atol=1e-12)
    assert compiled.compiled is not None
    assert len(compiled.compiled.functions) == 1


def test_the_predictor_stays_trainable(atoms):
    made = predictor()
    atoms.calc = PotentialCalculator(made, precision="float32")
    atoms.get_potential_energy()
    assert all(one.requires_grad for one in made.members[0].parameters())


def test_elements_that_were_never_seen_are_told_once(atoms, caplog):
    atoms.symbols[0] = "Sr"
    atoms.calc = PotentialCalculator(predictor())
    with caplog.at_level(logging.WARNING, "xtalgraph"):
        atoms.get_potential_energy()
        atoms.rattle(0.01)
        atoms.get_potential_energy()
    assert "no training crystal contains Sr" in caplog.records[0].message
    assert len(caplog.records) == 1


def test_a_property_model_is_no_calculator():
    with pytest.raises(RunError, match="predicts energy and is no potential"):
        PotentialCalculator(predictor(targets=(energy_target(),)))


def test_given_charges_are_those_of_the_atoms_at_each_call():
    terms = {"coulomb": {"charges": "given"}}
    spec = ModelSpec("schnet", SIZE, "auto", "radius", {"cutoff": 4.0}, TARGETS, terms=terms)
    salt = bulk("NaCl", "rocksalt", 5.64)
    salt.calc = PotentialCalculator(Predictor([spec.make_model().eval()], spec, ["Na", "Cl"]))
    energies = []
    for charge in (0.0, 1.0, 2.0):
        salt.set_initial_charges([charge, -charge])
        energies.append(salt.get_potential_energy())
    madelung = 1.747564594633 * COULOMB / 2.82
    np.testing.assert_allclose(np.diff(energies), [-madelung, -3 * madelung], rtol=1e-8)
