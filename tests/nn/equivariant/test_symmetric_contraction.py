"""The contraction against its couplings written out as full tensors."""

import numpy as np
import pytest
import torch

from xtalgraph.graphs.element_groups import ElementGroups
from xtalgraph.nn.equivariant.irreps import harmonic
from xtalgraph.nn.equivariant.symmetric_contraction import SymmetricContraction
from xtalgraph.nn.equivariant.symmetric_products import monomials, symmetric_products


@pytest.mark.parametrize("numbers", [[14, 14, 14], [8, 14, 8]], ids=["one", "two"])
@pytest.mark.parametrize(
    ("degree", "outputs", "correlation"),
    [
        (2, [(0, 1), (1, -1)], 3),
        (3, [(0, 1)], 2),
        (1, [(2, 1), (0, 1)], 4),
        (2, [(3, -1), (1, -1)], 2),
    ],
)
def test_it_is_the_weighted_sum_of_its_couplings(degree, outputs, correlation, numbers):
    torch.manual_seed(0)
    contraction = SymmetricContraction(degree, outputs, correlation, 4, 119)
    atoms = {harmonic(order): torch.randn(3, 2 * order + 1, 4) for order in range(degree + 1)}
    made = contraction(atoms, ElementGroups.of(torch.tensor(numbers)))
    features = torch.cat(list(atoms.values()), dim=1).numpy()
    for irrep, weight in zip(outputs, contraction.weights, strict=True):
        expected, start = np.zeros((3, 2 * irrep[0] + 1, 4)), 0
        for order in range(1, correlation + 1):
            table = symmetric_products(degree, order, irrep)
            products = np.stack(
                [np.prod(features[:, list(m)], axis=1) for m in monomials(len(features[0]), order)]
            )
            own = weight.detach().numpy()[numbers, start : start + len(table)]
            expected += np.einsum("kmq,qac,akc->amc", table, products, own)
            start += len(table)
        np.testing.assert_allclose(made[irrep].detach().numpy(), expected, rtol=0, atol=1e-11)


def test_a_component_shares_no_products_with_what_a_mirror_changes_otherwise():
    contraction = SymmetricContraction(2, [(0, 1), (1, -1)], 3, 1, 119)
    assert sorted(map(len, contraction.blocks)) == [1, 1, 1, 1]


def test_it_is_twice_differentiable():
    contraction = SymmetricContraction(1, [(0, 1), (1, -1)], 3, 2, 119)
    elements = ElementGroups.of(torch.tensor([6, 8]))
    start = [torch.randn(2, 2 * order + 1, 2, requires_grad=True) for order in range(2)]

    def values(*parts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        atoms = {harmonic(order): part for order, part in enumerate(parts)}
        return tuple(contraction(atoms, elements).values())

    assert torch.autograd.gradcheck(values, start)
    assert torch.autograd.gradgradcheck(values, start)
