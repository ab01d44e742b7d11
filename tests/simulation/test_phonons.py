"""Phonons against ASE's own code, sum rules and limits."""

import sys

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.phonons import Phonons as AsePhonons
from ase.units import _hplanck, kJ, mol

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.units import BOLTZMANN, KJ_PER_MOL
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase
from xtalgraph.simulation.phonons import phonons

THZ = _hplanck * 1e12 / 1.602176634e-19
"""eV, of a quantum of one THz."""
COPPER = bulk("Cu", a=3.61)
ALLOY = bulk("CuAu", "rocksalt", a=5.2)


@pytest.fixture(scope="module")
def copper():
    return phonons(from_ase(COPPER), EMT(), length=10.0)


def test_bands_are_those_of_ase(copper, tmp_path):
    assert copper.repeats == (5, 5, 5)
    theirs = AsePhonons(COPPER, EMT(), supercell=(5, 5, 5), delta=0.01, name=str(tmp_path / "ase"))
    theirs.run()
    theirs.read(acoustic=True)
    for part in copper.path:
        # Wave vectors by their place in space: the two primitive cells may differ.
        at = part.vectors @ np.linalg.inv(copper.primitive.cell).T
        bands = theirs.band_structure(at @ COPPER.cell.T, verbose=False) / THZ
        assert np.allclose(part.frequencies, bands, atol=0.01)


def test_three_modes_do_not_move_atoms_against_each_other(copper):
    ends = [part.frequencies[0] for part in copper.path if part.labels[0] == "Γ"]
    assert np.abs(ends).max() < 1e-5
    assert copper.sum_rule < 1e-8
    assert copper.is_stable


def test_heat_is_that_of_three_oscillators_an_atom(copper):
    assert np.trapezoid(copper.density, copper.frequency) == pytest.approx(3.0, rel=0.01)
    gas_constant = BOLTZMANN / KJ_PER_MOL * 1e3
    assert pytest.approx(kJ / mol, rel=1e-7) == KJ_PER_MOL
    assert copper.heat_capacity[-1] == pytest.approx(3 * gas_constant, rel=0.01)
    assert copper.heat_capacity[0] == 0.0
    mean = np.trapezoid(copper.density * copper.frequency, copper.frequency)
    assert copper.free_energy[0] == pytest.approx(THZ * mean / 2, rel=0.01)
    # S = −dF/dT
    slope = -np.gradient(copper.free_energy, copper.temperature)[30] / KJ_PER_MOL * 1e3
    assert copper.entropy[30] == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("change", ["supercell", "rotated and moved"])
def test_the_same_crystal_has_the_same_phonons(copper, change):
    crystal = from_ase(COPPER)
    if change == "supercell":
        crystal = transforms.supercell(crystal, (2, 1, 3))
    else:
        turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
        crystal = transforms.translate(transforms.rotate(crystal, turn), np.array([0.3, 0.1, 2]))
    other = phonons(crystal, EMT(), length=10.0)
    assert len(other.primitive) == 1
    for one, two in zip(copper.path, other.path, strict=True):
        assert one.labels == two.labels
        assert np.allclose(one.frequencies, two.frequencies, atol=1e-4)


def test_a_crystal_that_is_no_minimum_has_imaginary_modes():
    found = phonons(from_ase(bulk("Cu", "bcc", a=2.9)), EMT(), length=10.0)
    assert not found.is_stable
    assert found.lowest < -0.5
    assert 0.0 < found.imaginary < 0.5


def test_two_atoms_have_six_modes_and_masses():
    found = phonons(from_ase(ALLOY), EMT(), length=6.0)
    assert all(part.frequencies.shape[1] == 6 for part in found.path)
    assert found.known.primitive.masses == pytest.approx([63.546, 196.96657], rel=1e-4)


def test_a_slab_has_none():
    slab = COPPER.copy()
    slab.pbc = (True, True, False)
    with pytest.raises(InputError, match="must repeat in all directions to have phonons"):
        phonons(from_ase(slab), EMT())


def test_the_recursion_limit_is_as_before():
    # symfc raises it; deeply nested JSON would then end the process, not raise an error
    limit = sys.getrecursionlimit()
    phonons(from_ase(bulk("Cu")), EMT(), length=5.0)
    assert sys.getrecursionlimit() == limit
