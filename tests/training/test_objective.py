"""The loss of each task against its definition, with gradients."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.tensors import TensorType
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Scope
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.encoder import Features
from xtalgraph.models.model import Output
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training.examples import Examples, Labels
from xtalgraph.training.objective import Objective, Term
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.training.term import LOSSES, gaussian_loss

NUMBER = Target("e", Kind.INTENSIVE, "eV")
CLASS = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)
TOTAL = Target("total", Kind.EXTENSIVE, "eV")
SITES = Target("q", Kind.ATOMIC, "e")
NAN = float("nan")
VALUES = torch.tensor([0.0, 1.0, 1.0, 0.0], dtype=torch.float64)
SAID = torch.tensor([-1.0, 2.0, 0.1, 20.0], dtype=torch.float64)
SEVERAL = {
    "e": torch.tensor([1.0, NAN, 3.0], dtype=torch.float64),
    "metal": torch.tensor([0.0, 1.0, NAN], dtype=torch.float64),
}
GUESS = {
    "e": torch.tensor([2.0, 9.0, 3.5], dtype=torch.float64),
    "metal": torch.tensor([-0.3, 0.2, 7.0], dtype=torch.float64),
}
NONE = torch.zeros(0, dtype=torch.long)
ONE = torch.ones((), dtype=torch.float64)
CRYSTALS = list(contract_crystals().values())[:3]
SIZES = torch.tensor([float(len(crystal)) for crystal in CRYSTALS], dtype=torch.float64)


def objective(*targets: Target, loss: str = "l1", **options) -> Objective:
    return Objective(tuple(Term(target, loss, **options) for target in targets))


def labels(values: dict[str, torch.Tensor], scope: Scope = Scope.CRYSTAL) -> dict[str, Labels]:
    return {name: Labels(value, scope) for name, value in values.items()}


def loss_of(made: Objective, values, truth, scales, deviations=None) -> torch.Tensor:
    batch = Examples(build_graph(CRYSTALS, Radius(4.0)), labels(truth))
    output = Output(values, deviations or {}, Features(torch.zeros(0, 0)))
    return made.mean(made.sums(output, batch, scales))


@pytest.mark.parametrize("name", LOSSES)
def test_a_number_is_compared_in_units_of_its_scale(name):
    made = objective(NUMBER, loss=name)
    scales = made.scales(labels({"e": VALUES}), {"e": torch.full_like(VALUES, 0.5)}, SIZES)
    assert float(scales["e"]) == 0.5
    expected = LOSSES[name](SAID / 0.5, VALUES / 0.5)
    assert torch.equal(loss_of(made, {"e": SAID}, {"e": VALUES}, scales), expected)
    errors = made.errors({"e": SAID}, labels({"e": VALUES}), scales, NONE)
    assert float(errors.mean()) == pytest.approx(float((SAID - VALUES).abs().mean()))
    assert (made.measure, made.column) == ("MAE", "val_mae")


def test_constant_numbers_have_the_scale_1():
    scales = objective(NUMBER).scales(labels({"e": VALUES}), {"e": VALUES}, SIZES)
    assert float(scales["e"]) == 1.0


def test_a_class_has_the_log_loss_of_its_log_odds():
    made, truth = objective(CLASS), labels({"metal": VALUES})
    scales = made.scales(truth, {"metal": VALUES + 3}, SIZES)
    assert float(scales["metal"]) == 1.0
    expected = log_loss(VALUES.numpy(), torch.sigmoid(SAID).numpy())
    found = loss_of(made, {"metal": SAID}, {"metal": VALUES}, scales)
    assert float(found) == pytest.approx(expected)
    errors = made.errors({"metal": SAID}, truth, scales, NONE)
    assert float(errors.mean()) == pytest.approx(expected)
    assert (made.measure, made.column) == ("log loss", "val_log_loss")


def test_the_gradient_of_the_log_loss_is_probability_less_class_however_far_off():
    said = torch.tensor([-900.0, 900.0, 0.0, 900.0], dtype=torch.float64, requires_grad=True)
    loss = loss_of(objective(CLASS), {"metal": said}, {"metal": VALUES}, {"metal": ONE})
    (slope,) = torch.autograd.grad(loss, said)
    torch.testing.assert_close(slope, (torch.sigmoid(said.detach()) - VALUES) / 4)
    assert torch.isfinite(loss)


@pytest.mark.parametrize("name", LOSSES)
def test_missing_labels_add_nothing_and_have_no_gradient(name):
    made = objective(NUMBER, CLASS, loss=name)
    start = {key: torch.full_like(value, 1.5) for key, value in SEVERAL.items()}
    scales = made.scales(labels(SEVERAL), start, SIZES)
    assert [float(scale) for scale in scales.values()] == [1.0, 1.0], "mean of 0.5 and 1.5"
    scales["e"] = 2 * ONE
    said = {key: value.clone().requires_grad_() for key, value in GUESS.items()}
    loss = loss_of(made, said, SEVERAL, scales)
    number = LOSSES[name](GUESS["e"][[0, 2]] / 2, SEVERAL["e"][[0, 2]] / 2, reduction="sum")
    chance = torch.sigmoid(GUESS["metal"][:2])
    classes = -(torch.log(1 - chance[0]) + torch.log(chance[1]))
    assert loss.item() == pytest.approx(float(number + classes) / 4)
    for slope, truth in zip(
        torch.autograd.grad(loss, list(said.values())), SEVERAL.values(), strict=True
    ):
        assert torch.isfinite(slope).all()
        assert torch.equal(slope == 0, truth.isnan())


def test_a_label_of_weight_3_counts_as_three():
    made = Objective((Term(NUMBER, "l1", weight=3.0), Term(CLASS, "l1")))
    scales = {"e": 2 * ONE, "metal": ONE}
    number = (1.0 + 0.5) / 2
    chance = torch.sigmoid(GUESS["metal"][:2])
    classes = float(-(torch.log(1 - chance[0]) + torch.log(chance[1])))
    found = loss_of(made, GUESS, SEVERAL, scales)
    assert float(found) == pytest.approx((3 * number + classes) / (3 * 2 + 2))
    alone = loss_of(objective(NUMBER, weight=3.0), {"e": SAID}, {"e": VALUES}, scales)
    assert float(alone) == pytest.approx(float((SAID - VALUES).abs().mean() / 2))


def test_sums_and_numbers_of_parts_add_up_to_those_of_the_whole():
    made, scales = objective(NUMBER, CLASS), {"e": 2 * ONE, "metal": ONE}
    graph = build_graph(CRYSTALS, Radius(4.0))
    whole = Examples(graph, labels(SEVERAL))

    def sums(rows: list[int]):
        values = {name: value[rows] for name, value in GUESS.items()}
        output = Output(values, {}, Features(torch.zeros(0, 0)))
        return made.sums(output, whole.select(torch.tensor(rows)), scales)

    one, two, all_ = sums([0]), sums([1, 2]), sums([0, 1, 2])
    for name in SEVERAL:
        assert float(one[name][0] + two[name][0]) == pytest.approx(float(all_[name][0]), rel=1e-15)
        assert int(one[name][1] + two[name][1]) == int(all_[name][1]) == 2
    added = {name: (one[name][0] + two[name][0], one[name][1] + two[name][1]) for name in SEVERAL}
    assert float(made.mean(added)) == pytest.approx(float(made.mean(all_)), rel=1e-15)


def test_a_total_may_be_compared_per_atom():
    truth = {"total": 2.0 * SIZES + torch.tensor([0.3, -0.2, 0.4]) * SIZES}
    start, said = {"total": 2.0 * SIZES}, {"total": 2.1 * SIZES}
    made = objective(TOTAL, per_atom=True)
    scales = made.scales(labels(truth), start, SIZES)
    assert float(scales["total"]) == pytest.approx(0.3)
    found = loss_of(made, said, truth, scales)
    assert float(found) == pytest.approx((0.2 + 0.3 + 0.3) / 3 / 0.3)
    errors = made.errors(said, labels(truth), scales, NONE)
    assert errors.numpy() == pytest.approx(np.array([0.2, 0.3, 0.3]) * SIZES.numpy()), "of cells"


MATRIX = Target("eps", Kind.INTENSIVE, tensor=TensorType(2, "ij=ji"))


def test_the_error_of_a_tensor_may_be_compared_with_its_norm():
    eye = torch.eye(3, dtype=torch.float64)
    truth = torch.stack(
        [2.0 * eye, 10.0 * eye, torch.full((3, 3), NAN), torch.zeros(3, 3).double()]
    )
    said = (truth + eye).nan_to_num(5.0).requires_grad_()
    made = Objective.of([MATRIX], TrainingConfig(relative=True))
    scales = {"eps": ONE * 3**0.5}
    batch = Examples(
        build_graph([CRYSTALS[n] for n in (0, 1, 2, 0)], Radius(4.0)), labels({"eps": truth})
    )
    sums = made.sums(Output({"eps": said}, {}, Features(torch.zeros(0, 0))), batch, scales)
    loss = made.mean(sums)
    # In units of the scale norms are 2, 10 and 0, and each error is 1.
    assert loss.item() == pytest.approx((1 / 2.1 + 1 / 10.1 + 1 / 0.1) / 3)
    (slope,) = torch.autograd.grad(loss, said)
    assert torch.isfinite(slope).all()
    assert not slope[2].any()
    errors = made.errors({"eps": said.detach()}, labels({"eps": truth}), scales, NONE)
    assert errors[[0, 1, 3]].numpy() == pytest.approx(3**0.5), "the validation error is in the unit"
    with pytest.raises(ConfigError, match=r"no target is a tensor: leave it out"):
        Objective.of([NUMBER], TrainingConfig(relative=True))


def test_the_error_of_several_is_the_mean_over_targets_in_units_of_their_scale():
    made, scales = objective(NUMBER, CLASS), {"e": 2 * ONE, "metal": ONE}
    classes = log_loss([0, 1], torch.sigmoid(GUESS["metal"][:2]).numpy())
    expected = ((1.0 + 0.5) / 2 / 2 + classes) / 2
    errors = made.errors(GUESS, labels(SEVERAL), scales, NONE)
    assert float(errors.mean()) == pytest.approx(expected)
    assert (made.measure, made.column) == ("error", "val_error")
    each = made.means(GUESS, labels(SEVERAL), NONE)
    assert each == {"val_mae:e": pytest.approx(0.75), "val_log_loss:metal": pytest.approx(classes)}
    last = [{name: value[2:] for name, value in one.items()} for one in (GUESS, SEVERAL)]
    errors = made.errors(last[0], labels(last[1]), scales, NONE)
    assert float(errors.mean()) == pytest.approx(0.5 / 2)


def test_targets_of_sites_and_of_crystals_have_one_error_for_each_crystal():
    made, scales = objective(NUMBER, SITES), {"e": 2 * ONE, "q": ONE}
    truth = labels({"e": SEVERAL["e"]}) | labels({"q": torch.zeros(5).double()}, Scope.ATOM)
    said = {"e": GUESS["e"], "q": torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0], dtype=torch.float64)}
    errors = made.errors(said, truth, scales, torch.tensor([0, 0, 1, 2, 2]))
    assert errors.shape == (3,)
    assert float(errors.mean()) == pytest.approx(((1.0 + 0.5) / 2 / 2 + 3.0) / 2)


FRAMES = potential_targets(["energy", "forces"])
TRUE_FRAMES = {
    "energy": torch.tensor([10.0, NAN, 3.0], dtype=torch.float64),
    "forces": torch.zeros(sum(map(len, CRYSTALS)), 3, dtype=torch.float64),
}
PREDICTED_FRAMES = {
    "energy": torch.tensor([12.0, 7.0, 2.0], dtype=torch.float64),
    "forces": torch.linspace(0.1, 0.4, TRUE_FRAMES["forces"].numel()).double().reshape(-1, 3),
}


def labelled_frames() -> dict[str, Labels]:
    scopes = {"energy": Scope.CRYSTAL, "forces": Scope.ATOM}
    return {name: Labels(value, scopes[name]) for name, value in TRUE_FRAMES.items()}


def test_a_potential_has_the_weighted_mean_of_its_terms_and_energies_per_atom():
    config = TrainingConfig(weights={"energy": 3.0, "forces": 1.0})
    made, scales = Objective.of(FRAMES, config), {"energy": 0.5 * ONE, "forces": 0.2 * ONE}
    batch = Examples(build_graph(CRYSTALS, Radius(4.0)), labelled_frames())
    output = Output(PREDICTED_FRAMES, {}, Features(torch.zeros(0, 0)))
    loss = made.mean(made.sums(output, batch, scales))
    energy = (2.0 / SIZES[0] + 1.0 / SIZES[2]) / 2
    forces = PREDICTED_FRAMES["forces"].mean()
    assert float(loss) == pytest.approx(float((3 * energy / 0.5 + forces / 0.2) / 4))
    crystal = torch.arange(3).repeat_interleave(SIZES.long())
    errors = made.errors(PREDICTED_FRAMES, labelled_frames(), scales, crystal)
    assert errors.shape == (3,)
    assert float(errors.mean()) == pytest.approx(float(loss)), "of l1"
    means = made.means(PREDICTED_FRAMES, labelled_frames(), crystal)
    assert means == {
        "val_mae:energy (meV/atom)": pytest.approx(1000 * float(energy)),
        "val_mae:forces (meV/Å)": pytest.approx(1000 * float(forces)),
    }


def test_a_frame_without_any_forces_adds_its_energy_alone():
    made, scales = Objective.of(FRAMES, TrainingConfig()), {"energy": ONE, "forces": ONE}
    none = {**TRUE_FRAMES, "forces": torch.full_like(TRUE_FRAMES["forces"], NAN)}
    batch = Examples(
        build_graph(CRYSTALS, Radius(4.0)),
        {
            "energy": Labels(none["energy"], Scope.CRYSTAL),
            "forces": Labels(none["forces"], Scope.ATOM),
        },
    )
    output = Output(PREDICTED_FRAMES, {}, Features(torch.zeros(0, 0)))
    loss = made.mean(made.sums(output, batch, scales))
    assert float(loss) == pytest.approx(float((2.0 / SIZES[0] + 1.0 / SIZES[2]) / 2 / 2))


@pytest.mark.parametrize("name", LOSSES)
def test_two_equal_targets_have_the_loss_of_one(name):
    twin = Target("f", Kind.INTENSIVE, "eV")
    one, two = objective(NUMBER, loss=name), objective(NUMBER, twin, loss=name)
    scale, both = ONE / 2, {"e": SAID, "f": SAID}
    expected = loss_of(one, {"e": SAID}, {"e": VALUES}, {"e": scale})
    found = loss_of(two, both, {"e": VALUES, "f": VALUES}, {"e": scale, "f": scale})
    assert float(found) == pytest.approx(float(expected))


def test_a_list_has_the_loss_of_its_numbers():
    twin = Target("f", Kind.INTENSIVE, "eV")
    listing = replace(NUMBER, tensor=TensorType(copies=2))
    one, two = objective(listing, loss="huber"), objective(NUMBER, twin, loss="huber")
    listed = [torch.stack([x["e"], x["metal"]], dim=1) for x in (GUESS, SEVERAL)]
    apart = [{"e": x["e"], "f": x["metal"]} for x in (GUESS, SEVERAL)]
    start = torch.full((3, 2), 1.5, dtype=torch.float64)
    scales = one.scales(labels({"e": listed[1]}), {"e": start}, SIZES)
    starts = {"e": start[:, 0], "f": start[:, 1]}
    each = two.scales(labels(apart[1]), starts, SIZES)
    assert scales["e"].tolist() == [float(each["e"]), float(each["f"])]
    found = loss_of(one, {"e": listed[0]}, {"e": listed[1]}, scales)
    assert float(found) == pytest.approx(float(loss_of(two, apart[0], apart[1], each)))
    errors = one.errors({"e": listed[0]}, labels({"e": listed[1]}), scales, NONE)
    expected = two.errors(apart[0], labels(apart[1]), each, NONE)
    torch.testing.assert_close(errors, expected)


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
    made = objective(NUMBER, loss="gaussian")
    found = loss_of(made, {"e": SAID}, {"e": VALUES}, {"e": ONE / 2}, {"e": DEVIATION})
    expected = gaussian_loss(SAID / 0.5, VALUES / 0.5, DEVIATION / 0.5).mean()
    torch.testing.assert_close(found, expected)


def test_labels_that_are_missing_say_nothing_of_the_deviation():
    made, scales = objective(NUMBER, loss="gaussian"), {"e": 2 * ONE}
    said = GUESS["e"].clone().requires_grad_()
    deviation = torch.full_like(said, 0.7).requires_grad_()
    loss = loss_of(made, {"e": said}, {"e": SEVERAL["e"]}, scales, {"e": deviation})
    known = ~SEVERAL["e"].isnan()
    scaled = (one[known].detach() / 2 for one in (said, SEVERAL["e"], deviation))
    torch.testing.assert_close(loss, gaussian_loss(*scaled).mean())
    for slope in torch.autograd.grad(loss, [said, deviation]):
        assert torch.isfinite(slope).all()
        assert torch.equal(slope == 0, SEVERAL["e"].isnan())
