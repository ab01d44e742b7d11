"""Real spherical harmonics of unit vectors, and their derivatives."""

from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.nn.equivariant.irreps import coupling


@final
class SphericalHarmonics(nn.Module):
    """Y^l of unit vectors, degrees 0 to the highest side by side, |Y^l|² = 2l + 1.

    As polynomials of x, y and z they obey ∇ Y^l = s_l C (Y^(l−1)) with the coupling C of l − 1 and
    1 to l, and Y^l = u · ∇ Y^l / l: both values and derivatives come from the degree below.

    Args:
        degree: The highest degree.

    Source: e3nn, whose basis, order and norm these are (`e3nn.o3.spherical_harmonics` with
    ``normalization="component"``).
    """

    slopes: Tensor
    parity: Tensor

    def __init__(self, degree: int) -> None:
        super().__init__()
        self.degree, self.size = degree, (degree + 1) ** 2
        slopes = torch.zeros(self.size, 3, self.size, dtype=torch.float64)
        for order in range(1, degree + 1):
            # |C (Y ⊗ u)|² = l |Y|² / (2l − 1) where |C|² = 2l + 1, and |Y^l|² = 2l + 1.
            size = (order * (2 * order + 1)) ** 0.5
            rows, below = slice(order**2, (order + 1) ** 2), slice((order - 1) ** 2, order**2)
            slopes[rows, :, below] = size * coupling(order - 1, 1, order).permute(2, 1, 0)
        self.register_buffer("slopes", slopes, persistent=False)
        parity = [(-1.0) ** order for order in range(degree + 1) for _ in range(2 * order + 1)]
        values = torch.tensor(parity, dtype=torch.float64)
        self.register_buffer("parity", values, persistent=False)

    def forward(self, unit: Float[Tensor, "rows 3"]) -> Float[Tensor, "rows components"]:
        """Evaluate, as often differentiable as one likes.

        Args:
            unit: Vectors of length 1.
        """
        return _Harmonics.apply(unit, self.slopes.to(unit.dtype))


class _Harmonics(torch.autograd.Function):
    """Y, whose derivative is linear in Y."""

    @staticmethod
    def forward(ctx: Any, unit: Tensor, slopes: Tensor) -> Tensor:
        degrees = [torch.ones_like(unit[:, :1])]
        for order in range(1, round(len(slopes) ** 0.5)):
            rows, below = slice(order**2, (order + 1) ** 2), slice((order - 1) ** 2, order**2)
            outer = (unit.unsqueeze(-1) * degrees[-1].unsqueeze(1)).flatten(1)
            degrees.append(outer @ (slopes[rows, :, below].flatten(1).T / order))
        values = torch.cat(degrees, dim=1)
        ctx.save_for_backward(values, slopes)
        return values

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        values, slopes = ctx.saved_tensors
        turned = (grads[0] @ slopes.flatten(1)).unflatten(1, (3, -1))
        return (turned * values.unsqueeze(1)).sum(dim=-1), None
