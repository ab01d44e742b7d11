"""The neighbour search against all pairs of all images, on random cells and on every prototype."""

import gzip
import json
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from xtalgraph.crystals.convert import from_pymatgen_dict
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within

KINDS = ("one atom", "10 degrees", "170 degrees", "1:100", "left-handed", "outside", "any")
MASKS = list(product([True, False], repeat=3))
CLEAR = 1e-7
"""No pair is this near to a cutoff, Å, so that rounding decides nothing."""


def all_pairs(crystal: Crystal, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Rows (center, neighbor, image) and distances of all pairs up to a reach, by trying all.

    Along lattice vector k, fractional coordinates that differ by f are |f| h_k apart at least,
    with h_k the height of the cell, so that |n + f_j − f_i| h_k ≤ reach bounds the image n.
    """
    inverse = np.linalg.inv(crystal.cell)
    heights = 1 / np.sqrt((inverse**2).sum(axis=0))
    span = np.ptp(crystal.positions @ inverse, axis=0)
    last = np.where(crystal.pbc, np.floor(reach / heights + span + 1e-9), 0).astype(int)
    images = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in last), indexing="ij"), -1)
    images = images.reshape(-1, 3)
    shifts = images @ crystal.cell
    rows, lengths = [], []
    for i, here in enumerate(crystal.positions):
        away = (crystal.positions - here)[:, None, :] + shifts[None, :, :]
        length = np.sqrt(np.einsum("jnx,jnx->jn", away, away))
        near = length <= reach
        near[i] &= images.any(axis=1)
        j, n = np.nonzero(near)
        rows.append(np.column_stack([np.full(len(j), i), j, images[n]]))
        lengths.append(length[near])
    return np.concatenate(rows), np.concatenate(lengths)


def assert_same_as_all_pairs(crystal: Crystal, cutoff: float) -> int:
    """Compare at the cutoff, or at the first clear of pairs above it; return the pairs."""
    rows, lengths = all_pairs(crystal, cutoff + 1e-3)
    steps = cutoff + np.arange(500) * 2e-6
    close = lengths[np.abs(lengths - cutoff) < 1.1e-3]
    clear = np.abs(close[None] - steps[:, None]).min(axis=1, initial=np.inf) > CLEAR
    cutoff = float(steps[np.argmax(clear)])
    assert clear.any()
    rows, lengths = rows[lengths <= cutoff], lengths[lengths <= cutoff]
    order = np.lexsort(rows.T[::-1])
    edges = neighbors_within(crystal, cutoff)
    found = np.column_stack([edges.center, edges.neighbor, edges.image])
    np.testing.assert_array_equal(found, rows[order])
    np.testing.assert_allclose(edges.distance, lengths[order], rtol=0, atol=1e-9)
    return len(rows)


def random_crystal(seed: int) -> tuple[Crystal, float]:
    """A crystal of the kind that the seed names, and a cutoff of up to five times its cell."""
    rng = np.random.default_rng(seed)
    kind, pbc = KINDS[seed % len(KINDS)], MASKS[seed // len(KINDS) % len(MASKS)]
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    count = 1 if kind == "one atom" else int(rng.integers(2, 6))
    if "degrees" in kind:
        angle = np.deg2rad(float(kind.split()[0]))
        a, b, c = rng.uniform(3, 6, 3)
        cell = np.array([[a, 0, 0], [b * np.cos(angle), b * np.sin(angle), 0], [0.4, 0.3, c]])
        cell = cell[rng.permutation(3)]
    elif kind == "1:100":
        cell = np.diag(rng.permutation([0.4, rng.uniform(0.4, 40.0), 40.0]))
    else:
        cell = rng.uniform(2, 6) * (np.eye(3) + rng.uniform(-0.45, 0.45, (3, 3)))
    if (np.linalg.det(cell) < 0) != (kind == "left-handed"):
        cell = cell[[1, 0, 2]]
    low, high = (-4.0, 4.0) if kind == "outside" else (0.0, 1.0)
    fractional = rng.uniform(low, high, (count, 3))
    crystal = Crystal.from_fractional(cell @ turn, fractional, np.full(count, 6), pbc)
    # Wires in boxes of 100 cutoffs by 30 are right too, and take the search seconds each.
    smallest = 0.5 if kind == "1:100" else -0.5
    cutoff = np.linalg.norm(cell, axis=1).min() * 5 ** rng.uniform(smallest, 1)
    affordable = np.cbrt(20_000 * crystal.volume / (4 * count**2))  # about so many pairs
    return crystal, float(min(cutoff, affordable))


def test_the_random_cells_are_of_the_kinds_that_they_name():
    for seed in range(56):
        crystal, _ = random_crystal(seed)
        assert (np.linalg.det(crystal.cell) < 0) == (KINDS[seed % 7] == "left-handed")
    assert {tuple(random_crystal(seed)[0].pbc.tolist()) for seed in range(56)} == set(MASKS)


@pytest.mark.parametrize("block", range(8))
def test_random_cells(block):
    pairs = 0
    for seed in range(56 * block, 56 * (block + 1)):
        pairs += assert_same_as_all_pairs(*random_crystal(seed))
    assert pairs > 56


@pytest.mark.long
@pytest.mark.parametrize("block", range(20))
def test_ten_thousand_random_cells(block):
    for seed in range(1000 + 500 * block, 1000 + 500 * (block + 1)):
        assert_same_as_all_pairs(*random_crystal(seed))


@pytest.mark.parametrize("times", [1, 2, 3, 5])
@pytest.mark.parametrize("pbc", MASKS)
def test_a_cutoff_of_several_cells(times, pbc):
    cell = 2.5 * (np.eye(3) + 0.3 * np.random.default_rng(times).normal(size=(3, 3)))
    crystal = Crystal.from_fractional(cell, np.array([[0.1, 0.2, 0.3]]), np.array([6]), pbc)
    pairs = assert_same_as_all_pairs(crystal, times * float(np.linalg.norm(cell, axis=1).max()))
    assert pairs > 0 or not any(pbc)


def prototypes() -> list[Crystal]:
    """Every AFLOW prototype that pymatgen carries."""
    spec = find_spec("pymatgen")  # a namespace: pymatgen-core has no prototypes, pymatgen has
    roots = [Path(root) for root in spec.submodule_search_locations or ()] if spec else []
    paths = [root / "analysis" / "prototypes" / "aflow_prototypes.json.gz" for root in roots]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        pytest.skip("needs the prototypes of pymatgen: pip install pymatgen")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        entries = json.load(file)
    return [from_pymatgen_dict(entry["snl"]) for entry in entries]


def test_some_prototypes():
    found = prototypes()
    for crystal in found[:: len(found) // 20]:
        assert assert_same_as_all_pairs(crystal, 5.0) > 0


@pytest.mark.long
@pytest.mark.parametrize("cutoff", [3.0, 5.0, 8.0])
def test_every_prototype(cutoff):
    found = prototypes()
    assert len(found) >= 288
    for crystal in found:
        assert_same_as_all_pairs(crystal, cutoff)
