"""A model that cannot read a reduced graph says why."""

import pytest

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.reduction import reduce_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.cgcnn import CGCNN
from xtalgraph.models.folding import why_not_reduced
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals


def test_an_atomic_target_needs_every_atom():
    target = Target("charge", Kind.ATOMIC)
    with pytest.raises(ConfigError, match="'charge' is declared atomic"):
        ModelSpec("cgcnn", {}, "auto", "radius", {}, target, 1e-3)
    model = ModelSpec("cgcnn", {"width": 4}, "auto", "radius", {}, target).make_model()
    reduced = reduce_graph(build_graph(contract_crystals()["cubic"], Radius(5.0)))
    with pytest.raises(GraphError, match="one row for all atoms with equal surroundings"):
        model(reduced)


def test_an_encoder_that_reads_directions_refuses(monkeypatch):
    target = Target("gap", Kind.INTENSIVE)
    assert why_not_reduced(CGCNN, target) == ""
    monkeypatch.setattr(CGCNN, "reads_reduced", False)
    assert "CGCNN reads more than distances and angles" in why_not_reduced(CGCNN, target)
    with pytest.raises(ConfigError, match="cannot be reduced: CGCNN reads more"):
        ModelSpec("cgcnn", {}, "auto", "radius", {}, target, 1e-3)
