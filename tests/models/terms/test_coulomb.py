"""Electrostatics against Madelung constants, pymatgen's sums, and sums over molecules by hand."""

import dataclasses

import numpy as np
import pytest
import torch
from pymatgen.analysis.ewald import EwaldSummation
from pymatgen.core import Structure

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.units import COULOMB
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.interaction import ewald
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.exchange.crystal import to_crystal
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.derivatives import derivatives, displaced
from xtalgraph.models.encoder import Features
from xtalgraph.models.terms.coulomb import Coulomb
from xtalgraph.testing.crystals import contract_crystals

FCC = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
SALT = {"charges": {"Na": 1.0, "Cl": -1.0}}
CHARGES = {"Na": 1.0, "Cl": -3.0, "O": 2.0, "Fe": 4.0, "S": -2.0, "Al": 3.0, "N": -2.0, "H": -1.0}
CHARGES |= {"Sr": 2.0, "Ti": 4.0, "Ba": 1.0, "Zr": 5.0}


def term(cutoff: float = 5.0, **settings) -> Coulomb:
    torch.manual_seed(0)
    return Coulomb(Coulomb.Config(**settings), 4, cutoff).double()


def energy(crystal: Crystal, cutoff: float = 5.0, **settings) -> float:
    return float(term(cutoff, **settings)(None, build_graph(crystal, Radius(cutoff))).sum())


@pytest.mark.parametrize(
    ("cell", "second", "nearest", "constant"),
    [
        (FCC, [0.5] * 3, 0.5, 1.747564594633),
        (np.eye(3), [0.5] * 3, 0.75**0.5, 1.762674773070),
        (FCC, [0.25] * 3, 0.1875**0.5, 1.638055053388),
    ],
    ids=["rock salt", "caesium chloride", "zincblende"],
)
def test_published_madelung_constants(cell, second, nearest, constant):
    sites = np.array([[0.0, 0.0, 0.0], second])
    crystal = Crystal.from_fractional(4.0 * cell, sites, np.array([11, 17]))
    found = -energy(crystal, **SALT) * 4.0 * nearest / COULOMB
    assert found == pytest.approx(constant, abs=1e-8)


@pytest.mark.parametrize("name", ["triclinic", "sheared", "left-handed"])
def test_it_is_that_of_pymatgen(name):
    crystal = contract_crystals()[name]
    charges = {"triclinic": (1, -3, 2), "sheared": (4, -2, -2), "left-handed": (3, -2, -1)}[name]
    structure = Structure(
        crystal.cell, crystal.numbers, crystal.positions, coords_are_cartesian=True
    )
    structure.add_site_property("charge", charges)
    structure.add_oxidation_state_by_site(charges)
    expected = EwaldSummation(structure, acc_factor=14.0).total_energy
    assert energy(crystal, charges=CHARGES) == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("name", ["triclinic", "sheared", "left-handed"])
def test_forces_and_stress_are_those_of_another_sum(name):
    crystal = contract_crystals()[name]
    at = displaced(build_graph(crystal, Radius(5.0)), "position", "strain")
    total = term(charges=CHARGES)(None, at.graph).sum().unsqueeze(0)
    found = derivatives(total, at, differentiable=False)
    charges = np.array([CHARGES[SYMBOLS[z]] for z in crystal.numbers])
    expected = ewald(crystal, charges, accuracy=1e-12)
    assert float(total.detach()) == pytest.approx(expected.energy, rel=1e-9)
    largest = np.abs(expected.forces).max()
    np.testing.assert_allclose(found["position"], expected.forces, atol=1e-8 * largest)
    np.testing.assert_allclose(
        found["strain"][0], expected.stress, atol=1e-8 * np.abs(expected.stress).max()
    )


