"""Lengths, angles and dihedrals of vectors, safe to differentiate twice wherever atoms stand.

Lengths and angles have singular points, which crystals hit exactly: three ions of a perovskite
stand on a line. There the derivatives returned are zero, never NaN. The cosine of an angle has no
singular point but a vector of length zero, which is why models read cosines: the angle itself has a
cone at 0 and at π, where its first derivative jumps.

Rounding puts atoms that should be on a line a little beside it, where the derivatives are huge and
their direction is noise. So "on a line" means a sine below the square root of the machine epsilon,
1.5e-8 in float64 and 3.5e-4 in float32.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def safe_norm(vector: Float[Tensor, "rows components"]) -> Float[Tensor, " rows"]:
    """Length of each vector, with derivatives zero at the vector zero.

    >>> v = torch.zeros(1, 3, requires_grad=True)
    >>> torch.autograd.grad(safe_norm(v).sum(), v)[0]
    tensor([[0., 0., 0.]])
    """
    square = (vector * vector).sum(dim=-1)
    zero = square == 0
    # Both the inside and the outside are masked: a masked NaN times zero would still be NaN.
    return torch.where(zero, 0.0, torch.where(zero, 1.0, square).sqrt())


def cosine_between(
    a: Float[Tensor, "rows 3"], b: Float[Tensor, "rows 3"]
) -> Float[Tensor, " rows"]:
    """Cosine of the angle between two vectors, a · b / |a| |b|.

    It is as often differentiable as one likes, also where the vectors are on a line. Where one of
    them is zero it is 0, with derivatives zero. Rounding may take it past ±1 by a few units of the
    last digit; it is not clamped, since that would cut off its second derivative.

    Args:
        a: From the common atom to the first.
        b: From the common atom to the second.

    >>> cosine_between(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[-2.0, 0.0, 0.0]]))
    tensor([-1.])
    """
    product = safe_norm(a) * safe_norm(b)
    zero = product == 0
    cosine = (a * b).sum(dim=-1) / torch.where(zero, 1.0, product)
    return torch.where(zero, 0.0, cosine)


def angle_between(a: Float[Tensor, "rows 3"], b: Float[Tensor, "rows 3"]) -> Float[Tensor, " rows"]:
    """Angle between two vectors in radians, atan2(|a × b|, a · b), exact to rounding at 0 and π.

    On a line (see the head of the module) the value is right and the derivatives are zero, one
    choice among the slopes of the cone that the angle has there. Where a vector is zero the angle
    is π/2, as its cosine is 0, with derivatives zero.

    Args:
        a: From the common atom to the first.
        b: From the common atom to the second.

    >>> angle_between(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[1e-3, 1.0, 0.0]]))
    tensor([1.5698])
    """
    cross, dot = torch.linalg.cross(a, b), (a * b).sum(dim=-1)
    on_line = _on_line(cross, a, b)
    height = safe_norm(torch.where(on_line.unsqueeze(-1), cross.detach(), cross))
    width = torch.where(on_line, dot.detach(), dot)
    undefined = (height == 0) & (width == 0)
    angle = torch.atan2(height, torch.where(undefined, 1.0, width))
    return torch.where(undefined, 0.5 * math.pi, angle)


def dihedral(
    b1: Float[Tensor, "rows 3"], b2: Float[Tensor, "rows 3"], b3: Float[Tensor, "rows 3"]
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
    """Cosine and sine of the dihedral angle along a chain of three bonds.

    With n = b1 × b2 and m = b2 × b3 the cosine is n · m / |n| |m| and the sine is
    |b2| (b1 · m) / |n| |m|. The sign is that of IUPAC: seen along b2, positive where the far bond
    is turned clockwise from the near one. A reflection turns the sign of the sine and nothing else.

    Where three of the atoms are on a line (see the head of the module) or coincide, no dihedral
    angle is defined and every one is as good. Both values are then 0, their mean over all angles,
    with derivatives zero. Near such a line they turn quickly; a model that must be smooth there
    multiplies by the squared sines of the two bond angles.

    Args:
        b1: From the first atom to the second.
        b2: From the second atom to the third.
        b3: From the third atom to the fourth.

    Source: IUPAC Compendium of Chemical Terminology, torsion angle, doi 10.1351/goldbook.T06406.

    >>> x, y, z = torch.eye(3).unsqueeze(1)
    >>> dihedral(x, y, z)
    (tensor([0.]), tensor([1.]))
    """
    n, m = torch.linalg.cross(b1, b2), torch.linalg.cross(b2, b3)
    undefined = _on_line(n, b1, b2) | _on_line(m, b2, b3)
    product = torch.where(undefined, 1.0, safe_norm(n) * safe_norm(m))
    cosine = (n * m).sum(dim=-1) / product
    sine = safe_norm(b2) * (b1 * m).sum(dim=-1) / product
    return torch.where(undefined, 0.0, cosine), torch.where(undefined, 0.0, sine)


def smooth_dihedral(
    b1: Float[Tensor, "rows 3"], b2: Float[Tensor, "rows 3"], b3: Float[Tensor, "rows 3"]
) -> tuple[Float[Tensor, " rows"], Float[Tensor, " rows"]]:
    """Cosine and sine of the dihedral angle, times the sines of both bond angles.

    With the directions u = b/|b| they are (u1 × u2) · (u2 × u3) and u1 · (u2 × u3): polynomials,
    smooth also where three atoms are on a line, where they are zero. With a bond of length zero
    they are zero, with derivatives zero. The real part of their n-th power as a complex number is
    (sin θ_1 sin θ_2)^n cos nφ.

    Args:
        b1: From the first atom to the second.
        b2: From the second atom to the third.
        b3: From the third atom to the fourth.

    >>> x, y, z = torch.eye(3).unsqueeze(1)
    >>> smooth_dihedral(x, y, z), smooth_dihedral(x, -x, z)
    ((tensor([0.]), tensor([1.])), (tensor([0.]), tensor([0.])))
    """
    u1, u2, u3 = (_direction(b) for b in (b1, b2, b3))
    cross = torch.linalg.cross(u2, u3)
    return (torch.linalg.cross(u1, u2) * cross).sum(dim=-1), (u1 * cross).sum(dim=-1)


def dihedral_angle(
    cosine: Float[Tensor, " rows"], sine: Float[Tensor, " rows"]
) -> Float[Tensor, " rows"]:
    """Dihedral angle in radians, above −π and up to π, from its cosine and sine.

    It jumps by 2π at π, so models read cosine and sine. Where both are 0, as where three atoms
    are on a line, the angle is 0 with derivatives zero.

    >>> dihedral_angle(torch.tensor([0.0, -1.0]), torch.tensor([1.0, -0.0]))
    tensor([1.5708, 3.1416])
    """
    undefined = (cosine == 0) & (sine == 0)
    # Adding 0 makes a zero positive: atan2(−0, −1) would be −π.
    return torch.atan2(sine + 0.0, torch.where(undefined, 1.0, cosine))


def _on_line(
    cross: Float[Tensor, "rows 3"], a: Float[Tensor, "rows 3"], b: Float[Tensor, "rows 3"]
) -> Bool[Tensor, " rows"]:
    """Whether two vectors are on a line to rounding, or one of them is zero."""
    with torch.no_grad():
        limit = math.sqrt(torch.finfo(a.dtype).eps)
        return safe_norm(cross) <= limit * safe_norm(a) * safe_norm(b)


def _direction(vector: Float[Tensor, "rows 3"]) -> Float[Tensor, "rows 3"]:
    """Return unit vectors; zero, with derivatives zero, for the vector zero."""
    length = safe_norm(vector).unsqueeze(-1)
    zero = length == 0
    return torch.where(zero, 0.0, vector / torch.where(zero, 1.0, length))
