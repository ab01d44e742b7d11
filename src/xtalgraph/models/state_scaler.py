"""The scale of the states of crystals, fitted on the training part, applied before the encoder."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class StateScaler(nn.Module):
    """(x − mean) / standard deviation, for each number of the state; it is kept with the weights.

    A number that is the same in all of the training part is only shifted.

    Args:
        size: How many numbers there are.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("spread", torch.ones(size, dtype=torch.float64))

    def forward(
        self, state: Float[Tensor, "crystals numbers"]
    ) -> Float[Tensor, "crystals numbers"]:
        """Scale states in their own units."""
        return (state - self.mean.to(state.dtype)) / self.spread.to(state.dtype)

    @torch.no_grad()
    def fit(self, states: Float[Tensor, "crystals numbers"]) -> None:
        """Fit mean and standard deviation.

        Args:
            states: Of the training part.
        """
        self.mean.copy_(states.mean(dim=0))
        spread = (states - self.mean).square().mean(dim=0).sqrt()
        self.spread.copy_(torch.where(spread > 0, spread, 1.0))
