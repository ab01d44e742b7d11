"""Types and orders of textbook bonds, their derivatives, folded against full."""

import math
import warnings

import numpy as np
import pytest
import torch
from pymatgen.core import Element, Lattice, Structure

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import merge_equivalent, merge_geometry
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.bond_features import (
    NOT_METALS,
    BondFeatures,
    bond_character,
    bond_classes,
    bond_order,
    bond_order_sum,
    bond_types,
)
from xtalgraph.testing.crystals import contract_crystals

TYPES = {
    "Na-Cl": "ionic",
    "Cs-F": "ionic",
    "Mg-O": "ionic",
    "Ti-O": "ionic",
    "C-C": "covalent",
    "Si-O": "covalent",  # Pauling gives it 45 % of ionic character
    "Si-Si": "covalent",
    "Ga-As": "covalent",
    "Zn-S": "covalent",
    "C-O": "covalent",
    "C-H": "covalent",
    "Cu-Cu": "metallic",
    "Fe-Al": "metallic",
    "Cu-Zn": "metallic",
    "He-C": "unknown",
    "Yb-O": "unknown",
}
ORDERS = {  # lengths in Å and classes as in textbooks
    ("C-C", 1.545): "single",  # diamond
    ("C-C", 1.535): "single",  # ethane
    ("C-C", 1.339): "double",  # ethylene
    ("C-C", 1.203): "triple",  # acetylene
    ("C-O", 1.160): "double",  # carbon dioxide
    ("C-O", 1.43): "single",  # methanol
    ("C-O", 1.128): "double",  # carbon monoxide is not told from a double bond
    ("N-N", 1.098): "triple",
    ("N-N", 1.25): "double",  # diazene
    ("N-N", 1.45): "single",  # hydrazine
    ("C-N", 1.158): "triple",  # acetonitrile
    ("C-H", 1.09): "single",
    ("H-H", 0.741): "single",
    ("Si-Si", 2.352): "single",
    ("S-O", 1.43): "double",  # sulfur dioxide
    ("Na-Cl", 2.82): "none",
    ("Cu-Cu", 2.556): "none",
    ("C-C", 2.52): "none",  # second neighbours in diamond
}


def pair(bond: str) -> tuple[torch.Tensor, torch.Tensor]:
    one, other = (torch.tensor([ATOMIC_NUMBERS[symbol]]) for symbol in bond.split("-"))
    return one, other


def order_of(bond: str, distance: float) -> float:
    return float(bond_order(*pair(bond), torch.tensor([distance], dtype=torch.float64)))


@pytest.mark.parametrize(("bond", "expected"), TYPES.items())
def test_types_of_textbook_bonds(bond, expected):
    one, other = pair(bond)
    assert bond_types(one, other) == [expected]
    assert bond_types(other, one) == [expected]


@pytest.mark.parametrize(("bond", "expected"), ORDERS.items(), ids=str)
def test_orders_of_textbook_bonds(bond, expected):
    order = bond_order(*pair(bond[0]), torch.tensor([bond[1]], dtype=torch.float64))
    assert bond_classes(order) == [expected]


def test_orders_in_numbers():
    assert order_of("C-C", 1.42) == pytest.approx(4 / 3, abs=0.04)  # graphite, by resonance
    assert order_of("C-C", 1.397) == pytest.approx(1.5, abs=0.1)  # benzene, by resonance
    assert order_of("C-C", 1.5) == pytest.approx(1, abs=1e-3)  # twice the single-bond radius
    assert order_of("C-C", 1.5 - 0.3 * math.log(2)) == pytest.approx(2, rel=2e-3)
    assert order_of("Cs-Cs", 1e-3) == pytest.approx(4, rel=1e-6)
    assert order_of("C-C", 60.0) == pytest.approx(0, abs=1e-50)


def test_the_ionic_part_is_that_of_pauling():
    one, other = pair("Na-Cl")
    chi = property_of("electronegativity")
    expected = 1 - math.exp(-((chi[17] - chi[11]) ** 2) / 4)
    assert float(bond_character(one, other)[0, 0]) == pytest.approx(expected)
    half = 2 * math.sqrt(math.log(2))
    assert 1 - math.exp(-(half**2) / 4) == pytest.approx(0.5)
    numbers = torch.arange(1, 119)
    every = torch.cartesian_prod(numbers, numbers)
    parts = bond_character(every[:, 0], every[:, 1])
    known = torch.from_numpy(np.isfinite(chi))[every].all(dim=1)
    torch.testing.assert_close(parts.sum(dim=1), known.double())
    assert float(parts.min()) >= 0


def test_metals_are_those_of_pymatgen():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {e.symbol for e in Element if not e.is_metal and e.Z <= 118}
    # pymatgen counts polonium, a simple cubic metal, and the heaviest elements as neither
    assert set(NOT_METALS) ^ (theirs - {"D", "T"}) <= {"Po", "Nh", "Fl", "Mc", "Lv"}


def test_features_are_symmetric_finite_and_say_what_is_missing():
    features = BondFeatures()
    one, other = torch.tensor([11, 6, 2, 29]), torch.tensor([17, 8, 6, 29])
    distance = torch.tensor([2.8, 1.2, 3.0, 2.55], dtype=torch.float64)
    found = features(one, other, distance)
    assert found.shape == (4, features.size)
    torch.testing.assert_close(found, features(other, one, distance))
    assert torch.isfinite(found).all()
    column = dict(zip(features.COLUMNS, found.T, strict=True))
    assert column["electronegativity unknown"].tolist() == [0, 0, 1, 0]
    assert not found[2, :5].any()
    assert column["mean electronegativity"][0].item() == pytest.approx((0.93 + 3.16) / 2)
    assert column["difference of electronegativity"][0].item() == pytest.approx(3.16 - 0.93)
    assert features(one, other, distance.float()).dtype == torch.float32


def test_two_derivatives_from_contact_to_infinity():
    one, other = torch.tensor([6, 6, 55, 11]), torch.tensor([6, 8, 55, 17])
    d = torch.tensor([1e-6, 1.2, 4.0, 9.0], dtype=torch.float64, requires_grad=True)
    features = BondFeatures()
    assert torch.autograd.gradcheck(lambda d: features(one, other, d), d)
    assert torch.autograd.gradgradcheck(lambda d: features(one, other, d), d)


def test_the_sum_of_orders_is_near_the_valence_of_covalent_crystals():
    diamond = Structure.from_spacegroup("Fd-3m", Lattice.cubic(3.567), ["C"], [[0, 0, 0]])
    graph = build_graph(from_pymatgen(diamond), Radius(5.0))
    valence = property_of("valence_electrons")[6]
    assert float(bond_order_sum(graph, 5.0)[0]) == pytest.approx(valence, abs=0.3)


def test_the_sum_of_orders_is_the_same_folded():
    full = merge_geometry(build_graph(list(contract_crystals().values()), Radius(5.0)), 1e-3)
    reduced = merge_equivalent(full)
    totals = []
    for graph in (full, reduced):
        values = bond_order_sum(graph, 5.0) * graph.atom_multiplicity
        zeros = torch.zeros(len(graph), dtype=torch.float64)
        totals.append(zeros.index_add(0, graph.crystal_of_atom, values))
    torch.testing.assert_close(totals[1], totals[0], rtol=1e-12, atol=1e-12)
