"""The linear potential of SOAP against the periodic code of dscribe, and its derivatives."""

import numpy as np
import pytest
from ase.build import bulk
from dscribe.descriptors import SOAP

from xtalgraph.baselines.soap_basis import SoapBasis
from xtalgraph.crystals.convert import from_ase


@pytest.fixture(scope="module")
def alloy():
    atoms = bulk("Cu", cubic=True)[:3]
    atoms.symbols[1] = "Ag"
    strain = np.array([[0.03, 0.02, 0.0], [0.0, -0.02, 0.04], [0.01, 0.0, 0.05]])
    atoms.set_cell(atoms.cell @ (np.eye(3) + strain), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    return atoms


@pytest.fixture(scope="module")
def basis():
    return SoapBasis([29, 47], cutoff=4.0, radial=3, angular=2)


def test_power_spectra_are_those_of_the_periodic_crystal(alloy, basis):
    theirs = SOAP(
        species=["Cu", "Ag"], r_cut=4.0, n_max=3, l_max=2, sigma=0.5, periodic=True
    ).create(alloy)
    found = basis.design(from_ase(alloy)).energy[basis.pairs.columns :].reshape(2, -1)
    assert len(found.reshape(-1)) + basis.pairs.columns == basis.columns
    assert found[0] == pytest.approx(theirs[[0, 2]].sum(axis=0))
    assert found[1] == pytest.approx(theirs[1])


def test_forces_and_stress_are_differences_of_energies(alloy, basis):
    coefficients = np.random.default_rng(0).normal(size=basis.columns)
    step = 1e-4

    def energy(atoms):
        return float(basis.design(from_ase(atoms)).energy @ coefficients)

    def slope(change):
        ends = []
        for sign in (1, -1):
            moved = alloy.copy()
            change(moved, sign * step)
            ends.append(energy(moved))
        return (ends[0] - ends[1]) / 2 / step

    def move(atoms, by):
        atoms.positions[1, 2] += by

    def shear(atoms, by):
        strain = np.eye(3)
        strain[0, 1] += by / 2
        strain[1, 0] += by / 2
        atoms.set_cell(atoms.cell @ strain, scale_atoms=True)

    design = basis.design(from_ase(alloy))
    forces, stress = design.forces @ coefficients, design.stress @ coefficients
    assert forces[1, 2] == pytest.approx(-slope(move), rel=1e-4)
    assert stress[0, 1] * alloy.get_volume() == pytest.approx(slope(shear), rel=1e-4)
    assert stress == pytest.approx(stress.swapaxes(0, 1), abs=1e-6 * np.abs(stress).max())
    assert forces.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-6 * np.abs(forces).max())
