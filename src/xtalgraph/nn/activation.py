"""Nonlinearities that torch does not have."""

import math

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class ShiftedSoftplus(nn.Module):
    """ln(½ eˣ + ½), the softplus moved down so that it is 0 at 0.

    Source: Schütt et al., NeurIPS 2017 (arXiv 1706.08566).
    """

    def forward(self, values: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """Evaluate each component."""
        return functional.softplus(values).sub_(math.log(2.0))  # its derivative reads the input
