"""The weights of all paths of a convolution from the length of an edge."""

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


@final
class RadialNetwork(nn.Module):
    """R(d), a network without biases on f_c(d) times the functions of a basis.

    As nothing is added, R vanishes at the cutoff with the envelope f_c. It is evaluated once for
    each pair of edges, and for all paths together.

    Args:
        inputs: Number of basis functions.
        hidden: Widths of the layers between.
        outputs: Number of radial functions, such as `Convolution.width`.
        scale: Factor of all of them.
    """

    def __init__(
        self, inputs: int, hidden: Sequence[int], outputs: int, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.scale = scale
        widths = [inputs, *hidden, outputs]
        self.weights = nn.ParameterList(
            nn.Parameter(torch.randn(before, after) / before**0.5)
            for before, after in pairwise(widths)
        )

    def forward(self, basis: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """Evaluate for each row.

        Args:
            basis: Basis functions times the envelope.
        """
        last = self.weights[-1]
        return self.hidden(basis) @ (last if self.scale == 1.0 else last * self.scale)

    def hidden(self, basis: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows hidden"]:
        """Evaluate without the last matrix.

        Args:
            basis: Basis functions times the envelope.
        """
        *before, _ = self.weights
        values = basis
        for weight in before:
            values = functional.silu(values @ weight)
        return values

    @torch.no_grad()
    def normalize(self, basis: Float[Tensor, "rows inputs"]) -> None:
        """Scale the weights so that each layer has a mean square of 1, and R of `scale`.

        With a scale of 1/n a sum over n neighbors whose signs are independent has a mean square of
        1. Without this each layer halves what is small: the messages of fresh weights are faint,
        and products of several of them fainter.

        Args:
            basis: Basis functions times the envelope, of usual distances.
        """
        values = basis
        for weight in self.weights:
            weight.div_((values @ weight).square().mean().sqrt())
            values = functional.silu(values @ weight)
        self.weights[-1] /= self.scale**0.5
