"""k nearest neighbours: whole shells however far, and the strict cut that depends on order."""

import numpy as np
import pytest

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.strategies import Hybrid, KNearest, KNearestStrict
from xtalgraph.testing.crystals import contract_crystals

PEROVSKITE = contract_crystals()["cubic"]
LINE = np.array([[0.0, 0, 0], [1, 0, 0], [3, 0, 0], [6, 0, 0]])


def molecule(positions: np.ndarray) -> Crystal:
    return Crystal(np.eye(3), positions, np.full(len(positions), 6), np.zeros(3, bool))


@pytest.mark.parametrize("k", [1, 4, 12, 13, 40, 100])
@pytest.mark.parametrize("name", sorted(set(contract_crystals()) - {"no edges"}))
def test_knn_is_the_hybrid_of_an_ample_cutoff(name, k):
    crystal = contract_crystals()[name]
    near = KNearest(max_neighbors=k, cutoff=80.0).edges(crystal)
    wide = Hybrid(max_neighbors=k, cutoff=1.05 * near.distance.max()).edges(crystal)
    np.testing.assert_array_equal(near.image, wide.image)
    np.testing.assert_array_equal(near.neighbor, wide.neighbor)
    assert np.bincount(near.center).min() >= k


def test_a_lone_atom_in_a_wide_cell_sees_its_images():
    edges = KNearest(max_neighbors=6, cutoff=45.0).edges(contract_crystals()["no edges"])
    np.testing.assert_allclose(edges.distance, [40.0] * 6)


def test_a_molecule_gives_all_there_are():
    assert len(KNearest(max_neighbors=12).edges(molecule(LINE))) == 12
    assert len(KNearest(max_neighbors=3).edges(molecule(LINE))) == 12
    assert len(KNearest(max_neighbors=1).edges(molecule(LINE))) == 4
    assert len(KNearest().edges(molecule(LINE[:1]))) == 0


def test_a_shell_of_the_cutoffs_length_is_whole_or_refused():
    simple = Crystal(3.0 * np.eye(3), np.zeros((1, 3)), np.array([84]), np.ones(3, bool))
    assert len(KNearest(max_neighbors=4, cutoff=3.0005).edges(simple)) == 6
    x = (3.0003**2 + 3.0**2 - 2.9**2) / 6  # 3.0003 Å from the first, 2.9 Å from the second
    bent = molecule(np.array([[0.0, 0, 0], [3.0, 0, 0], [x, np.sqrt(3.0003**2 - x**2), 0]]))
    assert len(KNearest(max_neighbors=1, cutoff=3.0005).edges(bent)) == 4
    with pytest.raises(
        GraphError, match=r"shell of the 1 nearest neighbours in C3 ends at 3\.0003"
    ):
        KNearest(max_neighbors=1, cutoff=3.0002).edges(bent)


def test_an_edge_beyond_the_cutoff_is_refused_and_explained():
    with pytest.raises(GraphError, match=r"atom 0 of C4 has 2 .*raise cutoff"):
        KNearest(max_neighbors=3, cutoff=5.5).edges(molecule(LINE))
    with pytest.raises(GraphError, match="within 12 Å"):
        KNearest().edges(contract_crystals()["no edges"])


def test_the_strict_cut_keeps_k_and_prefers_the_first_in_the_file():
    edges = KNearestStrict().edges(PEROVSKITE)
    assert np.bincount(edges.center).tolist() == [12] * 5
    near_oxygen = edges.neighbor[(edges.center == 2) & (edges.distance > 2.0)]
    assert sorted(near_oxygen.tolist())[:4] == [0, 0, 0, 0], "all of Sr, which stands first"
    last = transforms.permute(PEROVSKITE, np.array([4, 3, 2, 1, 0]))
    edges = KNearestStrict().edges(last)
    near_oxygen = edges.neighbor[(edges.center == 2) & (edges.distance > 2.0)]
    assert near_oxygen.tolist().count(4) == 2, "two of Sr, which stands last"


def test_the_strict_cut_takes_fewer_where_there_are_fewer():
    assert len(KNearestStrict(cutoff=2.5).edges(molecule(LINE))) == 4


@pytest.mark.parametrize("strategy", [KNearest, KNearestStrict])
def test_settings_of_nearest_are_checked(strategy):
    with pytest.raises(ConfigError, match="cutoff must be larger than 0 Å"):
        strategy(cutoff=0.0)
    with pytest.raises(ConfigError, match="max_neighbors must be at least 1, got 0"):
        strategy(max_neighbors=0)
    assert not strategy.continuous
