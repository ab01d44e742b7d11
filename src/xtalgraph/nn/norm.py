"""Normalisation of atoms over a batch, where an atom may stand for several."""

from typing import Any

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
        if not (self.training and len(values) > 0):
            scale = self.weight * torch.rsqrt(self.running_var + self.epsilon)
            return torch.addcmul(self.bias - self.running_mean * scale, values, scale)
        weight = multiplicity.to(values.dtype)
        total = weight.sum()
        normalised, mean, variance = _Normalised.apply(
            values, weight / total, self.weight, self.bias, self.epsilon
        )
        self._track(mean, variance * (total / (total - 1).clamp(min=1)))
        return normalised

    @torch.no_grad()
    def _track(self, mean: Float[Tensor, " width"], variance: Float[Tensor, " width"]) -> None:
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)
        self.num_batches_tracked += 1


def _written_out(
    values: Tensor, share: Tensor, scale: Tensor, shift: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the rows, (x − μ) / √(σ² + ε), μ, and σ²; the share of a row is w / W."""
    mean = share @ values
    away = values - mean
    variance = share @ (away * away)
    standard = away * torch.rsqrt(variance + epsilon)
    return torch.addcmul(shift, standard, scale), standard, mean, variance


class _Normalised(torch.autograd.Function):
    """The rows normalised by their own statistics, with μ and σ²: a third of the operations."""

    @staticmethod
    def forward(
        ctx: Any, values: Tensor, share: Tensor, scale: Tensor, shift: Tensor, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        rows, standard, mean, variance = _written_out(values, share, scale, shift, epsilon)
        ctx.save_for_backward(values, share, scale, shift, standard, variance)
        ctx.epsilon = epsilon
        ctx.mark_non_differentiable(mean, variance)
        return rows, mean, variance

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        values, share, scale, shift, standard, variance = ctx.saved_tensors
        grad = grads[0]
        if torch.is_grad_enabled():  # the derivative will itself be differentiated
            inputs = values.view_as(values), scale.view_as(scale), shift.view_as(shift)
            again = _written_out(inputs[0], share, *inputs[1:], ctx.epsilon)[0]
            of_values, of_scale, of_shift = torch.autograd.grad(
                again, inputs, grad, create_graph=True
            )
            return of_values, None, of_scale, of_shift, None
        of_scale, of_shift = (grad * standard).sum(dim=0), grad.sum(dim=0)
        by_statistics = torch.addcmul(of_shift, standard, of_scale).mul_(share.unsqueeze(-1))
        slope = scale * torch.rsqrt(variance + ctx.epsilon)
        return (grad - by_statistics).mul_(slope), None, of_scale, of_shift, None
