"""Normalisation of atoms over a batch, where an atom may stand for several."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class WeightedBatchNorm(nn.Module):
    """Batch normalisation in which a row counts as often as its weight says.

    (x − μ) / √(σ² + ε) · γ + β with μ = Σ w x / W, σ² = Σ w (x − μ)² / W and W = Σ w. The running
    variance takes σ² W / (W − 1). With unit weights it is torch's ``BatchNorm1d``, with the same
    parameters and buffers; with whole weights it is that of the rows repeated.

    Args:
        width: Length of a row.
        epsilon: ε, added to the variance.
        momentum: Part of the batch's statistics in the running ones.

    Source: Ioffe and Szegedy, ICML 2015 (arXiv 1502.03167), algorithm 1.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, width: int, epsilon: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.momentum = momentum
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self.register_buffer("num_batches_tracked", torch.zeros((), dtype=torch.long))

    def forward(
        self, values: Float[Tensor, "rows width"], multiplicity: Int[Tensor, " rows"]
    ) -> Float[Tensor, "rows width"]:
        """Normalise rows by the statistics of the batch, or by the running ones in evaluation.

        A batch without rows has no statistics, and leaves the running ones as they are.
        """
        mean, variance = self.running_mean, self.running_var
        if self.training and len(values) > 0:
            weight = multiplicity.to(values.dtype)
            total = weight.sum()
            mean = weight @ values / total
            variance = weight @ (values - mean) ** 2 / total
            self._track(mean.detach(), variance.detach() * (total / (total - 1).clamp(min=1)))
        scale = self.weight * torch.rsqrt(variance + self.epsilon)
        return torch.addcmul(self.bias - mean * scale, values, scale)

    @torch.no_grad()
    def _track(self, mean: Float[Tensor, " width"], variance: Float[Tensor, " width"]) -> None:
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
        self.num_batches_tracked += 1
