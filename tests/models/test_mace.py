"""MACE: what it is made of, what it needs, and that its features turn."""

from dataclasses import replace

import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.equivariance import features_turn
from xtalgraph.models.mace import MACE
from xtalgraph.models.model_under_test import ModelUnderTest
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals

SMALL = {"channels": 4, "radials": 4, "radial_width": 8, "neighbors": 12.0}
CUTOFF = 4.0


def spec_of(**settings) -> ModelSpec:
    target = Target("y", Kind.EXTENSIVE)
    return ModelSpec("mace", SMALL | settings, "auto", "radius", {"cutoff": CUTOFF}, (target,))


def encoder(**settings) -> MACE:
    torch.manual_seed(0)
    return MACE(MACE.Config(**(SMALL | settings)), CUTOFF).double()


def test_features_to_degree_three_turn_in_two_hundred_rotations():
    spec = spec_of(degree=3, hidden_degree=2, output_degree=3)
    torch.manual_seed(0)
    tested = ModelUnderTest.of([spec.make_model().double()], spec)
    crystals = {"triclinic": contract_crystals()["triclinic"]}
    conditions = spec.conditions.values_of([{}])
    turned = next(features_turn(tested, crystals, conditions, 1e-10, draws=200))
    assert turned.passed
    assert turned.relative is not None
    assert turned.relative > 0.0
    assert tested.encoders[0].tensors == dict.fromkeys([(0, 1), (1, -1), (2, 1), (3, -1)], 4)


@pytest.mark.parametrize(
    "settings",
    [{"correlation": 1}, {"correlation": 4, "degree": 1}, {"depth": 1}, {"depth": 3}],
    ids=str,
)
def test_potentials_of_every_size_sign_the_contract(settings):
    targets = tuple(potential_targets(["energy", "forces", "stress"]) or ())
    torch.manual_seed(0)
    spec = replace(spec_of(**settings), targets=targets)
    names = ("cubic", "slab", "one atom", "no edges")
    crystals = {name: contract_crystals()[name] for name in names}
    checks = check_contract(spec.make_model(), spec, crystals)
    assert [check for check in checks if not check.passed] == []


def test_products_of_three_sums_tell_what_those_of_two_do_not():
    graph = build_graph(contract_crystals()["distorted"], Radius(CUTOFF))
    counts = [
        encoder(correlation=correlation, depth=1).layers[0].products.counts[0]
        for correlation in (1, 2, 3)
    ]
    assert counts == [1, 1 + 3, 1 + 3 + 5]
    features = encoder(correlation=1, depth=1)(graph)
    assert features.atom.shape == (5, 4)
    assert len(features.layers) == 2


def test_sums_over_neighbors_and_their_products_begin_with_size_one():
    made = encoder(channels=32, radials=8, radial_width=64, neighbors=20.0)
    sizes = []
    for layer in made.layers:
        layer.interaction.register_forward_hook(
            lambda _, __, sums: sizes.append(float(sums[0, 1].detach().square().mean().sqrt()))
        )
    made(build_graph(contract_crystals()["distorted"], Radius(CUTOFF)))
    assert all(0.1 < size < 10.0 for size in sizes), sizes


def test_a_graph_without_directions_is_an_error():
    graph = build_reduced([contract_crystals()["cubic"]], Radius(CUTOFF), 0.01)
    with pytest.raises(GraphError, match="needs a CrystalGraph"):
        encoder()(graph)


def test_there_is_no_model_without_layers():
    with pytest.raises(ConfigError, match=r"model\.depth must be at least 1"):
        MACE.Config(depth=0)
