"""Elastic constants against other ways to the same numbers."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase
from xtalgraph.simulation.elastic import elastic_constants
from xtalgraph.simulation.equation_of_state import equation_of_state
from xtalgraph.simulation.relaxation import relax
from xtalgraph.testing.crystals import contract_crystals


@pytest.fixture(scope="module")
def copper():
    return relax(from_ase(bulk("Cu", cubic=True)), EMT(), stress=1e-6).crystal


@pytest.fixture(scope="module")
def constants(copper):
    return elastic_constants(copper, EMT())


def test_a_cubic_crystal_has_three_constants(constants):
    c = constants.constants
    assert c[0, 0] == pytest.approx(c[1, 1], rel=1e-9) == pytest.approx(c[2, 2], rel=1e-9)
    assert c[3, 3] == pytest.approx(c[5, 5], rel=1e-9)
    assert np.abs(c[:3, 3:]).max() < 1e-6
    assert constants.asymmetry < 0.5
    known = [*[c[0, 0] - c[0, 1]] * 2, *[2 * c[3, 3]] * 3, c[0, 0] + 2 * c[0, 1]]
    assert constants.eigenvalues == pytest.approx(known, rel=1e-9)
    assert constants.is_stable


def test_they_are_those_of_embedded_copper(constants):
    # ASE's tests and OpenKIM give 173, 116 and 90 GPa for this potential.
    c = constants.constants
    assert [c[0, 0], c[0, 1], c[3, 3]] == pytest.approx([173.0, 116.0, 90.0], abs=2.0)


def test_the_bulk_modulus_is_that_of_the_equation_of_state(copper, constants):
    curve = equation_of_state(copper, EMT(), extent=0.03)
    assert constants.bulk_modulus == pytest.approx(curve.bulk_modulus, rel=0.01)


def test_pair_forces_obey_cauchy():
    argon = LennardJones(epsilon=0.0104, sigma=3.4, rc=16.0)
    crystal = relax(from_ase(bulk("Ar", a=5.2, cubic=True)), argon, stress=1e-7, force=1e-5).crystal
    c = elastic_constants(crystal, argon).constants
    assert c[0, 1] == pytest.approx(c[3, 3], rel=0.01)  # C12 = C44 at rest


def test_they_turn_with_the_crystal(copper, constants):
    angle = 0.3
    rotation = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    turned = elastic_constants(transforms.rotate(copper, rotation), EMT())
    assert turned.bulk_modulus == pytest.approx(constants.bulk_modulus, rel=1e-3)
    assert turned.shear_modulus == pytest.approx(constants.shear_modulus, rel=1e-3)
    assert turned.eigenvalues == pytest.approx(constants.eigenvalues, rel=1e-3)
    assert abs(turned.constants[0, 0] - constants.constants[0, 0]) > 5.0


def test_a_slab_has_none():
    with pytest.raises(InputError, match="repeat in all directions"):
        elastic_constants(contract_crystals()["slab"], EMT())
