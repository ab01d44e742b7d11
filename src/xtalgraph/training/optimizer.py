"""What moves the weights: AdamW, and the exponential moving average that follows it."""

import copy
from collections.abc import Mapping
from typing import Final, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

BETAS: Final = 0.9, 0.999
"""Decay of the two moments of a gradient, as the authors have it."""
EPSILON: Final = 1e-8
"""Added to the root of the second moment."""


@final
class FlatAdamW:
    """AdamW, on all weights of a model as one tensor.

    The weights become parts of that tensor. A small model has its weights in dozens of tensors, and
    to call an operation for each takes longer than what it computes. A step is torch's fused one.

    Args:
        model: On the device where it is trained.
        weight_decay: Of matrices; biases and the scales of normalisations have none.

    Source: Loshchilov and Hutter, ICLR 2019 (arXiv 1711.05101), algorithm 2.
    """

    def __init__(self, model: nn.Module, weight_decay: float) -> None:
        self.parameters = _matrices_first(model)
        self.weights = _joined(self.parameters)
        self.gradient = torch.zeros_like(self.weights)
        self.moments = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self.steps = torch.zeros((), dtype=torch.float32, device=self.weights.device)
        matrices = sum(weight.numel() for weight in self.parameters if weight.ndim > 1)
        self._parts = (slice(matrices), weight_decay), (slice(matrices, None), 0.0)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.parameters:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float, clip: float) -> None:
        """Move the weights that have gradients.

        Args:
            rate: The learning rate.
            clip: Largest norm of the gradient; a larger one is scaled down, as by torch's
                ``clip_grad_norm_``.
        """
        idle = [(weight, weight.clone()) for weight in self.parameters if weight.grad is None]
        gradients = [
            torch.zeros_like(weight) if weight.grad is None else weight.grad
            for weight in self.parameters
        ]
        torch.cat([gradient.reshape(-1) for gradient in gradients], out=self.gradient)
        norm = torch.linalg.vector_norm(self.gradient)
        self.gradient.mul_((clip / (norm + 1e-6)).clamp(max=1.0))
        self.steps += 1
        first, second = self.moments
        for part, decay in self._parts:
            torch._fused_adamw_(
                [self.weights[part]],
                [self.gradient[part]],
                [first[part]],
                [second[part]],
                [],
                [self.steps],
                lr=rate,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=decay,
                eps=EPSILON,
                amsgrad=False,
                maximize=False,
            )
        for weight, before in idle:
            weight.copy_(before)

    def state(self) -> dict[str, Tensor]:
        """Return what the next step depends on, beside weights and gradients."""
        return {"first": self.moments[0], "second": self.moments[1], "steps": self.steps}

    def load(self, state: Mapping[str, Float[Tensor, "..."]]) -> None:
        """Take up a state.

        Args:
            state: Of `state`, for a model of the same weights.

        Raises:
            KeyError: If something is missing.
            RuntimeError: If it is of other weights.
        """
        for name, value in self.state().items():
            value.copy_(state[name])


@final
class Average(nn.Module):
    """A copy of a model whose weights and buffers follow the moving average of the original's.

    Early in training the decay is (1 + n) / (10 + n) after n updates, so that the random start is
    forgotten.

    Args:
        model: The model that is trained.
        optimizer: What moves it.
        decay: Of the average, in the long run.
    """

    n_averaged: Tensor

    def __init__(self, model: nn.Module, optimizer: FlatAdamW, decay: float) -> None:
        super().__init__()
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", torch.tensor(0))
        self._decay = decay
        pairs = list(zip(self.module.buffers(), model.buffers(), strict=True))
        numbers = [pair for pair in pairs if pair[0].is_floating_point()]
        self._means = [_joined(_matrices_first(self.module)), *(mean for mean, _ in numbers)]
        self._values = [optimizer.weights, *(value for _, value in numbers)]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights and buffers as they are now."""
        n = int(self.n_averaged)
        if n:
            weight = 1.0 - min(self._decay, (1 + n) / (10 + n))
            torch._foreach_lerp_(self._means, self._values, weight)
        else:
            torch._foreach_copy_(self._means, self._values)
        for mean, value in self._counters:
            mean.copy_(value)
        self.n_averaged += 1


def _matrices_first(model: nn.Module) -> list[nn.Parameter]:
    return sorted(model.parameters(), key=lambda weight: weight.ndim <= 1)


def _joined(parameters: list[nn.Parameter]) -> Float[Tensor, " weights"]:
    """Return all weights in one tensor, of which they become parts."""
    joined = torch.cat([weight.detach().reshape(-1) for weight in parameters])
    parts = joined.split([weight.numel() for weight in parameters])
    for weight, part in zip(parameters, parts, strict=True):
        weight.data = part.view_as(weight)
    return joined
