import csv
import gzip
import time
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from xtalgraph.crystals.checks import ISOLATED_LIMIT, OVERLAP_LIMIT, find_problem
from xtalgraph.crystals.cif import read_cif
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.reading import read_file
from xtalgraph.data.table import read_rows

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def cubic(edge: float, fractional: list[list[float]], numbers: list[int], pbc=(True, True, True)):
    cell = np.eye(3) * edge
    return Crystal.from_fractional(cell, np.array(fractional), np.array(numbers), pbc)


def test_a_good_crystal_passes():
    assert find_problem(cubic(4.1, [[0, 0, 0], [0.5, 0.5, 0.5]], [55, 17])) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e9])
def test_coordinates_that_are_not_finite(value):
    crystal = Crystal(
        np.eye(3) * 4.0,
        np.array([[0.0, 0, 0], [2.0, value, 2.0]]),
        np.array([11, 17]),
        np.ones(3, bool),
    )
    assert "site 1 (Cl) has coordinates that are not finite" in find_problem(crystal)


def test_a_cell_that_is_not_finite():
    cell = np.eye(3) * 4.0
    cell[1, 2] = np.nan
    crystal = Crystal(cell, np.zeros((1, 3)), np.array([11]), np.ones(3, bool))
    assert "cell holds a number that is not finite" in find_problem(crystal)


@pytest.mark.parametrize(
    ("cell", "pbc"),
    [
        (np.zeros((3, 3)), (True, True, True)),
        (np.array([[4.0, 0, 0], [0, 4.0, 0], [4.0, 4.0, 0]]), (True, True, True)),
        (np.array([[4.0, 0, 0], [0, 4.0, 0], [4.0, 4.0, 1e-5]]), (True, True, True)),
        (np.array([[4.0, 0, 0], [8.0, 0, 0], [0, 0, 9.0]]), (True, True, False)),
        (np.array([[0.0, 0, 0], [8.0, 0, 0], [0, 0, 9.0]]), (True, False, False)),
    ],
)
def test_cells_without_volume(cell, pbc):
    crystal = Crystal(cell, np.zeros((1, 3)), np.array([11]), np.array(pbc))
    assert "zero volume" in find_problem(crystal)


@pytest.mark.parametrize("number", [0, -1, 119])
def test_unknown_elements(number):
    problem = find_problem(cubic(4.0, [[0, 0, 0], [0.5, 0.5, 0.5]], [11, number]))
    assert problem == f"site 1 has the atomic number {number}, which is no element"


def test_no_atoms():
    empty = Crystal(np.eye(3), np.zeros((0, 3)), np.zeros(0, int), np.ones(3, bool))
    assert "no atoms" in find_problem(empty)


def test_overlaps_across_the_cell_wall_name_sites_and_distance():
    problem = find_problem(cubic(4.0, [[0.5, 0.5, 0.5], [0.01, 0, 0], [0.96, 0, 0]], [11, 8, 17]))
    assert "site 1 (O) and site 2 (Cl) are 0.200 Å apart" in problem


def test_overlap_with_an_own_image():
    cell = np.diag([0.4, 5.0, 5.0])
    problem = find_problem(Crystal(cell, np.zeros((1, 3)), np.array([8]), np.ones(3, bool)))
    assert "site 0 (O) and its own periodic image are 0.400 Å apart" in problem


def test_the_overlap_limit_is_a_limit():
    def pair(distance):
        return cubic(6.0, [[0, 0, 0], [distance / 6.0, 0, 0]], [1, 1])

    assert find_problem(pair(OVERLAP_LIMIT + 1e-6)) is None
    assert "overlap" in find_problem(pair(OVERLAP_LIMIT - 1e-6))


@pytest.mark.parametrize(("edge", "words"), [(1.3, "more than hydrogen"), (30.0, "most open")])
def test_absurd_densities(edge, words):
    sites = [[0, 0, 0], [0.5, 0.5, 0.5]]
    assert words in find_problem(cubic(edge, sites, [11, 17]))


