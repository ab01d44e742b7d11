"""Dispersion against simple-dftd3, the reference in Fortran, for every periodicity."""

import numpy as np
import pytest
from dftd3.interface import DispersionModel, RationalDampingParam

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.derivatives import derivatives, displaced
from xtalgraph.models.terms.dispersion import BOHR, D3, HARTREE
from xtalgraph.testing.crystals import contract_crystals


def found(crystal: Crystal, **settings) -> dict[str, np.ndarray]:
    at = displaced(build_graph(crystal, Radius(5.0)), "position", "strain")
    energy = D3(D3.Config(**settings), 4, 5.0)(None, at.graph).sum().unsqueeze(0)
    results = derivatives(energy, at, differentiable=False)
    return {"energy": energy.detach().numpy()[0]} | {k: v.numpy() for k, v in results.items()}


def expected(crystal: Crystal, functional: str, cutoff: float) -> dict[str, np.ndarray]:
    cell = crystal.cell / BOHR if crystal.pbc.any() else None
    model = DispersionModel(crystal.numbers, crystal.positions / BOHR, cell, crystal.pbc)
    model.set_realspace_cutoff(disp2=cutoff / BOHR, disp3=10.0, cn=cutoff / BOHR)
    result = model.get_dispersion(RationalDampingParam(method=functional, atm=False), grad=True)
    return {
        "energy": result["energy"] * HARTREE,
        "position": -result["gradient"] * HARTREE / BOHR,
        "strain": result["virial"] * HARTREE / crystal.volume,
    }


@pytest.mark.parametrize("name", ["triclinic", "slab", "wire", "cubic", "one atom"])
def test_it_is_that_of_simple_dftd3(name):
    crystal = contract_crystals()[name]
    ours, theirs = found(crystal, cutoff=25.0), expected(crystal, "pbe", 22.5)
    assert ours["energy"] == pytest.approx(theirs["energy"], rel=1e-3)  # they end abruptly
    largest = np.abs(theirs["position"]).max()
    np.testing.assert_allclose(ours["position"], theirs["position"], atol=1e-3 * largest + 1e-12)
    if crystal.pbc.all():  # elsewhere the volume is a convention
        largest = np.abs(theirs["strain"]).max()
        np.testing.assert_allclose(ours["strain"][0], theirs["strain"], atol=5e-3 * largest)


@pytest.mark.parametrize("functional", ["pbe", "pbesol", "r2scan", "blyp"])
def test_of_a_molecule_it_is_the_same_to_all_digits(functional):
    positions = np.random.default_rng(0).uniform(0.0, 6.0, (6, 3))
    numbers = np.array([6, 1, 8, 14, 29, 55])
    molecule = Crystal(np.eye(3), positions, numbers, np.zeros(3, dtype=bool))
    ours, theirs = found(molecule, functional=functional), expected(molecule, functional, 20.0)
    assert ours["energy"] == pytest.approx(theirs["energy"], rel=1e-7)
    np.testing.assert_allclose(ours["position"], theirs["position"], atol=1e-7)


def test_what_has_no_parameters_is_told():
    with pytest.raises(ConfigError, match=r"no parameters of D3\(BJ\) for 'lda'"):
        D3(D3.Config(functional="lda"), 4, 5.0)
    heavy = Crystal(9.0 * np.eye(3), np.zeros((1, 3)), np.array([110]), np.ones(3, dtype=bool))
    with pytest.raises(GraphError, match="the term d3 has no references of Ds"):
        found(heavy)
