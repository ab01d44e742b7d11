"""Angles and dihedrals against ASE and closed forms, their derivatives also where atoms line up."""

import math

import numpy as np
import pytest
import torch
from ase import Atoms
from torch.autograd import grad, gradcheck, gradgradcheck

from xtalgraph.nn.geometry import (
    angle_between,
    cosine_between,
    dihedral,
    dihedral_angle,
    safe_norm,
    smooth_dihedral,
)

DOUBLE = {"dtype": torch.float64}
X, Y, Z = torch.eye(3, **DOUBLE).unsqueeze(1)
ZERO = torch.zeros(1, 3, **DOUBLE)


def vectors(count: int, rows: int = 20) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [
        torch.randn(rows, 3, generator=generator, **DOUBLE).requires_grad_() for _ in range(count)
    ]


def derivatives(function, *inputs: torch.Tensor) -> list[torch.Tensor]:
    """First and second derivatives of the sum over everything that a function returns."""
    inputs = [value.detach().clone().requires_grad_() for value in inputs]
    value = function(*inputs)
    total = sum(part.sum() for part in value) if isinstance(value, tuple) else value.sum()
    first = grad(total, inputs, create_graph=True)
    found = list(first)
    for part in torch.cat([one.flatten() for one in first]):
        if part.requires_grad:
            second = grad(part, inputs, retain_graph=True, allow_unused=True)
            found += [one for one in second if one is not None]
    return [one.detach() for one in found]


def chain(b1, b2, b3) -> Atoms:
    """Four atoms joined by three bonds."""
    corners = np.cumsum([np.zeros(3), b1.numpy(), b2.numpy(), b3.numpy()], axis=0)
    return Atoms("H4", corners)


def test_lengths_and_angles_are_those_of_numpy_and_ase():
    a, b = (v.detach() for v in vectors(2))
    assert np.allclose(safe_norm(a), np.linalg.norm(a, axis=1), rtol=1e-14)
    for one, other, angle in zip(a, b, angle_between(a, b), strict=True):
        atoms = Atoms("H3", np.stack([one.numpy(), np.zeros(3), other.numpy()]))
        assert math.degrees(angle) == pytest.approx(atoms.get_angle(0, 1, 2), abs=1e-10)
    torch.testing.assert_close(cosine_between(a, b), torch.cos(angle_between(a, b)))


def test_dihedrals_are_those_of_ase_with_their_sign():
    b1, b2, b3 = (v.detach() for v in vectors(3))
    cosine, sine = dihedral(b1, b2, b3)
    torch.testing.assert_close(cosine**2 + sine**2, torch.ones(20, **DOUBLE))
    for *bonds, angle in zip(b1, b2, b3, dihedral_angle(cosine, sine), strict=True):
        expected = chain(*bonds).get_dihedral(0, 1, 2, 3)  # 0 to 360
        assert math.degrees(angle) % 360 == pytest.approx(expected, abs=1e-8)


def test_a_reflection_turns_the_sign_of_the_sine_only():
    b1, b2, b3 = (v.detach() for v in vectors(3))
    cosine, sine = dihedral(b1, b2, b3)
    mirrored = dihedral(*(b * torch.tensor([1.0, 1.0, -1.0], **DOUBLE) for b in (b1, b2, b3)))
    torch.testing.assert_close(mirrored, (cosine, -sine))
    torch.testing.assert_close(dihedral(-b3, -b2, -b1), (cosine, sine))  # read backwards


def test_cis_trans_and_a_quarter_turn():
    cis = dihedral_angle(*dihedral(X, Y, -X))
    trans = dihedral_angle(*dihedral(X, Y, X))
    quarter = dihedral_angle(*dihedral(X, Y, Z))
    assert [float(a) for a in (cis, trans, quarter)] == pytest.approx([0, math.pi, math.pi / 2])
    assert float(dihedral_angle(torch.tensor([-1.0]), torch.tensor([-0.0]))) > 0  # π, never −π


@pytest.mark.parametrize(
    ("function", "count"),
    [(safe_norm, 1), (cosine_between, 2), (angle_between, 2), (dihedral, 3), (smooth_dihedral, 3)],
    ids=lambda p: getattr(p, "__name__", ""),
)
def test_two_derivatives_away_from_singular_points(function, count):
    assert gradcheck(function, vectors(count, rows=4))
    assert gradgradcheck(function, vectors(count, rows=4))


@pytest.mark.parametrize("b", [2 * X, -3 * X], ids=["same way", "opposite"])
def test_the_cosine_is_smooth_on_a_line(b):
    a = X.clone().requires_grad_()
    b = b.clone().requires_grad_()
    assert float(grad(cosine_between(a, b).sum(), a)[0].abs().max()) == 0
    assert gradcheck(cosine_between, (a, b))
    assert gradgradcheck(cosine_between, (a, b))
    # cos θ = ±(1 − θ²/2) with θ = y for a = (1, y, 0): the second derivative is ∓1, and not lost
    (first,) = grad(cosine_between(a, b).sum(), a, create_graph=True)
    (second,) = grad(first[0, 1], a)
    assert float(second[0, 1]) == pytest.approx(-math.copysign(1, b[0, 0].item()))


