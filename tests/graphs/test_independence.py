"""Real crystals have one graph, however their cell is chosen and their atoms are ordered."""

import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xtalgraph.crystals import transforms
from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.convert import from_pymatgen, from_pymatgen_dict, to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import Edges, neighbors_within
from xtalgraph.graphs.strategies import Hybrid, KNearest, KNearestStrict, Radius, Strategy

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SETS = ("perovskites", "phonons", "carbon")
CLEAR = 1e-6
"""No pair is this near to the cutoff or to the end of its shell, Å."""
CHANGES = ("permutation", "unimodular", "niggli", "supercell", "rotation")


def real_crystals(name: str, count: int) -> list[Crystal]:
    """Crystals spread evenly over one of the sets."""
    path = DATA / {"phonons": "matbench_phonons.json.gz"}.get(name, f"{name}.csv.gz")
    if not path.is_file():
        pytest.skip("needs ../shared/data")
    if name == "phonons":
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = [row[0] for row in json.load(file)["data"]]
        return [from_pymatgen_dict(row) for row in rows[:: len(rows) // count][:count]]
    texts = pd.read_csv(path)["cif"].tolist()
    found = [read_cif(text)[0].crystal for text in texts[:: len(texts) // count][:count]]
    return [crystal for crystal in found if crystal is not None]


def clear_strategies(crystal: Crystal) -> list[Strategy]:
    """Radius near 5 Å, 12 nearest, 12 within 8 Å, with no pair on the edge of being in or out."""
    near = neighbors_within(crystal, 5.1).distance
    cutoffs = 5.0 + 1e-4 * np.arange(900)
    cutoff = next(float(c) for c in cutoffs if np.abs(near - c).min() > CLEAR)
    wide = neighbors_within(crystal, 8.0)
    kth = np.array([np.sort(wide.distance[wide.center == i])[11] for i in range(len(crystal))])
    beyond = wide.distance - kth[wide.center]
    tolerances = 1e-3 + 1e-5 * np.arange(100)
    tolerance = next(float(t) for t in tolerances if np.abs(beyond - t).min() > CLEAR)
    return [
        Radius(cutoff),
        KNearest(shell_tolerance=tolerance),
        Hybrid(shell_tolerance=tolerance),
    ]


def changed(crystal: Crystal, how: str, rng: np.random.Generator) -> tuple[Crystal, np.ndarray]:
    """The same crystal in another description, and the old atom that each new one is."""
    atoms = np.arange(len(crystal))
    if how == "permutation":
        order = rng.permutation(len(crystal))
        return transforms.permute(crystal, order), order
    if how == "unimodular":
        matrix = np.eye(3, dtype=int)
        for _ in range(4):
            i, j = rng.choice(3, 2, replace=False)
            matrix[i] += rng.choice([-1, 1]) * matrix[j]
        images = rng.integers(-2, 3, (len(crystal), 3))
        return transforms.shift_images(transforms.change_basis(crystal, matrix), images), atoms
    if how == "niggli":
        return from_pymatgen(to_pymatgen(crystal).get_reduced_structure("niggli")), atoms
    if how == "supercell":
        return transforms.supercell(crystal, (2, 1, 1)), np.tile(atoms, 2)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    return transforms.rotate(crystal, turn), atoms


def sorted_edges(edges: Edges, old: np.ndarray, copies: int) -> tuple[np.ndarray, np.ndarray]:
    """Old (center, neighbor) and distance of every edge, in one order, each repeated."""
    center, neighbor = old[edges.center], old[edges.neighbor]
    order = np.lexsort((edges.distance, neighbor, center))
    ends = np.column_stack([center, neighbor])[order]
    return np.repeat(ends, copies, axis=0), np.repeat(edges.distance[order], copies)


def assert_same_graph(crystal: Crystal, strategy: Strategy, other: Crystal, old: np.ndarray):
    """Every atom has the same neighbours at the same distances, in every copy of it."""
    edges, found = strategy.edges(crystal), strategy.edges(other)
    copies = len(other) // len(crystal)
    ends, lengths = sorted_edges(edges, np.arange(len(crystal)), copies)
    found_ends, found_lengths = sorted_edges(found, old, 1)
    np.testing.assert_array_equal(found_ends, ends)
    np.testing.assert_allclose(found_lengths, lengths, rtol=0, atol=1e-8)
    degree = np.bincount(edges.center, minlength=len(crystal))
    np.testing.assert_array_equal(np.bincount(found.center, minlength=len(other)), degree[old])


def check(name: str, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for crystal in real_crystals(name, count):
        for strategy in clear_strategies(crystal):
            for how in CHANGES:
                assert_same_graph(crystal, strategy, *changed(crystal, how, rng))


@pytest.mark.parametrize("name", SETS)
def test_fifteen_crystals_of_each_set(name):
    check(name, 15, seed=0)


@pytest.mark.long
@pytest.mark.parametrize("name", SETS)
def test_two_hundred_crystals_of_each_set(name):
    check(name, 200, seed=1)


def kinds_and_distances(crystal: Crystal, strategy: Strategy) -> list[tuple[int, int, float]]:
    """What the first layer of a model sees, whatever the atoms are called."""
    edges = strategy.edges(crystal)
    center, neighbor = crystal.numbers[edges.center], crystal.numbers[edges.neighbor]
    distance = edges.distance.round(6)
    return sorted(zip(center.tolist(), neighbor.tolist(), distance.tolist(), strict=True))


def test_the_strict_cut_of_a_real_crystal_depends_on_the_order_of_its_atoms():
    found = real_crystals("phonons", 1265)
    crystal = next(c for c in found if c.formula == "BaZrO3")  # cubic BaZrO3
    turned = transforms.permute(crystal, np.arange(len(crystal))[::-1])
    for strategy in (Radius(5.0), KNearest(), Hybrid()):
        assert kinds_and_distances(turned, strategy) == kinds_and_distances(crystal, strategy)
    strict = KNearestStrict()
    assert kinds_and_distances(turned, strict) != kinds_and_distances(crystal, strict)


@pytest.mark.long
def test_in_a_twentieth_of_the_phonon_crystals_the_first_layer_sees_the_order_in_the_file():
    changes = 0
    for crystal in real_crystals("phonons", 1265):
        turned = transforms.permute(crystal, np.arange(len(crystal))[::-1])
        graphs = [kinds_and_distances(c, KNearestStrict()) for c in (crystal, turned)]
        changes += graphs[0] != graphs[1]
    assert changes == 54
