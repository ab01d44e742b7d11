"""The sums in blocks of atoms, against one contraction, and their derivatives."""

import pytest
import torch

from xtalgraph.nn.equivariant import neighbor_sum
from xtalgraph.nn.equivariant.neighbor_sum import Group, neighbor_sums, plain_sums

GROUPS = [
    Group(0, 0, 1, 0),
    Group(0, 1, 2, 2),
    Group(1, 0, 1, 6),
    Group(1, 1, 1, 9, scalar=True),
    Group(1, 1, 1, 12),
]
"""Of 2 channels of scalars, and of 3 of vectors."""


def factors(atoms: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    shapes = (atoms, 3, 3), (atoms, 3, 15), (atoms, 3, 1, 2), (atoms, 3, 3, 3)
    return [torch.randn(shape, requires_grad=True) for shape in shapes]


def with_constant(vectors: torch.Tensor) -> torch.Tensor:
    """Harmonics of degree 0 and 1."""
    return torch.cat([torch.ones_like(vectors[..., :1]), vectors], dim=-1)


def by_einsum(vectors, radial, *features) -> tuple[torch.Tensor, ...]:
    sums, harmonics = [], with_constant(vectors)
    for start, degree, paths, column, scalar in GROUPS:
        values = features[start]
        columns = radial[..., column : column + paths * values.shape[-1]]
        columns = columns.unflatten(2, (paths, -1))
        part = harmonics[..., degree**2 : (degree + 1) ** 2]
        product = "akn,akpc,aknc->apc" if scalar else "akm,akpc,aknc->ampnc"
        total = torch.einsum(product, part, columns, values)
        sums.append(total[:, None, :, None] if scalar else total)
    return tuple(sums)


def sums_of(vectors, radial, *features) -> tuple[torch.Tensor, ...]:
    return neighbor_sums(with_constant(vectors), radial, features, GROUPS)


@pytest.mark.parametrize("block", [1, 10**6], ids=["an atom at a time", "all at once"])
def test_values_and_both_derivatives_are_those_of_a_contraction(block, monkeypatch):
    monkeypatch.setattr(neighbor_sum, "_BLOCK", block)
    given = factors(4)
    results = []
    for function in (sums_of, by_einsum):
        sums = function(*given)
        first = torch.autograd.grad(
            sum(part.sin().sum() for part in sums), given, create_graph=True
        )
        second = torch.autograd.grad(sum(part.square().sum() for part in first), given)
        results.append((*sums, *first, *second))
    for made, expected in zip(*results, strict=True):
        torch.testing.assert_close(made, expected)


def test_they_are_twice_differentiable():
    given = factors(2)
    assert torch.autograd.gradcheck(sums_of, given)
    assert torch.autograd.gradgradcheck(sums_of, given)


def test_without_slots_the_sums_are_zero():
    given = [value[:, :0] for value in factors(2)]
    assert not any(bool(part.any()) for part in sums_of(*given))


def test_features_without_gradient_change_no_other_derivative():
    given = factors(4)
    fixed = [*given[:2], *(part.detach() for part in given[2:])]
    results = []
    for used in (given, fixed):
        first = torch.autograd.grad(
            sum(part.sin().sum() for part in sums_of(*used)), given[:2], create_graph=True
        )
        second = torch.autograd.grad(sum(part.square().sum() for part in first), given[:2])
        results.append((*first, *second))
    for whole, part in zip(*results, strict=True):
        torch.testing.assert_close(part, whole)


def test_plain_sums_are_the_same_and_end_with_their_block():
    given = factors(4)
    with plain_sums():
        plain = sums_of(*given)
    sums = sums_of(*given)
    assert "Bmm" in type(plain[1].grad_fn.next_functions[0][0]).__name__
    assert "Bmm" not in type(sums[1].grad_fn).__name__
    for made, expected in zip(plain, sums, strict=True):
        torch.testing.assert_close(made, expected)
    for slopes in zip(
        *(torch.autograd.grad(sum(p.sin().sum() for p in made), given) for made in (plain, sums)),
        strict=True,
    ):
        torch.testing.assert_close(*slopes)
