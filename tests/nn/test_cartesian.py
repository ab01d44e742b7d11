"""Monomials, rows of neighbors and contractions against tensors written out in full."""

import numpy as np
import pytest
import torch

from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.nn.cartesian import Invariants, Monomials, Neighborhoods, diagrams
from xtalgraph.testing.crystals import contract_crystals


def full(vectors: np.ndarray, degree: int) -> np.ndarray:
    """Σ v ⊗ v ⊗ …, `degree` times."""
    letters = "abcde"[:degree]
    factors = ",".join(f"i{letter}" for letter in letters)
    if degree == 0:
        return np.array(float(len(vectors)))
    return np.einsum(f"{factors}->{letters}", *[vectors] * degree)


def entries(vectors: np.ndarray, degree: int) -> torch.Tensor:
    return Monomials(degree)(torch.from_numpy(vectors)).sum(dim=0).unsqueeze(-1)


@pytest.fixture
def vectors() -> np.ndarray:
    drawn = np.random.default_rng(0).normal(size=(7, 3))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def test_monomials_are_the_entries_of_the_tensor_product(vectors):
    x, y, z = vectors[0]
    expected = [1, x, y, z, x * x, x * y, x * z, y * y, y * z, z * z]
    np.testing.assert_allclose(Monomials(2)(torch.from_numpy(vectors))[0], expected, rtol=1e-14)


def test_contractions_are_those_of_the_full_tensors(vectors):
    n, v, m, t = (full(vectors, degree) for degree in range(4))
    expected = {
        1: [n],
        2: [v @ v, np.sum(m * m), np.sum(t * t)],
        3: [v @ m @ v, np.einsum("abc,ab,c", t, m, v), np.trace(m @ m @ m)],
        4: [v @ m @ m @ v, np.einsum("abc,a,b,c", t, v, v, v)],
    }
    for factors in (1, 2, 3, 4):
        invariants = Invariants(3, factors)(entries(vectors, 3)).squeeze(-1).numpy()
        known = np.concatenate([expected[count] for count in range(1, factors + 1)])
        np.testing.assert_allclose(np.sort(invariants), np.sort(known), rtol=1e-12)


def test_each_way_to_link_factors_comes_once():
    assert diagrams(2, 3) == [(1,), (2,), (3,)]
    assert len(diagrams(4, 3)) == 2, "a chain and a star"
    assert len(diagrams(4, 4)) == 2 + 5, "one pair doubled in 3 ways, the ring, the tailed triangle"


def test_contractions_do_not_turn(vectors):
    rotation, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    invariants = Invariants(4, 4)
    torch.testing.assert_close(
        invariants(entries(vectors @ rotation, 4)),
        invariants(entries(vectors, 4)),
        rtol=1e-10,
        atol=0,
    )


@pytest.mark.parametrize("ordered", [True, False])
def test_rows_hold_each_edge_once(ordered):
    graph = build_graph(list(contract_crystals().values()), Radius(4.0))
    if not ordered:
        order = torch.randperm(len(graph.center), generator=torch.Generator().manual_seed(0))
        graph = graph.replace(
            center=graph.center[order], neighbor=graph.neighbor[order], image=graph.image[order]
        )
    around = Neighborhoods.of(graph, 4.0)
    atoms, places = around.shape
    filled = (torch.arange(places) < graph.degree.unsqueeze(-1)).flatten()
    np.testing.assert_array_equal(around.vector[~filled].norm(dim=-1), 4.0)

    def rows(center: torch.Tensor, neighbor: torch.Tensor, vector: torch.Tensor) -> np.ndarray:
        table = torch.cat([center[:, None], neighbor[:, None], vector], dim=1).numpy()
        return table[np.lexsort(table.T[::-1])]

    center = torch.arange(atoms).repeat_interleave(places)[filled]
    neighbor = around.neighbor[filled]
    np.testing.assert_array_equal(
        rows(center, neighbor, around.vector[filled]),
        rows(graph.center, graph.neighbor, graph.vector),
    )
