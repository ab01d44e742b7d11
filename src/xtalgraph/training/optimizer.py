"""What moves the weights: AdamW, and the exponential moving average that follows it."""

import copy
import inspect
from typing import Final, final

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer


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


@final
class Average(nn.Module):
    """A copy of a model whose weights and buffers follow the moving average of the original's.

    Early in training the decay is (1 + n) / (10 + n) after n updates, so that the random start is
    forgotten. The tensors of both are listed once: torch's own ``AveragedModel`` looks through all
    modules at each step, which takes longer than a layer of a small model.

    Args:
        model: The model that is trained.
        decay: Of the average, in the long run.
    """

    n_averaged: Tensor

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", torch.tensor(0))
        self._decay = decay
        self._pairs = list(zip(_tensors(self.module), _tensors(model), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights and buffers as they are now."""
        n = int(self.n_averaged)
        weight = 1.0 - min(self._decay, (1 + n) / (10 + n))
        for mean, value in self._pairs:
            if n and mean.is_floating_point():
                mean.lerp_(value, weight)
            else:
                mean.copy_(value)
        self.n_averaged += 1


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
