"""The loss of each task against its definition, with gradients."""

import math

import pytest
import torch
from sklearn.metrics import log_loss

from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.training.objective import LOSSES, Objective, gaussian_loss

NUMBER = Target("e", Kind.INTENSIVE, "eV")
CLASS = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)
VALUES = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64)
SAID = torch.tensor([-1.0, 2.0, 0.1, 20.0], dtype=torch.float64)


@pytest.mark.parametrize("name", LOSSES)
def test_a_number_is_compared_in_units_of_its_spread(name):
    objective = Objective((NUMBER,), name)
    scale = objective.scale(VALUES, torch.full_like(VALUES, 0.5))
    assert float(scale) == 0.5
    expected = LOSSES[name](SAID / 0.5, VALUES / 0.5)
    assert torch.equal(objective.loss(SAID, VALUES, scale), expected)
    assert float(objective.errors(SAID, VALUES, scale).mean()) == pytest.approx(
        float((SAID - VALUES).abs().mean())
    )
    assert (objective.measure, objective.column) == ("MAE", "val_mae")


def test_constant_numbers_have_the_spread_1():
    assert float(Objective((NUMBER,), "l1").scale(VALUES, VALUES)) == 1.0


def test_a_class_has_the_log_loss_of_its_log_odds():
    objective = Objective((CLASS,), "l1")
    scale = objective.scale(VALUES, VALUES + 3)
    assert float(scale) == 1.0
    expected = log_loss(VALUES.numpy(), torch.sigmoid(SAID).numpy())
    assert float(objective.loss(SAID, VALUES, scale)) == pytest.approx(expected)
    assert float(objective.errors(SAID, VALUES, scale).mean()) == pytest.approx(expected)
    assert (objective.measure, objective.column) == ("log loss", "val_log_loss")


def test_the_gradient_of_the_log_loss_is_probability_less_class_however_far_off():
    said = torch.tensor([-900.0, 900.0, 0.0, 900.0], dtype=torch.float64, requires_grad=True)
    loss = Objective((CLASS,), "l1").loss(said, VALUES, torch.ones(()))
    (slope,) = torch.autograd.grad(loss, said)
    torch.testing.assert_close(slope, (torch.sigmoid(said.detach()) - VALUES) / 4)
    assert torch.isfinite(loss)


NAN = float("nan")
SEVERAL = torch.tensor([[1.0, 0.0], [NAN, 1.0], [3.0, NAN]], dtype=torch.float64)
GUESS = torch.tensor([[2.0, -0.3], [9.0, 0.2], [3.5, 7.0]], dtype=torch.float64)


@pytest.mark.parametrize("name", LOSSES)
def test_missing_labels_add_nothing_and_have_no_gradient(name):
    objective = Objective((NUMBER, CLASS), name)
    scale = objective.scale(SEVERAL, torch.full_like(SEVERAL, 1.5))
    assert scale.tolist() == [1.0, 1.0], "mean of 0.5 and 1.5; and that of a class"
    scale[0] = 2.0
    said = GUESS.clone().requires_grad_()
    loss = objective.loss(said, SEVERAL, scale)
    number = LOSSES[name](GUESS[[0, 2], 0] / 2, SEVERAL[[0, 2], 0] / 2, reduction="sum")
    chance = torch.sigmoid(GUESS[:2, 1])
    classes = -(torch.log(1 - chance[0]) + torch.log(chance[1]))
    assert loss.item() == pytest.approx(float(number + classes) / 4)
    (slope,) = torch.autograd.grad(loss, said)
    assert torch.isfinite(slope).all()
    assert ((slope == 0) == SEVERAL.isnan()).all()


def test_the_error_of_several_is_the_mean_over_targets_in_units_of_their_spread():
    objective = Objective((NUMBER, CLASS), "l1")
    scale = torch.tensor([2.0, 1.0], dtype=torch.float64)
    classes = log_loss([0, 1], torch.sigmoid(GUESS[:2, 1]).numpy())
    expected = ((1.0 + 0.5) / 2 / 2 + classes) / 2
    assert float(objective.errors(GUESS, SEVERAL, scale).mean()) == pytest.approx(expected)
    assert (objective.measure, objective.column) == ("error", "val_error")
    only_number = SEVERAL[2:]
    assert float(objective.errors(GUESS[2:], only_number, scale).mean()) == pytest.approx(0.5 / 2)


def test_two_equal_targets_have_the_loss_of_one():
    one, two = Objective((NUMBER,), "huber"), Objective((NUMBER, NUMBER), "huber")
    twice = torch.stack([SAID, SAID], dim=1), torch.stack([VALUES, VALUES], dim=1)
    expected = one.loss(SAID, VALUES, torch.tensor(0.5))
    assert float(two.loss(*twice, torch.tensor([0.5, 0.5]))) == pytest.approx(float(expected))


DEVIATION = torch.tensor([0.3, 1.0, 2.0, 7.0], dtype=torch.float64)


def test_without_a_weight_it_is_the_negative_log_likelihood():
    expected = -torch.distributions.Normal(SAID, DEVIATION).log_prob(VALUES)
    found = gaussian_loss(SAID, VALUES, DEVIATION, beta=0.0)
    torch.testing.assert_close(found + math.log(2 * math.pi) / 2, expected)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_beta_weighs_both_slopes_alike(beta):
    """∂/∂mean = s^2β e/s², ∂/∂s² = s^2β (s² − e²)/2s⁴: equations 5 and 6 of Seitzer et al."""
    said, variance = SAID.clone().requires_grad_(), DEVIATION.square().requires_grad_()
    loss = gaussian_loss(said, VALUES, variance.sqrt(), beta).sum()
    slopes = torch.autograd.grad(loss, [said, variance])
    error, weight = SAID - VALUES, DEVIATION ** (2 * beta)
    torch.testing.assert_close(slopes[0], weight * error / DEVIATION**2)
    expected = weight * (DEVIATION**2 - error**2) / (2 * DEVIATION**4)
    torch.testing.assert_close(slopes[1], expected)


def test_one_deviation_for_all_is_best_at_the_root_of_the_mean_squared_error():
    deviation = (SAID - VALUES).square().mean().sqrt().requires_grad_()
    loss = gaussian_loss(SAID, VALUES, deviation.expand(4)).sum()
    (slope,) = torch.autograd.grad(loss, deviation)
    assert float(slope) == pytest.approx(0.0, abs=1e-12)


def test_a_learned_deviation_is_in_the_units_of_the_error():
    objective = Objective((NUMBER,), "gaussian")
    found = objective.loss(SAID, VALUES, torch.tensor(0.5), DEVIATION)
    expected = gaussian_loss(SAID / 0.5, VALUES / 0.5, DEVIATION / 0.5).mean()
    torch.testing.assert_close(found, expected)


def test_labels_that_are_missing_say_nothing_of_the_deviation():
    objective, scale = Objective((NUMBER, NUMBER), "gaussian"), torch.tensor([2.0, 1.0])
    said, deviation = GUESS.clone().requires_grad_(), torch.full_like(GUESS, 0.7).requires_grad_()
    loss = objective.loss(said, SEVERAL, scale, deviation)
    known = ~SEVERAL.isnan()
    units = scale.expand(3, 2)[known].double()
    scaled = (one[known] / units for one in (GUESS, SEVERAL, torch.full_like(GUESS, 0.7)))
    torch.testing.assert_close(loss, gaussian_loss(*scaled).mean())
    for slope in torch.autograd.grad(loss, [said, deviation]):
        assert torch.isfinite(slope).all()
        assert ((slope == 0) == SEVERAL.isnan()).all()
