"""Predicted tensors are projected on the symmetry of their crystal, beside the size of labels."""

import numpy as np
import pytest
import torch
from torch import nn

from two_convolutions import registered
from xtalgraph.conventions.voigt import NAMED
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.models.checks import run_checks
from xtalgraph.models.model_under_test import ModelUnderTest
from xtalgraph.models.own_symmetry import tensors_symmetric
from xtalgraph.models.spec import ModelSpec

PIEZO = Target("e", Kind.INTENSIVE, "C/m²", tensor=NAMED["piezoelectric"])
FCC = 1.8 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])
CENTRIC = {
    name: Crystal.from_fractional(FCC * size, sites, numbers)
    for name, size, sites, numbers in (
        ("Cu", 1.0, np.zeros((1, 3)), np.array([29])),
        ("NaCl", 1.55, np.array([[0.0] * 3, [0.5] * 3]), np.array([11, 17])),
    )
}


@pytest.fixture(scope="module")
def tested():
    """A model of random weights, whose labels have components of some hundredths."""
    with registered():
        settings = {"degree": 3}
        spec = ModelSpec("two-convolutions", settings, "auto", "radius", {"cutoff": 4.5}, (PIEZO,))
        torch.manual_seed(0)
        model = spec.make_model()
        crystals = list(CENTRIC.values())
        labels = 0.05 * np.random.default_rng(0).normal(size=(2, 3, 3, 3))
        labels = (labels + labels.swapaxes(2, 3)) / 2
        counts = np.array([len(crystal) for crystal in crystals])
        model.fit_scales(Values((PIEZO,), {"e": labels}, counts), crystals)
        yield ModelUnderTest.of([model], spec)


def test_what_symmetry_forbids_in_all_crystals_is_compared_with_the_labels(tested):
    assert 0.02 < tested.sizes["e"] < 0.1
    results = list(run_checks(tested, CENTRIC))
    assert [result.check for result in results if not result.passed] == []
    by_name = {result.check: result for result in results}
    exact = by_name["symmetry of the crystal"]
    assert exact.tried == 2
    assert exact.relative is not None
    assert 0.0 < exact.relative < 1e-10
    assert by_name["rotation"].relative < 1e-10


class Wrong(nn.Module):
    """Adds the same tensor to what another model predicts, in all axes."""

    def __init__(self, model, size):
        super().__init__()
        self.model, self.size = model, size

    def forward(self, graph):
        return {name: value + self.size for name, value in self.model(graph).items()}


@pytest.mark.parametrize(("size", "passes"), [(1e-13, True), (1e-6, False)])
def test_a_small_part_that_symmetry_forbids_fails(tested, size, passes):
    wrong = ModelUnderTest(
        Wrong(tested.model, size), tested.graph_settings, (PIEZO,), sizes=tested.sizes
    )
    given = ATOMS_ALONE.values_of([{}] * len(CENTRIC))
    exact, stored = tensors_symmetric(wrong, CENTRIC, given, 1e-10)
    assert exact.passed is passes
    assert stored.tolerance is None
