"""Inference on any device and in any precision leaves the models as they are."""

import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.encoder import Features
from xtalgraph.models.inference import check_device, concatenated, infer
from xtalgraph.models.model import Output
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

TARGETS = (Target("e", Kind.EXTENSIVE, "eV"), Target("gap", Kind.INTENSIVE, "eV"))
SPEC = ModelSpec("cgcnn", {"width": 8, "depth": 1}, "auto", "radius", {}, TARGETS, variance=True)
CRYSTALS = list(contract_crystals().values())


@pytest.fixture
def members():
    torch.manual_seed(0)
    return [SPEC.make_model(), SPEC.make_model()]


def test_each_member_gives_what_it_gives_alone_whatever_the_batches(members):
    whole = SPEC.make_graph(CRYSTALS)
    parts = [SPEC.make_graph(CRYSTALS[:2]), SPEC.make_graph(CRYSTALS[2:])]
    batches = list(infer(members, parts))
    assert [len(batch.outputs) for batch in batches] == [2, 2]
    for place, member in enumerate(members):
        values, deviations = concatenated(batch.outputs[place] for batch in batches)
        with torch.no_grad():
            output = member.eval()(whole)
        for name in ("e", "gap"):
            torch.testing.assert_close(values[name], output.values[name], rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(deviations[name], output.deviations[name])
            assert not values[name].requires_grad


def test_the_mode_is_left_as_it_was(members):
    members[0].train()
    members[1].eval()
    list(infer(members, [SPEC.make_graph(CRYSTALS)]))
    assert [member.training for member in members] == [True, False]


def test_another_precision_takes_a_copy(members):
    graph = SPEC.make_graph(CRYSTALS)
    (single,) = infer(members, [graph])
    (double,) = infer(members, [graph], dtype=torch.float64)
    value = double.outputs[0].values["e"]
    assert value.dtype is torch.float64
    assert {one.dtype for one in members[0].parameters()} == {torch.float32}
    torch.testing.assert_close(single.outputs[0].values["e"].double(), value, rtol=1e-4, atol=1e-4)


def test_another_device_takes_a_copy_and_the_graphs_follow(members, monkeypatch):
    """Shapes alone are computed on the device meta, which is everywhere."""
    monkeypatch.setattr("xtalgraph.models.inference.check_device", torch.device)
    graph = SPEC.make_graph(CRYSTALS[0])
    moved = []
    original = type(graph).to

    def to(self, device=None, dtype=None):
        moved.append(device)
        return original(self, None, dtype)

    monkeypatch.setattr(type(graph), "to", to)
    placed = []

    def evaluated(member, graph):
        placed.append(next(member.parameters()).device)
        return Output({}, {}, Features(torch.zeros(0, 0)))

    monkeypatch.setattr("xtalgraph.models.inference.evaluated", evaluated)
    list(infer(members, [graph], device="meta"))
    assert moved == [torch.device("meta")]
    assert placed == [torch.device("meta")] * 2
    assert next(members[0].parameters()).device == torch.device("cpu")


@pytest.mark.parametrize("device", ["tpu", "meta", "cpu:x"])
def test_unknown_devices_are_refused(device):
    with pytest.raises(ConfigError, match="the device must be cpu or cuda, got"):
        check_device(device)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="CUDA GPU on this machine: set it to cpu"):
        check_device("cuda:99")
    assert check_device("cpu") == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_what_the_cpu_gives(members):
    graph = SPEC.make_graph(CRYSTALS)
    (here,) = infer(members, [graph], dtype=torch.float64)
    (there,) = infer(members, [graph], device="cuda", dtype=torch.float64)
    for one, other in zip(here.outputs, there.outputs, strict=True):
        for name in one.values:
            torch.testing.assert_close(other.values[name].cpu(), one.values[name])
