"""What a model cannot be given is refused with the reason, and what an encoder declares is true."""

from dataclasses import replace

import pytest
import torch

from xtalgraph.conventions.errors import ConfigError, GraphError, TargetError
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.cgcnn import CGCNN
from xtalgraph.models.encoder import Reads
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.requirements import (
    check_variance,
    readout_named,
    why_not_mixtures,
    why_not_reduced,
)
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

GAP, CHARGE = Target("gap", Kind.INTENSIVE), Target("charge", Kind.ATOMIC)


def test_an_atomic_target_needs_every_atom():
    with pytest.raises(ConfigError, match="'charge' is declared atomic"):
        ModelSpec("cgcnn", {}, "auto", "radius", {}, (CHARGE,), 1e-3)
    model = ModelSpec("cgcnn", {"width": 4}, "auto", "radius", {}, (CHARGE,)).make_model()
    reduced = reduce_graph(build_graph(contract_crystals()["cubic"], Radius(5.0)))
    with pytest.raises(GraphError, match="one row for all atoms with equal surroundings"):
        model(reduced)
    assert "'charge' is declared atomic" in why_not_reduced(CGCNN, GAP, CHARGE)


def test_an_encoder_that_reads_directions_refuses(monkeypatch):
    assert why_not_reduced(CGCNN, GAP) == ""
    monkeypatch.setattr(CGCNN, "reads", Reads(directions=True))
    assert "CGCNN reads more than distances and angles" in why_not_reduced(CGCNN, GAP)
    with pytest.raises(ConfigError, match="cannot be reduced: CGCNN reads more"):
        ModelSpec("cgcnn", {}, "auto", "radius", {}, (GAP,), 1e-3)
    with pytest.raises(ConfigError, match="cannot read a reduced graph"):
        Reads(reduced=True, directions=True)


def test_mixtures_are_refused_by_setting_encoder_and_target(monkeypatch):
    config = CGCNN.Config(bond_features=True)
    assert why_not_mixtures(CGCNN, CGCNN.Config(), GAP) == ""
    assert "model.bond_features reads one element" in why_not_mixtures(CGCNN, config, GAP)
    assert "'charge' is declared atomic" in why_not_mixtures(CGCNN, CGCNN.Config(), GAP, CHARGE)
    monkeypatch.setattr(CGCNN, "reads", replace(CGCNN.reads, mixtures=False))
    assert why_not_mixtures(CGCNN, CGCNN.Config(), GAP).startswith("CGCNN reads one element")


def test_a_class_has_no_variance_and_a_total_no_mean():
    with pytest.raises(TargetError, match="'metal' is a class"):
        check_variance(Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION))
    with pytest.raises(TargetError, match="wrong by a factor of two"):
        readout_named("mean", Target("energy", Kind.EXTENSIVE), CGCNN)


@pytest.mark.parametrize("name", ENCODERS)
def test_what_depends_on_the_rest_of_the_batch_is_declared(name):
    spec = ModelSpec(name, {}, "auto", "radius", {"cutoff": 4.0}, (GAP,))
    torch.manual_seed(0)
    encoder = spec.make_model().double().encoder
    crystals = contract_crystals()
    first, both = (
        encoder(spec.make_graph([crystals[key] for key in keys])).atom.detach()
        for keys in (["cubic"], ["cubic", "triclinic"])
    )
    alone = torch.allclose(both[: len(first)], first, rtol=1e-9, atol=1e-9)
    assert alone is not encoder.reads.batch_statistics
