"""Which crystals a strategy serves, one by one."""

import dataclasses

import pytest
import torch

from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = contract_crystals()


def spec(tolerance: float) -> ModelSpec:
    return ModelSpec(
        encoder="cgcnn",
        settings={},
        readout="auto",
        strategy="bonded",
        strategy_settings={},
        target=Target("e", Kind.INTENSIVE),
        fold_tolerance=tolerance,
    )


@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
def test_the_graph_is_that_of_the_served(tolerance):
    admission = spec(tolerance).admit(list(CRYSTALS.values()))
    names = list(CRYSTALS)
    assert {names[place] for place in admission.refused} >= {"slab", "wire"}
    assert "bonds by Voronoi cells need pbc" in admission.refused[names.index("slab")]
    served = [c for place, c in enumerate(CRYSTALS.values()) if place not in admission.refused]
    expected = spec(tolerance).make_graph(served)
    assert type(admission.graph) is type(expected)
    for field in dataclasses.fields(expected):
        assert torch.equal(getattr(admission.graph, field.name), getattr(expected, field.name))


def test_all_or_none():
    everything = spec(0.0).admit([CRYSTALS["cubic"]])
    assert not everything.refused
    assert len(everything.graph) == 1
    nothing = spec(0.0).admit([CRYSTALS["slab"]])
    assert nothing.graph is None
    assert list(nothing.refused) == [0]
    assert spec(0.0).admit([]).graph is None
