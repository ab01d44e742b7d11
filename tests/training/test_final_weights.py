"""Weights of targets that change before the end of a training."""

import dataclasses

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import settings_from
from xtalgraph.crystals import transforms
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training.examples import Examples, Labels
from xtalgraph.training.loop import Trainer
from xtalgraph.training.objective import Objective
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.potential_defaults import with_potential_defaults

TARGETS = tuple(Target(name, Kind.INTENSIVE) for name in ("a", "b"))
SPEC = ModelSpec("cgcnn", {"width": 8, "depth": 1}, "auto", "hybrid", {}, TARGETS, 1e-3)
EARLY = TrainingConfig(epochs=10, batch_size=6, weights={"a": 0.2}, precision="64-true")
CHANGED = dataclasses.replace(EARLY, final_weights={"a": 5.0}, final_part=0.3)


def examples(count: int) -> Examples:
    rng = np.random.default_rng(count)
    cubic = contract_crystals()["cubic"]
    crystals = [
        transforms.strain(cubic, np.diag(rng.uniform(-0.05, 0.05, 3))) for _ in range(count)
    ]
    labels = {
        name: Labels(torch.from_numpy(rng.normal(size=count)), Scope.CRYSTAL) for name in ("a", "b")
    }
    return Examples(SPEC.make_graph(crystals), labels)


def trainer(folder, config: TrainingConfig) -> Trainer:
    torch.manual_seed(0)
    return Trainer(SPEC.make_model(), examples(18), examples(6), config, folder, "k")


def losses(folder, config: TrainingConfig) -> list[float]:
    return [row["train_loss"] for row in trainer(folder, config).fit().history]


def test_the_last_epochs_have_other_weights(tmp_path):
    plain, changed = losses(tmp_path / "a", EARLY), losses(tmp_path / "b", CHANGED)
    assert changed[:7] == plain[:7]
    assert all(one != other for one, other in zip(changed[7:], plain[7:], strict=True))
    same = dataclasses.replace(CHANGED, final_weights={"a": 0.2})
    assert losses(tmp_path / "c", same) == plain


def test_the_checkpoint_is_selected_by_the_final_weights():
    config = dataclasses.replace(CHANGED, weights={"a": 0.2, "b": 2.0})
    weights = [term.weight for term in Objective.of(TARGETS, config).terms]
    assert weights == [5.0, 2.0], "one that is not named keeps its weight"
    early = Objective.of(TARGETS, config, final=False)
    assert [term.weight for term in early.terms] == [0.2, 2.0]


@pytest.mark.parametrize("epoch", [4, 7, 9])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, killed_in, epoch):
    whole = trainer(tmp_path / "whole", CHANGED)
    whole.fit()
    killed_in(epoch, trainer(tmp_path / "killed", CHANGED))
    resumed = trainer(tmp_path / "killed", CHANGED)
    resumed.fit(resume=True)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value)


def test_a_recorded_step_has_the_weights_of_its_epoch(tmp_path):
    kept = losses(tmp_path / "a", dataclasses.replace(CHANGED, capture=True))
    np.testing.assert_allclose(kept, losses(tmp_path / "b", CHANGED), rtol=1e-9)


def test_they_are_by_the_name_of_the_target():
    with pytest.raises(ConfigError, match=r"training\.final_weights has one of 'c'"):
        Objective.of(TARGETS, TrainingConfig(final_weights={"c": 1.0}))
    for wrong in ({"a": 0.0}, {"a": "much"}, [1.0]):
        with pytest.raises(ConfigError, match=r"training\.final_weights"):
            settings_from(TrainingConfig, {"final_weights": wrong}, "training")


def test_potentials_learn_forces_first_unless_weights_are_given():
    data = {"target": ["energy", "forces"]}
    training = with_potential_defaults({"data": data})["training"]
    assert training["final_weights"]["energy"] > training["weights"]["energy"]
    given = {"data": data, "training": {"weights": {"energy": 1.0}}}
    assert "final_weights" not in with_potential_defaults(given)["training"]


def test_beside_a_fitted_term_the_network_learns_more_slowly():
    data = {"target": ["energy", "forces"]}
    alone, zbl, ace, both = (
        with_potential_defaults({"data": data, "model": {"terms": terms}})["training"]
        for terms in (None, "zbl", {"ace": {"functions": 50}}, ["zbl", "ace"])
    )
    assert alone["learning_rate"] == zbl["learning_rate"]
    assert ace["learning_rate"] == both["learning_rate"] < alone["learning_rate"]
    given = {"data": data, "model": {"terms": "ace"}, "training": {"learning_rate": 0.01}}
    assert with_potential_defaults(given)["training"]["learning_rate"] == 0.01
