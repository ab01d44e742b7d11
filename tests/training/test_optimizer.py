"""The optimizer takes the steps of the AdamW of torch, without its compiler."""

import subprocess
import sys

import torch
from torch import nn
from torch.optim import AdamW

from xtalgraph.training.optimizer import Average, EagerAdamW, optimizer_of

TWO_STEPS = """
import sys, torch
from xtalgraph.training.optimizer import Average, optimizer_of
model = torch.nn.Linear(3, 2)
optimizer, average = optimizer_of(model, 1e-2, 0.1), Average(model, 0.9)
for _ in range(2):
    optimizer.zero_grad()
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step()
    average.update()
optimizer.load_state_dict(optimizer.state_dict())
print(sorted({"torch._dynamo", "sympy"} & set(sys.modules)))
"""


def stepped(model: nn.Module, optimizer: torch.optim.Optimizer) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(5):
        optimizer.zero_grad(set_to_none=True)
        model(torch.randn(7, 3, generator=generator)).square().sum().backward()
        if isinstance(optimizer, EagerAdamW):
            optimizer.clip(2.0)
        else:
            torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        optimizer.load_state_dict(optimizer.state_dict())
    return [one.detach().clone() for one in model.parameters()]


def test_the_steps_are_those_of_torch_to_the_bit():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Linear(8, 1))
    start = {name: value.clone() for name, value in model.state_dict().items()}
    own = stepped(model, optimizer_of(model, 1e-2, 0.3))
    model.load_state_dict(start)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.3},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    expected = stepped(model, AdamW(groups, lr=1e-2, fused=True))
    assert all(torch.equal(a, b) for a, b in zip(own, expected, strict=True))
    assert not torch.equal(own[0], start["0.weight"])


def test_gradients_are_clipped_to_the_norm_and_a_weight_without_one_stays():
    used, unused = nn.Linear(3, 1), nn.Linear(3, 1)
    optimizer = optimizer_of(nn.ModuleList([used, unused]), 1e-2, 0.3)
    before = unused.weight.detach().clone()
    used(torch.full((4, 3), 100.0)).sum().backward()
    optimizer.clip(0.5)
    norm = sum(float(weight.grad.square().sum()) for weight in used.parameters()) ** 0.5
    assert abs(norm - 0.5) < 1e-6
    optimizer.step()
    assert torch.equal(unused.weight, before)
    optimizer.zero_grad()
    assert used.weight.grad is None


def test_the_average_follows_weights_and_counts():
    model = nn.BatchNorm1d(2)
    average = Average(model, 0.5)
    kept = 0.0
    for step, value in enumerate((1.0, 2.0, 5.0)):
        with torch.no_grad():
            model.weight.fill_(value)
            model.num_batches_tracked.fill_(step)
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        kept = value if step == 0 else decay * kept + (1 - decay) * value
        torch.testing.assert_close(average.module.weight, torch.full((2,), kept))
        assert int(average.module.num_batches_tracked) == step


def test_a_step_does_not_load_the_compiler_of_torch():
    ended = subprocess.run(
        [sys.executable, "-c", TWO_STEPS], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"
