"""Over-smoothing of a run: of several members the mean."""

import numpy as np
import pytest

import xtalgraph
from xtalgraph.crystals.convert import from_pymatgen
from xtalgraph.evidence.diagnostics.depth import measure_smoothing
from xtalgraph.models.predictor import Predictor


def test_of_several_members_it_is_the_mean(run_of_members, table):
    crystals = [from_pymatgen(structure) for structure in table["structure"][:6]]
    predictor = xtalgraph.load(run_of_members)
    alone = [
        measure_smoothing(Predictor([member], predictor.spec, predictor.elements), crystals)
        for member in predictor.members
    ]
    together = measure_smoothing(predictor, crystals)
    for layer, each in zip(together, zip(*alone, strict=True), strict=True):
        for name, value in layer.items():
            assert value == pytest.approx(np.mean([one[name] for one in each]))
    assert alone[0] != alone[1]
