"""Which layers move, how fast, and what is learned beside."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.graph import Scope
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals
from xtalgraph.training.examples import Examples, Labels
from xtalgraph.training.finetuning import Release, Replay
from xtalgraph.training.optimizer import FlatAdamW
from xtalgraph.training.settings import FinetuningConfig

TARGET = Target("gap", Kind.INTENSIVE, "eV")


def model_of(encoder: str = "xgn", **settings):
    torch.manual_seed(0)
    return ModelSpec(encoder, settings, "mean", "radius", {"cutoff": 4.0}, (TARGET,)).make_model()


def release_of(model, depth: str = "gradual", factor: float = 0.5) -> Release:
    return Release(model, FinetuningConfig("run", None, depth, factor))


@pytest.mark.parametrize("encoder", sorted(ENCODERS))
def test_each_encoder_has_its_layers_between_what_comes_before_them_and_the_head(encoder):
    model = model_of(encoder)
    levels = release_of(model).levels
    assert {levels[name] for name in levels if not name.startswith("encoder.")} == {0}
    of_encoder = {levels[name] for name in levels if name.startswith("encoder.")}
    assert of_encoder == set(range(1, max(of_encoder) + 1))
    depth = max(len(c) for c in model.encoder.children() if isinstance(c, torch.nn.ModuleList))
    assert max(of_encoder) == depth + 1


def test_layers_are_released_one_by_one_over_the_first_half():
    release = release_of(model_of(depth=3, width=6, edge_width=6))
    assert [release.released(epoch, 16) for epoch in range(16)] == [0, 0, 1, 1, 2, 2, 3, 3] + [
        4
    ] * 8
    assert release_of(model_of(depth=3), "frozen").released(15, 16) == 0
    assert release_of(model_of(depth=3), "full").released(0, 16) == 4


def step(model, released: Release, epoch: int) -> dict[str, torch.Tensor]:
    """Return how far a step moves each weight."""
    optimizer = FlatAdamW(model, 0.0, released.levels, released.factor)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    model.train()
    lowest = released.begin(model, epoch, 10)
    crystals = list(contract_crystals().values())[:3]
    graph = build_graph(crystals, Radius(4.0))
    model(graph).values["gap"].square().sum().backward()
    optimizer.step(0.01, 1e9, lowest)
    return {name: (w.detach() - before[name]).abs().max() for name, w in model.named_parameters()}


def test_a_step_is_shorter_by_the_factor_for_each_layer_below():
    model = model_of(depth=2, width=6, edge_width=6)
    release = release_of(model, "full")
    for name, moved in step(model, release, 0).items():
        expected = 0.01 * 0.5 ** release.levels[name]  # the first step of Adam is the rate
        assert float(moved) == pytest.approx(expected, rel=1e-3) or float(moved) == 0, name


def test_what_is_frozen_stays_to_the_bit_with_its_means_over_batches():
    model = model_of(depth=2, width=6, edge_width=6)
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    moved = step(model, release_of(model, "frozen"), 5)
    assert any(float(value) > 0 for name, value in moved.items() if name.startswith("heads."))
    after = model.encoder.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_moments_of_a_layer_begin_when_it_is_released():
    model = model_of(depth=1, width=6, edge_width=6)
    release = release_of(model, factor=1.0)
    optimizer = FlatAdamW(model, 0.0, release.levels)
    for released in (0, 0, 2):
        for weight in model.parameters():
            weight.grad = torch.ones_like(weight)
        before = model.encoder.of_length.weight.detach().clone()
        optimizer.step(0.01, 1e9, released)
    moved = (model.encoder.of_length.weight.detach() - before).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 0.01))  # as a first step


def test_as_many_batches_of_what_is_known_as_of_what_is_new():
    crystals = list(contract_crystals().values())[:4]
    graph = build_graph(crystals, Radius(3.0))
    labels = Labels(torch.arange(4.0, dtype=torch.float64), Scope.CRYSTAL)
    replay = Replay(Examples(graph, {"gap": labels}), 0.5)

    def seen(epoch: int) -> list[list[float]]:
        batches = replay.batches(6, 12, seed=0, epoch=epoch)
        return [batch.labels["gap"].values.tolist() for batch in batches]

    drawn = seen(0)
    assert [len(batch) for batch in drawn] == [2] * 6
    assert np.bincount(np.concatenate(drawn).astype(int)).tolist() == [3] * 4
    assert seen(0) == drawn
    assert seen(1) != drawn


def test_replay_without_a_parent_is_an_error():
    with pytest.raises(ConfigError, match=r"finetuning\.parent"):
        FinetuningConfig(replay="crystals.csv")
