"""Learning rate and averaging."""

import numpy as np
import pytest
import torch
from torch import nn

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.training.optimizer import Average, FlatAdamW
from xtalgraph.training.schedule import ENOUGH, learning_rate, usual_epochs
from xtalgraph.training.settings import TrainingConfig, check_epochs


def test_the_rate_rises_then_falls_to_zero():
    rates = [learning_rate(step, 100, 1.0, 0.1) for step in range(101)]
    assert np.all(np.diff(rates[:11]) > 0)
    assert rates[10] == 1.0
    assert np.all(np.diff(rates[10:]) < 0)
    assert rates[55] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.0)


def test_few_crystals_are_gone_through_more_often_within_limits():
    epochs = [usual_epochs(steps) for steps in range(1, 1000)]
    assert epochs == sorted(epochs, reverse=True)
    assert (epochs[0], epochs[-1]) == (225, 60)
    assert all(count * (n + 1) >= ENOUGH for n, count in enumerate(epochs) if count < 225)
    assert usual_epochs(0) == 60, "of nothing there is no step"


def test_the_average_is_the_recursion():
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.0)
    average = Average(model, FlatAdamW(model, 0.0), decay=0.9)
    expected, first = 0.0, True
    for n, value in enumerate([1.0, 2.0, 5.0, -3.0]):
        with torch.no_grad():
            model.weight.fill_(value)
        average.update()
        decay = min(0.9, (1 + n) / (10 + n))
        expected = value if first else decay * expected + (1 - decay) * value
        first = False
    assert float(average.module.weight.detach()) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"epochs": -1}, r"training\.epochs must be at least 0, got -1"),
        ({"learning_rate": -1.0}, r"training\.learning_rate"),
        ({"warmup": 1.0}, r"training\.warmup must be at least 0 and less than 1"),
        ({"weight_decay": -0.1}, r"training\.weight_decay must be at least 0, got -0\.1"),
        ({"threads": 0}, r"training\.threads"),
        ({"seed": -1}, r"training\.seed"),
    ],
)
def test_settings_are_checked(setting, message):
    with pytest.raises(ConfigError, match=message):
        TrainingConfig(**setting)


def test_a_training_has_epochs_unless_a_term_is_all_there_is():
    check_epochs(TrainingConfig(epochs=1), fitted=False)
    check_epochs(TrainingConfig(epochs=0), fitted=True)
    with pytest.raises(ConfigError, match=r"training.epochs must be at least 1, got 0; 0 is for a"):
        check_epochs(TrainingConfig(epochs=0), fitted=False)
