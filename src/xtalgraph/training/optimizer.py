"""What moves the weights: AdamW, and the exponential moving average that follows it."""

import inspect
from collections.abc import Sequence
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.swa_utils import AveragedModel


@final
class EagerAdamW(AdamW):
    """AdamW that does not load the compiler of torch.

    Torch wraps these methods to hide them from its compiler, and imports that for a second in each
    process to do so. The methods inside are the same.
    """

    add_param_group: Final = inspect.unwrap(Optimizer.add_param_group)
    state_dict: Final = inspect.unwrap(Optimizer.state_dict)
    load_state_dict: Final = inspect.unwrap(Optimizer.load_state_dict)
    zero_grad: Final = inspect.unwrap(Optimizer.zero_grad)
    step = torch.no_grad()(inspect.unwrap(AdamW.step))


def optimizer_of(model: nn.Module, learning_rate: float, weight_decay: float) -> Optimizer:
    """Return what moves the weights of a model down the gradient.

    Args:
        model: On the device where it is trained.
        learning_rate: Peak of the schedule.
        weight_decay: Of matrices; biases and the scales of normalisations have none.
    """
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return EagerAdamW(groups, lr=learning_rate, fused=True)


def average_of(model: nn.Module, decay: float) -> AveragedModel:
    """Make a copy of a model whose weights and buffers follow the average of the original's.

    Early in training the decay is (1 + n) / (10 + n) after n updates, so that the random
    start is forgotten.

    Args:
        model: The model that is trained.
        decay: Of the average, in the long run.
    """

    @torch.no_grad()
    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        n = int(count)
        weight = 1.0 - min(decay, (1 + n) / (10 + n))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value.to(mean.dtype), weight)
            else:
                mean.copy_(value)

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)
