"""Orbits under the space group: closed forms, a plain orbit search, and the symmetry reduction."""

import numpy as np
import pytest
import spglib
from test_neighbors_oracle import prototypes
from test_reduction import DIAMOND, IDEAL, RUTILE, SALT

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals import transforms
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.asymmetric_unit import asymmetric_unit, find_space_group
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.neighbors import Edges, neighbors_within
from xtalgraph.graphs.reduction import atom_classes, merge_equivalent, merge_geometry
from xtalgraph.graphs.strategies import Hybrid, Radius, Strategy
from xtalgraph.testing.crystals import contract_crystals


@pytest.mark.parametrize(
    ("crystal", "number", "orbits"),
    [
        (SALT, 225, (2, 2 * 18, 4)),  # 6 and 12 neighbours of each ion
        (DIAMOND, 227, (1, 4 + 12 + 12 + 6 + 12, 5)),  # five shells, each of them one orbit
        # Sr: O12 Ti8 Sr6. Ti: O6 Sr8 Ti6. O: Ti2 Sr4 O8, and O6 along the axis to Ti or across.
        (IDEAL["perovskite"], 221, (3, 26 + 20 + 20, 3 + 3 + 5)),
    ],
    ids=["salt", "diamond", "perovskite"],
)
@pytest.mark.parametrize("repeats", [(1, 1, 1), (2, 1, 1)])
def test_orbits_of_known_crystals(crystal, number, orbits, repeats):
    large = transforms.supercell(crystal, repeats)
    group = find_space_group(large)
    unit = asymmetric_unit(group, neighbors_within(large, 4.0))
    assert group.number == number
    assert (unit.num_atoms, int(unit.kept.sum()), unit.num_edges) == orbits


def plain_orbits(crystal: Crystal, edges: Edges, symprec: float) -> list[frozenset]:
    """Orbits of edges by their ends in space: operations move points, which are looked up."""
    found = spglib.get_symmetry_dataset(
        (crystal.cell, crystal.fractional, crystal.numbers), symprec
    )
    place = crystal.fractional
    starts, ends = place[edges.center], place[edges.neighbor] + edges.image
    orbit = [{index} for index in range(len(edges))]
    for rotation, translation in zip(found.rotations, found.translations, strict=True):
        moved = [points @ rotation.T + translation for points in (starts, ends)]
        for index in range(len(edges)):
            first, last = (points[index] for points in moved)
            shift = first - starts  # must be a lattice translation, the same at both ends
            same = np.abs(shift - np.rint(shift)).max(axis=1) < 1e-3
            same &= np.abs(last - np.rint(shift) - ends).max(axis=1) < 1e-3
            (target,) = np.flatnonzero(same)
            orbit[index].add(int(target))
    return [frozenset(one) for one in orbit]


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
@pytest.mark.parametrize("cutoff", [2.5, 3.2])
def test_the_edge_orbits_are_those_of_points_in_space(cutoff):
    edges = neighbors_within(RUTILE, cutoff)
    unit = asymmetric_unit(find_space_group(RUTILE), edges)
    expected = plain_orbits(RUTILE, edges, 1e-4)
    for index, orbit in enumerate(expected):
        assert set(np.flatnonzero(unit.edge_orbit == unit.edge_orbit[index])) == orbit
    np.testing.assert_array_equal(unit.atom_orbit, [0, 0, 1, 1, 1, 1])


def assert_orbits_lie_in_classes(crystal: Crystal, strategy: Strategy, symprec: float) -> None:
    graph = build_graph(crystal, strategy)
    merged = merge_geometry(graph, 1e-3)
    arrays = (graph.center, graph.neighbor, graph.image, graph.distance)
    edges = Edges(*(array.numpy() for array in arrays))
    unit = asymmetric_unit(find_space_group(crystal, symprec), edges)
    kind = atom_classes(merged)
    assert len(set(zip(unit.atom_orbit, kind, strict=True))) == unit.num_atoms
    ends = kind[edges.center], kind[edges.neighbor], merged.distance.numpy()
    assert len(set(zip(unit.edge_orbit, *ends, strict=True))) == unit.num_edges
    reduced = merge_equivalent(merged)
    assert len(reduced.number) <= unit.num_atoms
    assert len(reduced.center) <= unit.num_edges <= unit.kept.sum() <= len(edges)


def idealised(crystal: Crystal) -> Crystal:
    """The primitive cell of a crystal, symmetric to the last digit."""
    cell = (crystal.cell, crystal.fractional, crystal.numbers)
    made = spglib.standardize_cell(cell, to_primitive=True, no_idealize=False, symprec=1e-3)
    return Crystal.from_fractional(*made)


@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
@pytest.mark.parametrize("strategy", [Radius(4.0), Hybrid()], ids=lambda s: s.name)
def test_orbits_of_prototypes_lie_in_our_classes(strategy):
    ideal = [idealised(crystal) for crystal in prototypes() if len(crystal) <= 24]
    assert len(ideal) > 200
    for crystal in ideal[::4]:
        assert_orbits_lie_in_classes(crystal, strategy, 1e-5)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING:DeprecationWarning")
@pytest.mark.parametrize("strategy", [Radius(4.0), Hybrid()], ids=lambda s: s.name)
def test_orbits_of_every_prototype_lie_in_our_classes(strategy):
    for crystal in prototypes():
        assert_orbits_lie_in_classes(idealised(crystal), strategy, 1e-5)


def test_a_graph_that_breaks_the_symmetry_has_orbits_of_what_is_there():
    edges = neighbors_within(SALT, 3.0)
    some = edges.select(np.arange(len(edges)) % 7 > 0)
    unit = asymmetric_unit(find_space_group(SALT), some)
    assert len(unit.edge_orbit) == len(some)
    assert unit.num_edges == 2
    none = asymmetric_unit(find_space_group(SALT), edges.select(np.zeros(len(edges), dtype=bool)))
    assert (none.num_atoms, none.num_edges) == (2, 0)


def test_what_has_no_space_group_says_why():
    with pytest.raises(GraphError, match="pbc in all directions"):
        find_space_group(contract_crystals()["slab"])
    with pytest.raises(ConfigError, match="symprec must be larger than 0"):
        find_space_group(SALT, 0.0)
    twice = Crystal.from_fractional(4 * np.eye(3), np.full((2, 3), 0.5), np.array([6, 6]))
    with pytest.raises(GraphError, match="no space group for C2 at symprec"):
        find_space_group(twice)
