"""Couplings of several equal factors: how many there are by e3nn, and that they turn."""

from itertools import product

import numpy as np
import pytest
import torch
from e3nn import o3

from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.irreps import harmonic, name_of, rotation_matrix
from xtalgraph.nn.equivariant.symmetric_products import monomials, symmetric_products

SYMMETRIES = {2: "ij=ji", 3: "ijk=jik=kji"}


@pytest.mark.parametrize(("degree", "order"), [(1, 2), (2, 2), (1, 3), (2, 3)])
def test_there_are_as_many_as_e3nn_finds(degree, order):
    factor = "+".join(f"1x{name_of(harmonic(n))}" for n in range(degree + 1))
    expected = o3.ReducedTensorProducts(SYMMETRIES[order], i=factor).irreps_out
    for irrep in product(range(3), (1, -1)):
        assert len(symmetric_products(degree, order, irrep)) == expected.count(o3.Irrep(*irrep))


@pytest.mark.parametrize(("degree", "order"), [(3, 2), (3, 3), (2, 4)])
def test_they_turn_as_they_say(degree, order):
    generator = np.random.default_rng(0)
    rotation = torch.linalg.qr(torch.from_numpy(generator.normal(size=(3, 3)))).Q
    factor = generator.normal(size=(degree + 1) ** 2)
    turn = torch.block_diag(
        *(rotation_matrix(harmonic(n), rotation) for n in range(degree + 1))
    ).numpy()

    def values(features: np.ndarray, irrep: tuple[int, int]) -> np.ndarray:
        products = [np.prod(features[list(m)]) for m in monomials(len(features), order)]
        return symmetric_products(degree, order, irrep) @ np.array(products)

    for irrep in ((0, 1), (1, -1), (2, 1), (1, 1)):
        expected = values(factor, irrep) @ rotation_matrix(irrep, rotation).numpy().T
        np.testing.assert_allclose(values(turn @ factor, irrep), expected, rtol=0, atol=1e-10)


def test_of_two_vectors_there_is_the_product_and_the_length():
    unit = torch.nn.functional.normalize(torch.randn(1, 3), dim=1)
    harmonics = SphericalHarmonics(1)(unit)[0].numpy()
    products = [np.prod(harmonics[list(m)]) for m in monomials(4, 2)]
    values = symmetric_products(1, 2, (0, 1)) @ np.array(products)
    np.testing.assert_allclose(np.abs(values.ravel()), [1.0, 3.0**0.5], rtol=1e-10)