def test_charges_of_atoms_may_differ_within_an_element():
    crystal = contract_crystals()["triclinic"]
    charges = np.array([CHARGES[SYMBOLS[z]] for z in crystal.numbers])
    by_element = dataclasses.replace(crystal, charges=charges)
    assert energy(by_element, charges="given") == energy(crystal, charges=CHARGES)
    salt = transforms.supercell(
        Crystal.from_fractional(5.64 * FCC, np.array([[0] * 3, [0.5] * 3]), np.array([11, 17])),
        (2, 1, 1),
    )
    charges = np.ones(4)
    charges[salt.numbers == 17] = -2.0, 0.0
    mixed = dataclasses.replace(salt, charges=charges)
    expected = ewald(mixed, mixed.charges, accuracy=1e-12).energy
    assert energy(mixed, charges="given") == pytest.approx(expected, rel=1e-9)
    both = build_graph([salt, mixed], Radius(4.0))
    np.testing.assert_array_equal(both.charge, [*[np.inf] * 4, *mixed.charges])
    np.testing.assert_array_equal(to_crystal(both.select([1])).charges, mixed.charges)
    with pytest.raises(GraphError, match="4 atoms have no charge: name the column of charges init"):
        energy(salt, charges="given")


@pytest.mark.parametrize("cutoff", [3.0, 4.5, 8.0])
def test_the_splitting_changes_nothing(cutoff):
    crystal = contract_crystals()["triclinic"]
    assert energy(crystal, cutoff, charges=CHARGES) == pytest.approx(
        energy(crystal, 6.0, charges=CHARGES), rel=1e-9
    )


def test_a_molecule_has_all_its_pairs():
    positions = np.array([[0.0, 0.0, 0.0], [0.0, 3.0, 4.0], [0.0, 0.0, 20.0]])
    molecule = Crystal(np.eye(3), positions, np.array([11, 17, 11]), np.zeros(3, dtype=bool))
    expected = COULOMB * (-1 / 5.0 + 1 / 20.0 - 1 / np.hypot(3.0, 16.0))
    assert energy(molecule, 4.0, **SALT) == pytest.approx(expected, rel=1e-12)


def test_a_mesh_gives_nearly_the_same():
    crystal = transforms.supercell(contract_crystals()["triclinic"], (2, 2, 2))
    exact = energy(crystal, charges=CHARGES)
    meshed = energy(crystal, charges=CHARGES, mesh_spacing=0.3)
    assert meshed == pytest.approx(exact, rel=1e-4)
    assert meshed != exact


@pytest.mark.parametrize("mesh_spacing", [None, 0.4], ids=["waves", "mesh"])
def test_learned_charges_are_neutral_and_learn_from_forces(mesh_spacing):
    crystals = [contract_crystals()[name] for name in ("triclinic", "sheared")]
    graph = build_graph(crystals, Radius(5.0))
    learned = term(mesh_spacing=mesh_spacing)
    features = Features(torch.randn(len(graph.number), 4, dtype=torch.float64))
    charges = learned.charges(features, graph)
    chi = np.array([0.93, 3.16, 3.44])  # the electronegativities of Na, Cl, O
    np.testing.assert_allclose(charges[:3].detach(), chi.mean() - chi, atol=1e-12)
    for part in charges.split(graph.num_atoms.tolist()):
        assert abs(float(part.sum().detach())) < 1e-12

    def loss() -> torch.Tensor:
        at = displaced(graph, "position")
        total = learned(features, at.graph).sum().unsqueeze(0)
        return derivatives(total, at, differentiable=True)["position"].square().sum()

    loss().backward()
    weight = learned.of_element.weight
    slope, step = float(weight.grad[11]), 1e-5
    with torch.no_grad():
        weight[11] += step
    above = float(loss().detach())
    with torch.no_grad():
        weight[11] -= 2 * step
    assert slope == pytest.approx((above - float(loss().detach())) / (2 * step), rel=1e-6)


def test_what_has_no_such_energy_is_told(caplog):
    with pytest.raises(GraphError, match=r"repeats in three directions, or of a molecule, .* in 2"):
        energy(contract_crystals()["slab"], charges={"C": 0.0, "N": 0.0, "B": 0.0})
    with pytest.raises(GraphError, match="has no charge of O: give one for each element"):
        energy(contract_crystals()["triclinic"], **SALT)
    empty = Crystal(150.0 * np.eye(3), np.zeros((1, 3)), np.array([11]), np.ones(3, dtype=bool))
    with pytest.raises(GraphError, match=r"waves and 1 atoms is too large: set model.terms.coul"):
        energy(empty, charges={"Na": 0.0})
    charged = {"charges": {"Na": 1.0, "Cl": -1.0, "O": 1.0}}
    energy(contract_crystals()["triclinic"], **charged)
    assert "NaClO add up to 1 e: a uniform background balances them" in caplog.text
