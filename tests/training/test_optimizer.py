"""The optimizer takes the steps of the AdamW of torch, without its compiler."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.optim import AdamW

from xtalgraph.training.optimizer import Average, FlatAdamW

TWO_STEPS = """
import sys, torch
from xtalgraph.training.optimizer import Average, FlatAdamW
model = torch.nn.Linear(3, 2)
optimizer = FlatAdamW(model, 0.1)
average = Average(model, optimizer, 0.9)
for _ in range(2):
    optimizer.zero_grad()
    model(torch.ones(4, 3)).sum().backward()
    optimizer.step(1e-2, 1.0)
    average.update()
optimizer.load(optimizer.state())
print(sorted({"torch._dynamo", "sympy"} & set(sys.modules)))
"""


def stepped(model: nn.Module, clip: float, *, ours: bool) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": 0.3},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = FlatAdamW(model, 0.3) if ours else AdamW(groups, fused=True)
    for rate in (1e-2, 2e-2, 5e-3, 1e-2, 1e-3):
        optimizer.zero_grad()
        model(torch.randn(7, 3, generator=generator)).square().sum().backward()
        if isinstance(optimizer, FlatAdamW):
            optimizer.step(rate, clip)
            left = {name: value.clone() for name, value in optimizer.state().items()}
            optimizer = FlatAdamW(model, 0.3)
            optimizer.load(left)
        else:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
    return [one.detach().clone() for one in model.parameters()]


@pytest.mark.parametrize("clip", [1e6, 0.5])
def test_the_steps_are_those_of_torch(clip):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.SiLU(), nn.Linear(8, 1))
    start = {name: value.clone() for name, value in model.state_dict().items()}
    own = stepped(model, clip, ours=True)
    model.load_state_dict(start)
    expected = stepped(model, clip, ours=False)
    for one, other in zip(own, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)
    assert not torch.equal(own[0], start["0.weight"])


def test_a_weight_without_a_gradient_stays():
    used, unused = nn.Linear(3, 1), nn.Linear(3, 1)
    optimizer = FlatAdamW(nn.ModuleList([used, unused]), 0.3)
    before = [weight.detach().clone() for weight in (used.weight, unused.weight, unused.bias)]
    used(torch.full((4, 3), 100.0)).sum().backward()
    optimizer.step(1e-2, 0.5)
    after = used.weight, unused.weight, unused.bias
    same = [torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    assert same == [False, True, True]
    optimizer.zero_grad()
    assert used.weight.grad is None


def test_a_state_of_other_weights_is_not_taken_up():
    state = FlatAdamW(nn.Linear(3, 1), 0.3).state()
    with pytest.raises(RuntimeError):
        FlatAdamW(nn.Linear(4, 1), 0.3).load(state)
    with pytest.raises(KeyError):
        FlatAdamW(nn.Linear(3, 1), 0.3).load({"first": state["first"]})


def test_the_average_follows_weights_and_counts():
    model = nn.BatchNorm1d(2)
    average = Average(model, FlatAdamW(model, 0.0), 0.5)
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
