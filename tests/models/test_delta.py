import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.conditions import Conditions
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.delta import Delta, delta_target
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = 4 * list(contract_crystals().values())
NUMBERS = [crystal.numbers for crystal in CRYSTALS]
SIZES = np.array([crystal.num_atoms for crystal in CRYSTALS])
COLUMN = torch.from_numpy(np.random.default_rng(0).normal(size=len(CRYSTALS)))
REFERENCES = np.random.default_rng(1).normal(size=119)
TOTAL, INTENSIVE = Target("y", Kind.EXTENSIVE), Target("y", Kind.INTENSIVE)


def graph():
    conditions = Conditions(("pressure",), delta="x")
    rows = [{"x": float(x), "pressure": 9.0} for x in COLUMN]
    return conditions.values_of(rows).attach(build_graph(CRYSTALS, Radius(3.0)))


def test_the_factor_of_a_total_is_found_beside_the_numbers_of_the_elements():
    references = np.array([REFERENCES[numbers].sum() for numbers in NUMBERS])
    labels = 0.7 * SIZES * COLUMN.numpy() + references
    delta = Delta(TOTAL)
    left = delta.fit(COLUMN, labels, NUMBERS)
    assert float(delta.factor) == pytest.approx(0.7, abs=1e-6)
    np.testing.assert_allclose(left, references, atol=1e-5)
    np.testing.assert_allclose(delta(graph()).numpy() + left, labels, atol=1e-9)


def test_that_of_an_intensive_target_beside_a_constant_and_without_labels_that_are_missing():
    labels = -2.0 * COLUMN.numpy() + 5.0
    labels[::4] = np.nan
    delta = Delta(INTENSIVE)
    left = delta.fit(COLUMN, labels, NUMBERS)
    assert float(delta.factor) == pytest.approx(-2.0, abs=1e-6)
    np.testing.assert_allclose(left[np.isfinite(labels)], 5.0, atol=1e-6)


@pytest.mark.parametrize("target", [TOTAL, INTENSIVE])
def test_a_column_that_says_nothing_has_no_factor(target):
    delta = Delta(target)
    labels = np.random.default_rng(2).normal(size=len(CRYSTALS))
    left = delta.fit(torch.full_like(COLUMN, -3.0), labels, NUMBERS)
    assert float(delta.factor) == 0
    np.testing.assert_array_equal(left, labels)


def test_one_that_is_not_used_gives_nothing():
    delta = Delta(TOTAL)
    delta.is_used = False
    labels = COLUMN.numpy() * SIZES
    np.testing.assert_array_equal(delta.fit(COLUMN, labels, NUMBERS), labels)
    assert not delta(graph()).any()


def test_what_is_no_number_of_a_crystal_has_no_other_calculation():
    for refused, why in (
        ([], "got none"),
        ([TOTAL, Target("z", Kind.INTENSIVE)], "got y, z"),
        ([Target("q", Kind.ATOMIC)], "one for each site"),
        ([Target("metal", Kind.INTENSIVE, task=Task.CLASSIFICATION)], "is a class"),
    ):
        with pytest.raises(ConfigError, match=why):
            delta_target(refused)
    assert delta_target([TOTAL]) == TOTAL


def test_a_total_in_place_of_a_number_per_atom_is_noticed():
    references = np.array([REFERENCES[numbers].sum() for numbers in NUMBERS])
    labels = 0.7 * SIZES * COLUMN.numpy() + references
    total = COLUMN * torch.from_numpy(SIZES)
    assert Delta(TOTAL).is_total_instead(total, labels, NUMBERS)
    assert not Delta(TOTAL).is_total_instead(COLUMN, labels, NUMBERS)
    assert not Delta(INTENSIVE).is_total_instead(total, labels, NUMBERS)
    noise = np.random.default_rng(3).normal(size=len(CRYSTALS))
    assert not Delta(TOTAL).is_total_instead(total, noise, NUMBERS)
    largest = SIZES.max() == SIZES
    equal = [NUMBERS[row] for row in np.flatnonzero(largest)]
    assert not Delta(TOTAL).is_total_instead(
        total[torch.from_numpy(largest)], labels[largest], equal
    )
