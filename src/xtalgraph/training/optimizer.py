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
    process to do so. The methods inside are the same. A step is torch's fused one, without what
    torch does in Python around it, which takes longer than the step of a small model.
    """

    add_param_group: Final = inspect.unwrap(Optimizer.add_param_group)
    state_dict: Final = inspect.unwrap(Optimizer.state_dict)
    load_state_dict: Final = inspect.unwrap(Optimizer.load_state_dict)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients."""
        for weight in self.weights():
            weight.grad = None

    def weights(self) -> list[Tensor]:
        """Return all weights, group by group."""
        return [weight for group in self.param_groups for weight in group["params"]]

    @torch.no_grad()
    def clip(self, most: float) -> None:
        """Scale the gradients so that their norm is at most so much, as `clip_grad_norm_` does.

        Args:
            most: The largest norm.
        """
        gradients = [weight.grad for weight in self.weights() if weight.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
        torch._foreach_mul_(gradients, (most / (norm + 1e-6)).clamp(max=1.0))

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move the weights that have gradients."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            states = [self._state_of(weight) for weight in weights]
            steps = [state["step"] for state in states]
            torch._foreach_add_(steps, 1)
            beta1, beta2 = group["betas"]
            torch._fused_adamw_(
                weights,
                [weight.grad for weight in weights],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                steps,
                lr=group["lr"],
                beta1=beta1,
                beta2=beta2,
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                amsgrad=False,
                maximize=False,
            )

    def _state_of(self, weight: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[weight]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=weight.device)
            state["exp_avg"], state["exp_avg_sq"] = (
                torch.zeros_like(weight),
                torch.zeros_like(weight),
            )
        return state


def optimizer_of(model: nn.Module, learning_rate: float, weight_decay: float) -> EagerAdamW:
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
        pairs = list(zip(_tensors(self.module), _tensors(model), strict=True))
        numbers = [pair for pair in pairs if pair[0].is_floating_point()]
        self._averaged = [mean for mean, _ in numbers], [value for _, value in numbers]
        self._counters = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights and buffers as they are now."""
        n = int(self.n_averaged)
        if n:
            weight = 1.0 - min(self._decay, (1 + n) / (10 + n))
            torch._foreach_lerp_(*self._averaged, weight)
        else:
            torch._foreach_copy_(*self._averaged)
        for mean, value in self._counters:
            mean.copy_(value)
        self.n_averaged += 1


def _tensors(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]
