"""Monomials and contractions against tensors written out in full."""

import numpy as np
import pytest
import torch

from xtalgraph.nn.cartesian import Invariants, Monomials, diagrams


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
