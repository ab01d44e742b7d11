"""Bonds by pymatgen against textbook coordination numbers."""

import numpy as np
import pytest

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.strategies import Bonded
from xtalgraph.testing.crystals import contract_crystals

FCC = 1 - np.eye(3)
DIAMOND = Crystal.from_fractional(1.784 * FCC, np.array([[0] * 3, [0.25] * 3]), np.array([6, 6]))
SALT = Crystal.from_fractional(2.82 * FCC, np.array([[0] * 3, [0.5] * 3]), np.array([11, 17]))
PEROVSKITE = contract_crystals()["cubic"]


@pytest.mark.parametrize(
    ("crystal", "degrees"),
    [(DIAMOND, [4, 4]), (SALT, [6, 6]), (PEROVSKITE, [12, 6, 6, 6, 6])],
    ids=["diamond", "rock salt", "perovskite"],
)
def test_coordination_by_crystalnn_is_the_textbook_one(crystal, degrees):
    assert np.bincount(Bonded().edges(crystal).center).tolist() == degrees


def test_voronoi_cells_of_bcc_and_fcc():
    bcc = Crystal(1.43 * (1 - 2 * np.eye(3)), np.zeros((1, 3)), np.array([26]), np.ones(3, bool))
    fcc = Crystal(1.805 * FCC, np.zeros((1, 3)), np.array([29]), np.ones(3, bool))
    assert len(Bonded("voronoi").edges(bcc)) == 14, "truncated octahedron: 8 hexagons, 6 squares"
    assert len(Bonded("voronoi").edges(fcc)) == 12, "rhombic dodecahedron"


@pytest.mark.parametrize("method", ["crystalnn", "voronoi"])
@pytest.mark.parametrize("name", ["cubic", "distorted", "triclinic", "left-handed"])
def test_bonds_go_both_ways_and_do_not_mind_atoms_outside_the_cell(method, name):
    crystal, strategy = contract_crystals()[name], Bonded(method)
    edges = strategy.edges(crystal)
    rows = np.column_stack([edges.center, edges.neighbor, edges.image]).tolist()
    back = np.column_stack([edges.neighbor, edges.center, -edges.image]).tolist()
    assert sorted(rows) == sorted(back) == rows
    images = np.random.default_rng(0).integers(-2, 3, (len(crystal), 3))
    moved = strategy.edges(transforms.shift_images(crystal, images))
    np.testing.assert_array_equal(moved.center, edges.center)
    np.testing.assert_allclose(np.sort(moved.distance), np.sort(edges.distance), atol=1e-9)
    shifted = images[moved.neighbor] - images[moved.center] + moved.image
    rows_back = np.column_stack([moved.center, moved.neighbor, shifted]).tolist()
    assert sorted(rows_back) == rows


def test_what_cannot_be_bonded_is_refused():
    with pytest.raises(GraphError, match="pbc in all directions"):
        Bonded().edges(contract_crystals()["slab"])
    with pytest.raises(GraphError, match=r"bond of NaCl is 2.820 Å long, and cutoff is 2 Å"):
        Bonded(cutoff=2.0).edges(SALT)
    with pytest.raises(ConfigError, match="smallest_face"):
        Bonded(smallest_face=1.0)
