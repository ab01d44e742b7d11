"""The loss of each task against its definition, with gradients."""

import pytest
import torch
from sklearn.metrics import log_loss

from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.training.objective import LOSSES, Objective

NUMBER = Target("e", Kind.INTENSIVE, "eV")
CLASS = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)
VALUES = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64)
SAID = torch.tensor([-1.0, 2.0, 0.1, 20.0], dtype=torch.float64)


@pytest.mark.parametrize("name", LOSSES)
def test_a_number_is_compared_in_units_of_its_spread(name):
    objective = Objective(NUMBER, name)
    spread = objective.spread(VALUES, torch.full_like(VALUES, 0.5))
    assert float(spread) == 0.5
    expected = LOSSES[name](SAID / 0.5, VALUES / 0.5)
    assert torch.equal(objective.loss(SAID, VALUES, spread), expected)
    assert objective.error(SAID, VALUES) == pytest.approx(float((SAID - VALUES).abs().mean()))
    assert (objective.measure, objective.column) == ("MAE", "val_mae")


def test_constant_numbers_have_the_spread_1():
    assert float(Objective(NUMBER, "l1").spread(VALUES, VALUES)) == 1.0


def test_a_class_has_the_log_loss_of_its_log_odds():
    objective = Objective(CLASS, "l1")
    spread = objective.spread(VALUES, VALUES + 3)
    assert float(spread) == 1.0
    expected = log_loss(VALUES.numpy(), torch.sigmoid(SAID).numpy())
    assert float(objective.loss(SAID, VALUES, spread)) == pytest.approx(expected)
    assert objective.error(SAID, VALUES) == pytest.approx(expected)
    assert (objective.measure, objective.column) == ("log loss", "val_log_loss")


def test_the_gradient_of_the_log_loss_is_probability_less_class_however_far_off():
    said = torch.tensor([-900.0, 900.0, 0.0, 900.0], dtype=torch.float64, requires_grad=True)
    loss = Objective(CLASS, "l1").loss(said, VALUES, torch.ones(()))
    (slope,) = torch.autograd.grad(loss, said)
    torch.testing.assert_close(slope, (torch.sigmoid(said.detach()) - VALUES) / 4)
    assert torch.isfinite(loss)