@pytest.mark.parametrize(
    ("a", "b", "value"),
    [
        (X, 2 * X, 0.0),
        (X, -2 * X, math.pi),
        (ZERO, X, math.pi / 2),
        (X, ZERO, math.pi / 2),
        (ZERO, ZERO, math.pi / 2),
        (X, 2 * X + 1e-14 * Y, 5e-15),
    ],
    ids=["same way", "opposite", "first zero", "second zero", "both zero", "rounding"],
)
def test_the_angle_has_zero_derivatives_where_it_is_singular(a, b, value):
    assert float(angle_between(a, b)) == pytest.approx(value, rel=1e-9)
    assert all(float(d.abs().max()) == 0 for d in derivatives(angle_between, a, b))


def test_the_angle_is_exact_near_a_line_where_the_arc_cosine_is_not():
    for small in (1e-3, 1e-6, 1e-9):
        b = math.cos(small) * X + math.sin(small) * Y
        assert float(angle_between(X, b)) == pytest.approx(small, rel=1e-12)
    assert float(torch.acos(cosine_between(X, b))) == 0


@pytest.mark.parametrize(
    ("a", "b"), [(ZERO, X), (X, ZERO), (ZERO, ZERO)], ids=["first", "second", "both"]
)
def test_a_vector_of_length_zero_has_zero_derivatives(a, b):
    assert float(cosine_between(a, b)) == 0
    assert all(float(d.abs().max()) == 0 for d in derivatives(cosine_between, a, b))
    assert all(float(d.abs().max()) == 0 for d in derivatives(safe_norm, ZERO))


@pytest.mark.parametrize(
    "bonds",
    [
        (X, X, Y),
        (X, Y, -2 * Y),
        (X, X, X),
        (ZERO, X, Y),
        (X, ZERO, Y),
        (X, Y, ZERO),
        (X, X + 1e-15 * Y, Z),
    ],
    ids=["first three", "last three", "all", "b1 zero", "b2 zero", "b3 zero", "rounding"],
)
def test_a_dihedral_on_a_line_is_zero_with_zero_derivatives(bonds):
    cosine, sine = dihedral(*bonds)
    assert (float(cosine), float(sine)) == (0, 0)
    assert float(dihedral_angle(cosine, sine)) == 0
    assert all(float(d.abs().max()) == 0 for d in derivatives(dihedral, *bonds))

    def angle(*bonds):
        return dihedral_angle(*dihedral(*bonds))

    assert all(float(d.abs().max()) == 0 for d in derivatives(angle, *bonds))


def test_flat_dihedrals_are_differentiable():
    # cis and trans are no singular points: only a line is
    for last in (X, -X):
        bonds = [v.clone().requires_grad_() for v in (X, Y, last)]
        assert gradcheck(dihedral, bonds)
        assert gradgradcheck(dihedral, bonds)


def test_single_precision_counts_a_rounded_line_as_a_line():
    a = torch.tensor([[0.1, 0.2, 0.3]])
    b = 7 * a / 3 + torch.tensor([[0.0, 1e-7, 0.0]])
    assert float(dihedral(a, b, torch.tensor([[1.0, 0.0, 0.0]]))[0]) == 0


def test_the_smooth_dihedral_is_the_dihedral_times_the_sines_of_the_angles():
    b1, b2, b3 = (v.detach() for v in vectors(3))
    sines = angle_between(b1, b2).sin() * angle_between(b2, b3).sin()
    expected = tuple(sines * part for part in dihedral(b1, b2, b3))
    torch.testing.assert_close(smooth_dihedral(b1, b2, b3), expected)


@pytest.mark.parametrize("bonds", [(X, X, Y), (X, Y, -2 * Y), (X, -X, X)])
def test_the_smooth_dihedral_is_smooth_on_a_line(bonds):
    bonds = [bond.clone().requires_grad_() for bond in bonds]
    assert all(float(part.detach()) == 0 for part in smooth_dihedral(*bonds))
    assert gradcheck(smooth_dihedral, bonds)
    assert gradgradcheck(smooth_dihedral, bonds)


@pytest.mark.parametrize("bonds", [(ZERO, X, Y), (X, ZERO, Y), (X, Y, ZERO)])
def test_the_smooth_dihedral_of_a_bond_of_length_zero_is_zero_with_zero_derivatives(bonds):
    assert all(float(part) == 0 for part in smooth_dihedral(*bonds))
    assert all(float(d.abs().max()) == 0 for d in derivatives(smooth_dihedral, *bonds))
