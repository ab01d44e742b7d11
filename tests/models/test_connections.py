"""Every way to join layers, in every encoder that has it: the contract, and each layer."""

import dataclasses
import typing

import pytest
import torch

from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.spec import ModelSpec, default_reduction_tolerance
from xtalgraph.nn.depth import ConnectionName
from xtalgraph.testing.contract import check_contract
from xtalgraph.testing.crystals import contract_crystals

NAMES = typing.get_args(ConnectionName)
PAPER = {
    "alignn": "residual",
    "cace": "residual",
    "cgcnn": "residual",
    "gcn": "none",
    "gemnet": "residual",
    "megnet": "residual",
    "schnet": "residual",
    "xgn": "residual",
}
"""How the papers join the layers of those that can be joined otherwise."""
TURNING = sorted(set(ENCODERS) - set(PAPER))
"""Features that turn with the crystal are joined as their paper does."""


def spec_of(encoder: str, connections: str) -> ModelSpec:
    small = {"width": 6, "depth": 2, "basis_step": 0.5, "connections": connections}
    small |= {"alignn_layers": 1, "gcn_layers": 1}  # the two of ALIGNN
    known = {field.name for field in dataclasses.fields(ENCODERS[encoder].Config)}
    assert ("connections" in known) == (encoder in PAPER)
    settings = {key: value for key, value in small.items() if key in known}
    target = Target("y", Kind.EXTENSIVE)
    # 0 where it cannot read a reduced graph
    tolerance = default_reduction_tolerance(encoder, (target,))
    return ModelSpec(encoder, settings, "auto", "radius", {}, (target,), tolerance)


@pytest.mark.parametrize("connections", [name for name in NAMES if name != "paper"])
@pytest.mark.parametrize("encoder", PAPER)
def test_a_folded_graph_gives_what_the_full_one_gives(encoder, connections):
    torch.manual_seed(0)
    spec = spec_of(encoder, connections)
    model = spec.make_model().double()
    crystals = contract_crystals()
    few = [crystals[name] for name in ("cubic", "triclinic", "one atom", "no edges")]
    full = dataclasses.replace(spec, reduction_tolerance=0.0).make_graph(few)
    reduced = model.eval()(spec.make_graph(few)).values["y"]
    torch.testing.assert_close(reduced, model(full).values["y"], rtol=1e-8, atol=1e-8)
    model.train()(full).values["y"].sum().backward()
    without = [n for n, p in model.named_parameters() if p.grad is None]
    # What the last layer does to edges and state reaches a total through the crystal's vector.
    assert without == []


@pytest.mark.parametrize(
    ("encoder", "connections"),
    [("cgcnn", "dense"), ("gcn", "jk-max"), ("megnet", "none"), ("schnet", "jk-attention")],
)
def test_the_contract_is_signed(encoder, connections):
    torch.manual_seed(0)
    spec = spec_of(encoder, connections)
    checks = check_contract(spec.make_model(), spec)
    assert [check for check in checks if not check.passed] == []


@pytest.mark.parametrize("encoder", PAPER)
def test_the_paper_is_one_of_them(encoder):
    graph = spec_of(encoder, "paper").make_graph(contract_crystals()["cubic"])
    found = []
    for connections in ("paper", PAPER[encoder]):
        torch.manual_seed(0)
        found.append(spec_of(encoder, connections).make_model().eval()(graph).values["y"])
    assert torch.equal(*found)


@pytest.mark.parametrize("encoder", TURNING)
def test_those_that_turn_read_directions_and_have_no_such_option(encoder):
    assert ENCODERS[encoder].reads.directions
    assert "connections" not in spec_of(encoder, "paper").settings


@pytest.mark.parametrize("encoder", PAPER)
def test_an_encoder_tells_its_layers(encoder):
    spec = spec_of(encoder, "paper")
    features = spec.make_model().encoder(spec.make_graph(contract_crystals()["cubic"]))
    assert len(features.layers) == 3
    assert torch.equal(features.layers[-1], features.atom)
