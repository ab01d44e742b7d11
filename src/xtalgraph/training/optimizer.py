"""What moves the weights: AdamW, and the exponential moving average that follows it."""

import copy
from collections.abc import Mapping
from itertools import groupby
from typing import Final, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

BETAS: Final = 0.9, 0.999
"""Decay of the two moments of a gradient, as the authors have it."""
EPSILON: Final = 1e-8
"""Added to the root of the second moment."""


class _Part(NamedTuple):
    """Weights beside each other that move alike."""

    rows: slice
    """Of all weights."""
    decay: float
    """Of AdamW."""
    factor: float
    """On the learning rate."""
    level: int
    """How many layers lie between them and the output."""


@final
class FlatAdamW:
    """AdamW, on all weights of a model as one tensor.

    The weights become parts of that tensor. A small model has its weights in dozens of tensors, and
    to call an operation for each takes longer than what it computes. A step is torch's fused one.

    Args:
        model: On the device where it is trained.
        weight_decay: Of matrices; biases and the scales of normalisations have none.
        levels: Of each weight by its name, how many layers lie between it and the output; None
            where all move alike.
        factor: Learning rate of a level as a multiple of that of the level above.

    Source: Loshchilov and Hutter, ICLR 2019 (arXiv 1711.05101), algorithm 2.
    """

    def __init__(
        self,
        model: nn.Module,
        weight_decay: float,
        levels: Mapping[str, int] | None = None,
        factor: float = 1.0,
    ) -> None:
        self._levels = dict(levels or {})
        self.parameters = self.ordered(model)
        self.weights = _joined(self.parameters)
        self.gradient = torch.zeros_like(self.weights)
        self.moments = torch.zeros_like(self.weights), torch.zeros_like(self.weights)
        self._parts = self._parted(model, weight_decay, factor)
        self.steps = torch.zeros(len(self._parts), dtype=torch.float32, device=self.weights.device)

    def ordered(self, model: nn.Module) -> list[nn.Parameter]:
        """Return the weights of a model, or of its copy, in the order in which they are joined."""
        return [weight for _, weight in self._sorted(model)]

    def _sorted(self, model: nn.Module) -> list[tuple[tuple[bool, int], nn.Parameter]]:
        """Return the weights, each with what it moves like: whether it is no matrix, its level."""
        named = model.named_parameters()
        keyed = [((w.ndim <= 1, self._levels.get(name, 0)), w) for name, w in named]
        return sorted(keyed, key=lambda pair: pair[0])

    def _parted(self, model: nn.Module, weight_decay: float, factor: float) -> list[_Part]:
        parts, start = [], 0
        for (is_vector, level), group in groupby(self._sorted(model), key=lambda pair: pair[0]):
            end = start + sum(weight.numel() for _, weight in group)
            decay = 0.0 if is_vector else weight_decay
            parts.append(_Part(slice(start, end), decay, factor**level, level))
            start = end
        return parts

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.parameters:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float, clip: float, released: int | None = None) -> None:
        """Move the weights that have gradients.

        Args:
            rate: The learning rate.
            clip: Largest norm of the gradient; a larger one is scaled down, as by torch's
                ``clip_grad_norm_``.
            released: The lowest level that moves; None moves all.
        """
        idle = [(weight, weight.clone()) for weight in self.parameters if weight.grad is None]
        gradients = [
            torch.zeros_like(weight) if weight.grad is None else weight.grad
            for weight in self.parameters
        ]
        torch.cat([gradient.reshape(-1) for gradient in gradients], out=self.gradient)
        norm = torch.linalg.vector_norm(self.gradient)
        self.gradient.mul_((clip / (norm + 1e-6)).clamp(max=1.0))
        first, second = self.moments
        for part, steps in zip(self._parts, self.steps, strict=True):
            if released is not None and part.level > released:
                continue
            steps.add_(1)
            rows = part.rows
            torch._fused_adamw_(
                [self.weights[rows]],
                [self.gradient[rows]],
                [first[rows]],
                [second[rows]],
                [],
                [steps],
                lr=rate * part.factor,
                beta1=BETAS[0],
                beta2=BETAS[1],
                weight_decay=part.decay,
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
            value.copy_(state[name])  # steps may be one number, of an older version


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
        self._means = [_joined(optimizer.ordered(self.module)), *(mean for mean, _ in numbers)]
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


def _joined(parameters: list[nn.Parameter]) -> Float[Tensor, " weights"]:
    """Return all weights in one tensor, of which they become parts."""
    joined = torch.cat([weight.detach().reshape(-1) for weight in parameters])
    parts = joined.split([weight.numel() for weight in parameters])
    for weight, part in zip(parameters, parts, strict=True):
        weight.data = part.view_as(weight)
    return joined
