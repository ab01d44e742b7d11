"""Effective coordination numbers against pymatgen's, folded against full, and their derivatives."""

import math

import numpy as np
import pytest
import torch
from pymatgen.analysis.local_env import EconNN
from pymatgen.core import Lattice, Structure

from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.reduction import merge_equivalent, merge_geometry
from xtalgraph.graphs.strategies import Hybrid, Radius
from xtalgraph.nn.coordination import effective_coordination
from xtalgraph.testing.crystals import contract_crystals

CUTOFF = 8.0
HALF = [0.5] * 3
STRUCTURES = {
    "NaCl": ("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], HALF]),
    "CsCl": ("Pm-3m", Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], HALF]),
    "diamond": ("Fd-3m", Lattice.cubic(3.567), ["C"], [[0, 0, 0]]),
    "bcc": ("Im-3m", Lattice.cubic(2.87), ["Fe"], [[0, 0, 0]]),
    "fcc": ("Fm-3m", Lattice.cubic(3.61), ["Cu"], [[0, 0, 0]]),
    "rutile": (
        "P4_2/mnm",
        Lattice.tetragonal(4.594, 2.959),
        ["Ti", "O"],
        [[0, 0, 0], [0.305, 0.305, 0]],
    ),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_it_is_that_of_pymatgen(name):
    structure = Structure.from_spacegroup(*STRUCTURES[name])
    graph = build_graph(from_pymatgen(structure), Radius(CUTOFF))
    found = effective_coordination(graph, CUTOFF)
    for site in range(len(structure)):
        theirs = EconNN(tol=0.0, cutoff=CUTOFF).get_nn_info(structure, site)
        # theirs stops once the mean bond moves by less than 1e-3 Å, and has no envelope
        expected = sum(neighbor["weight"] for neighbor in theirs)
        assert float(found[site]) == pytest.approx(expected, abs=5e-4)


def test_textbook_numbers():
    for name, expected in {"NaCl": 6, "diamond": 4, "fcc": 12, "rutile": 6}.items():
        structure = Structure.from_spacegroup(*STRUCTURES[name])
        graph = build_graph(from_pymatgen(structure), Radius(CUTOFF))
        assert float(effective_coordination(graph, CUTOFF)[0]) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("strategy", [Radius(6.0), Hybrid()], ids=["radius", "hybrid"])
def test_folded_is_full(strategy):
    full = merge_geometry(build_graph(list(contract_crystals().values()), strategy), 1e-3)
    reduced = merge_equivalent(full)

    def total(graph: Graph) -> torch.Tensor:
        values = effective_coordination(graph, strategy.cutoff) * graph.atom_multiplicity
        zeros = torch.zeros(len(graph), dtype=torch.float64)
        return zeros.index_add(0, graph.crystal_of_atom, values)

    assert len(reduced.number) < len(full.number)
    torch.testing.assert_close(total(reduced), total(full), rtol=1e-12, atol=1e-12)


def pair(distance: float) -> Crystal:
    positions = np.array([[0.0, 0.0, 0.0], [distance, 0.0, 0.0]])
    return Crystal(99.0 * np.eye(3), positions, np.array([11, 17]), np.zeros(3, bool))


def test_a_neighbour_leaves_through_the_cutoff_smoothly():
    values = [
        float(effective_coordination(build_graph(pair(d), Radius(5.0)), 5.0)[0])
        for d in (2.5, 4.999, 5.0, 5.1)
    ]
    assert values[0] == pytest.approx(1, abs=1e-4)
    assert 0 < values[1] < 1e-5
    assert values[2:] == pytest.approx([0, 0], abs=1e-12)


def test_one_neighbour_farther_counts_by_the_formula():
    positions = np.array([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [-2.6, 0.0, 0.0]])
    crystal = Crystal(99.0 * np.eye(3), positions, np.array([8, 1, 1]), np.zeros(3, bool))
    found = float(effective_coordination(build_graph(crystal, Radius(9.0)), 9.0)[0])
    bond = 2.0
    for _ in range(200):
        near, far = math.exp(1 - (2.0 / bond) ** 6), math.exp(1 - (2.6 / bond) ** 6)
        bond = (near * 2.0 + far * 2.6) / (near + far)
    assert found == pytest.approx(near + far, abs=1e-4)


@pytest.mark.parametrize("shaken", [0.0, 0.03], ids=["equal neighbours", "shaken"])
def test_two_derivatives(shaken):
    graph = merge_geometry(build_graph(contract_crystals()["cubic"], Radius(3.2)), 1e-9)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(graph.center), generator=generator, dtype=torch.float64)
    distance = (graph.distance + shaken * noise).requires_grad_()
    direction = torch.linspace(-1, 1, len(distance), dtype=torch.float64)

    def total(d: torch.Tensor) -> torch.Tensor:
        return effective_coordination(graph.replace(distance=d), 3.2).sum()

    def along(t: torch.Tensor) -> torch.Tensor:
        return total(distance.detach() + t * direction)

    assert torch.autograd.gradcheck(total, distance)
    assert torch.autograd.gradgradcheck(along, torch.zeros(1).double().requires_grad_())