def test_vacuum_is_fine_where_it_is_declared():
    water = [[0.5, 0.5, 0.5], [0.5 + 0.96 / 30, 0.5, 0.5], [0.5 - 0.24 / 30, 0.5 + 0.93 / 30, 0.5]]
    assert "absurd density" in find_problem(cubic(30.0, water, [8, 1, 1]))
    assert find_problem(cubic(30.0, water, [8, 1, 1], (False, False, False))) is None
    slab = np.diag([3.0, 3.0, 60.0])
    layer = Crystal(slab, np.zeros((1, 3)), np.array([29]), np.array([True, True, False]))
    assert find_problem(layer) is None


def test_molecules_need_no_cell():
    positions = np.array([[0.0, 0, 0], [0.74, 0, 0]])
    molecule = Crystal(np.zeros((3, 3)), positions, np.array([1, 1]), np.zeros(3, bool))
    assert find_problem(molecule) is None


def test_isolated_atoms():
    # The third atom of this chain of boxes is alone.
    crystal = cubic(
        20.0,
        [[0, 0, 0], [0.1, 0, 0], *[[0.05 * i, 0.1, 0] for i in range(9)], [0.5, 0.5, 0.5]],
        [1] * 11 + [54],
    )
    assert find_problem(crystal) == "isolated atom: site 11 (Xe) has no neighbour within 8 Å"
    assert find_problem(crystal, isolated=15.0) is None
    assert find_problem(crystal, isolated=np.inf) is None


def test_the_isolated_limit_is_a_limit():
    def box(edge):
        return Crystal(np.eye(3) * edge, np.zeros((1, 3)), np.array([55]), np.ones(3, bool))

    assert find_problem(box(ISOLATED_LIMIT - 1e-6)) is None
    assert "isolated" in find_problem(box(ISOLATED_LIMIT + 1e-6))


def test_a_free_atom_declared_as_such_passes():
    atom = Crystal(np.eye(3), np.zeros((1, 3)), np.array([29]), np.zeros(3, bool))
    assert find_problem(atom) is None


@pytest.mark.parametrize(
    "name",
    [
        "matbench_phonons.json.gz",
        "jarvis_multi.json.gz",
        "dielectric_tensors.json.gz",
        "elastic_tensors.json.gz",
        "carbon.csv.gz",
    ],
)
def test_real_tables_pass(name):
    if not (DATA / name).exists():
        pytest.skip("needs ../shared/data")
    for row in islice(read_rows(DATA / name), 600):
        assert row.reason is None, row


def test_real_potential_data_pass():
    paths = sorted(DATA.glob("potentials/*_test.extxyz"))
    if not paths:
        pytest.skip("needs ../shared/data")
    for path in paths:
        for entry in read_file(path):
            assert entry.reason is None
            assert find_problem(entry.crystal) is None


def test_a_check_is_cheap():
    path = DATA / "perovskites.csv.gz"
    if not path.exists():
        pytest.skip("needs ../shared/data")
    with gzip.open(path, "rt", newline="") as file:
        rows = csv.DictReader(file)
        crystals = [
            read_cif(row["cif"])[0].crystal for row, _ in zip(rows, range(200), strict=False)
        ]
    times = []
    for crystal in crystals:
        start = time.perf_counter()
        assert find_problem(crystal) is None
        times.append(time.perf_counter() - start)
    # 0.08 ms on a quiet machine; the type checks of the tests and other jobs cost the rest.
    assert np.median(times) < 1.5e-3


def test_thousands_of_atoms_on_one_place_are_found_without_a_list_of_pairs():
    rng = np.random.default_rng(0)
    positions = np.vstack([rng.uniform(0, 1e5, size=(5, 3)), np.full((200_000, 3), 7.1)])
    for pbc in (np.zeros(3, dtype=bool), np.ones(3, dtype=bool)):
        crystal = Crystal(500 * np.eye(3), positions, np.full(len(positions), 6), pbc)
        problem = find_problem(crystal)
        assert "overlapping atoms: site 5 (C) and site 6 (C) are 0.000 Å apart" in problem


def test_a_wire_that_repeats_after_nothing():
    wire = Crystal(
        np.diag([1e-9, 9, 9]), np.zeros((1, 3)), np.array([6]), np.array([True, False, False])
    )
    assert (
        find_problem(wire) == "overlapping atoms: the cell repeats after 1e-09 Å, less than 0.5 Å"
    )
