"""The linear potential of SOAP against the periodic code of dscribe, and its derivatives."""

import pytest
from dscribe.descriptors import SOAP

from xtalgraph.baselines.soap_basis import SoapBasis
from xtalgraph.crystals.convert import from_ase


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


def test_forces_and_stress_are_differences_of_energies(basis, check_derivatives):
    check_derivatives(basis, step=1e-4, differences=1e-4, rounding=1e-6)
