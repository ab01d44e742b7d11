"""The bulk modulus against closed forms and tables."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.units import GPA
from xtalgraph.crystals import transforms
from xtalgraph.crystals.convert import from_ase
from xtalgraph.simulation.equation_of_state import equation_of_state

EPSILON, SIGMA = 0.0104, 3.4


@pytest.fixture(scope="module")
def argon():
    return LennardJones(epsilon=EPSILON, sigma=SIGMA, rc=6 * SIGMA)


def test_argon_has_the_bulk_modulus_of_a_lennard_jones_crystal(argon):
    # Kittel, Introduction to Solid State Physics, ch. 3: a = 1.09 · √2 σ, E = −8.6 ε an atom,
    # B = 75 ε/σ³.
    found = equation_of_state(from_ase(bulk("Ar", a=1.54 * SIGMA)), argon)
    assert found.bulk_modulus == pytest.approx(75.0 * EPSILON / SIGMA**3 * GPA, rel=0.02)
    assert found.energy == pytest.approx(-8.6 * EPSILON, rel=0.01)
    assert (4 * found.volume) ** (1 / 3) == pytest.approx(1.09 * np.sqrt(2) * SIGMA, rel=0.005)


def test_a_supercell_has_the_same(argon):
    one = from_ase(bulk("Ar", a=1.54 * SIGMA))
    two = transforms.supercell(one, (2, 1, 1))
    first, second = (equation_of_state(crystal, argon, relax=False) for crystal in (one, two))
    assert second.bulk_modulus == pytest.approx(first.bulk_modulus, rel=1e-6)
    assert second.volume == pytest.approx(2 * first.volume, rel=1e-6)


def test_the_misfit_grows_with_the_range(argon):
    crystal = from_ase(bulk("Ar", a=1.54 * SIGMA))
    narrow, wide = (
        equation_of_state(crystal, argon, relax=False, extent=extent) for extent in (0.02, 0.2)
    )
    assert wide.misfit > 100 * narrow.misfit > 0
    assert wide.bulk_modulus != pytest.approx(narrow.bulk_modulus, rel=1e-3)


def test_a_minimum_that_is_not_within_the_volumes_is_an_error(argon):
    with pytest.raises(InputError, match=r"still falls at .* the smallest volume"):
        equation_of_state(from_ase(bulk("Ar", a=1.75 * SIGMA)), argon, relax=False)
    with pytest.raises(InputError, match="5 points at least"):
        equation_of_state(from_ase(bulk("Ar", a=1.54 * SIGMA)), argon, points=4)
