"""Matrices of rotations and couplings, against e3nn and against their definitions."""

import pytest
import torch
from e3nn import o3

from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.irreps import coupling, harmonic, name_of, product, rotation_matrix


def rotations(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randn(count, 3, 3, generator=generator)
    return list(torch.linalg.qr(drawn).Q)


IRREPS = [(degree, parity) for degree in range(5) for parity in (1, -1)]


@pytest.mark.parametrize("irrep", IRREPS, ids=name_of)
def test_rotations_are_those_of_e3nn(irrep):
    for rotation in rotations(20):
        expected = o3.Irrep(*irrep).D_from_matrix(rotation)
        torch.testing.assert_close(rotation_matrix(irrep, rotation), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("degree", range(5))
def test_harmonics_turn_by_them(degree):
    harmonics = SphericalHarmonics(degree)
    unit = torch.nn.functional.normalize(torch.randn(9, 3), dim=1)
    for rotation in rotations(20):
        turned = harmonics(unit @ rotation.T)[:, degree**2 :]
        matrix = rotation_matrix(harmonic(degree), rotation)
        expected = harmonics(unit)[:, degree**2 :] @ matrix.T
        torch.testing.assert_close(turned, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("a", "b"), [(0, 0), (1, 1), (2, 1), (3, 2)])
def test_couplings_turn_with_their_factors(a, b):
    rotation = rotations(1)[0]
    for degree, parity in product(harmonic(a), harmonic(b)):
        couple = coupling(a, b, degree)
        left, right = rotation_matrix(harmonic(a), rotation), rotation_matrix(harmonic(b), rotation)
        turned = torch.einsum("abc,ad,be->dec", couple, left, right)
        expected = couple @ rotation_matrix((degree, parity), rotation).T
        torch.testing.assert_close(turned, expected, rtol=0, atol=1e-12)
        assert float(couple.square().sum()) == pytest.approx(2 * degree + 1)
