"""A learned deviation: positive, extensive as its target, beside what is there already."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import TargetError
from xtalgraph.crystals.transforms import supercell
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.models.checkpoint import load_model, save_model
from xtalgraph.models.encoder import Features
from xtalgraph.models.head import SMALLEST, Deviation, Head
from xtalgraph.models.model import Model, PropertyModel
from xtalgraph.models.readouts import READOUTS, MeanReadout, SumReadout
from xtalgraph.models.spec import ModelSpec
from xtalgraph.models.upgrades import FORMAT
from xtalgraph.testing.crystals import contract_crystals

PLAIN = ModelSpec(
    "cgcnn", {"width": 8, "depth": 1}, "auto", "radius", {}, (Target("e", Kind.EXTENSIVE, "eV"),)
)
SPEC = dataclasses.replace(PLAIN, variance=True)
CLASS = Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)


def made(spec: ModelSpec) -> Model:
    torch.manual_seed(3)
    return spec.make_model().double().eval()


def deviation(model: Model, spec: ModelSpec, *crystals, name: str = "e") -> np.ndarray:
    with torch.no_grad():
        return model(spec.make_graph(crystals)).deviations[name].numpy()


@pytest.mark.parametrize(
    "readout",
    [n for n, r in READOUTS.items() if r.serves is Kind.EXTENSIVE and not r.reads_edges],
)
@pytest.mark.parametrize("reduction_tolerance", [0.0, 1e-3])
def test_eight_cells_have_eight_times_the_deviation_of_one(readout, reduction_tolerance):
    spec = dataclasses.replace(SPEC, readout=readout, reduction_tolerance=reduction_tolerance)
    crystal = contract_crystals()["triclinic"]
    one, eight = deviation(made(spec), spec, crystal, supercell(crystal, (2, 2, 2)))
    assert eight == pytest.approx(8 * one, rel=1e-10)
    intensive = dataclasses.replace(spec, readout="auto", targets=(Target("e", Kind.INTENSIVE),))
    one, eight = deviation(made(intensive), intensive, crystal, supercell(crystal, (2, 2, 2)))
    assert eight == pytest.approx(one, rel=1e-10)


@pytest.mark.parametrize("raw", [-1e4, 0.0, 1e4])
def test_it_is_positive_and_has_a_finite_slope_however_far_off_the_readout_is(raw):
    readout = MeanReadout(2).double()
    for parameter in readout.parameters():
        torch.nn.init.zeros_(parameter)
    torch.nn.init.constant_(readout.head[-1].bias, raw)
    graph = SPEC.make_graph(contract_crystals()["cubic"])
    features = Features(torch.zeros(len(graph.number), 2, dtype=torch.float64))
    found = Deviation(readout)(features, graph)
    assert found.item() == pytest.approx(max(raw, 0.0) + math.log1p(math.exp(-abs(raw))) + SMALLEST)
    found.log().sum().backward()
    assert torch.isfinite(readout.head[-1].bias.grad).all()


def test_it_is_in_the_unit_of_the_target():
    model = made(SPEC)
    before = deviation(model, SPEC, contract_crystals()["cubic"])
    model.heads[0].scalers[0].scale.fill_(5.0)
    model.heads[0].scalers[0].shift.fill_(100.0)
    assert deviation(model, SPEC, contract_crystals()["cubic"]) == pytest.approx(5 * before)


def test_the_rest_of_the_model_begins_as_without_it():
    plain, model = made(PLAIN), made(SPEC)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, model.state_dict()[name]), name
    more = set(model.state_dict()) - set(plain.state_dict())
    assert more
    assert all(name.startswith("heads.0.deviations.0.") for name in more)
    graph = PLAIN.make_graph(contract_crystals()["cubic"])
    assert plain(graph).deviations == {}
    assert (plain.learns_variance, model.learns_variance) == (False, True)


def test_each_target_has_its_own():
    spec = dataclasses.replace(SPEC, targets=(*SPEC.targets, Target("gap", Kind.INTENSIVE, "eV")))
    model, crystal = made(spec), contract_crystals()["cubic"]
    for name, times in (("e", 2.0), ("gap", 1.0)):
        one, two = deviation(model, spec, crystal, supercell(crystal, (2, 1, 1)), name=name)
        assert two == pytest.approx(times * one, rel=1e-10)


def test_models_with_it_and_without_come_back(tmp_path):
    save_model(tmp_path, made(PLAIN), PLAIN, {})
    document = json.loads((tmp_path / "model.json").read_text())
    assert document["model"]["variance"] is False
    assert not load_model(tmp_path)[1].variance
    model = made(SPEC)
    save_model(tmp_path, model, SPEC, {})
    loaded, spec, document = load_model(tmp_path)
    assert (spec, document["format"]) == (SPEC, FORMAT)
    crystal = contract_crystals()["cubic"]
    assert deviation(loaded, spec, crystal) == deviation(model, SPEC, crystal)


def test_a_class_has_none():
    with pytest.raises(TargetError, match="'metal' is a class, whose probability says how sure"):
        dataclasses.replace(SPEC, targets=(CLASS,))
    with pytest.raises(TargetError, match="'metal' is a class"):
        dataclasses.replace(SPEC, targets=(*SPEC.targets, CLASS))
    with pytest.raises(TargetError, match="'metal' is a class"):
        Head(CLASS, [MeanReadout(8)], [MeanReadout(8)])


def test_there_is_one_for_each_number_and_of_its_kind():
    (target,) = PLAIN.targets
    with pytest.raises(TargetError, match="variance is learned, got 1 and 2"):
        Head(target, [SumReadout(8)], [SumReadout(8), SumReadout(8)])
    with pytest.raises(TargetError, match="wrong by a factor of two"):
        Head(target, [SumReadout(8)], [MeanReadout(8)])


def test_all_targets_of_a_model_have_one_or_none():
    gap = Target("gap", Kind.INTENSIVE)
    heads = {
        "e": Head(PLAIN.targets[0], [SumReadout(8)], [SumReadout(8)]),
        "gap": Head(gap, [MeanReadout(8)]),
    }
    with pytest.raises(TargetError, match="got e, gap of which only some"):
        PropertyModel(made(PLAIN).encoder, heads)
    with pytest.raises(TargetError, match="the head named 'e' is of the target 'gap'"):
        PropertyModel(made(PLAIN).encoder, {"e": heads["gap"]})
