"""The worst errors with their reasons, and errors in groups, against plain loops."""

import json

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell
from xtalgraph.evidence.diagnostics.errors import FEWEST, error_groups
from xtalgraph.evidence.diagnostics.registry import DIAGNOSTICS
from xtalgraph.evidence.diagnostics.result import DiagnosticResult, Quantity, Verdict
from xtalgraph.evidence.diagnostics.worst import (
    is_outlier,
    nearest_composition,
    nearest_embedding,
    worst_errors,
)


def first_reason(tested):
    worst = worst_errors(tested).numbers.cases[0]
    return worst["id"], worst["cause"], worst


def test_an_outlier_label_is_told_from_a_wrong_prediction():
    beside = np.array([1.0, 1.1, 0.9, 1.0, 1.05])
    assert is_outlier(9.0, 1.0, beside, 0.2)
    assert not is_outlier(9.0, 8.5, beside, 0.2)  # the prediction leaves them, too
    assert not is_outlier(1.4, 1.0, beside, 0.2)  # within three errors


def test_a_label_that_is_wrong_is_called_so(untrained, perovskites):
    tested = untrained(noise=0.01)
    labels = tested.labels.copy()
    row = int(tested.test[4])
    labels[row] += 50 * labels.std()
    assert first_reason(untrained(labels=labels))[:2] == (f"c{row}", "outlier label")


def test_an_element_that_training_never_saw_is_rare_chemistry(untrained, perovskites):
    row = int(untrained().test[0])
    crystals = list(perovskites)
    one = crystals[row]
    crystals[row] = Crystal(one.cell, one.positions, np.full(len(one), 94), one.pbc)
    tested = untrained(crystals=crystals)
    labels = tested.labels.copy()
    labels[row] += 3 * labels.std()
    found, reason, worst = first_reason(untrained(crystals=crystals, labels=labels))
    assert (found, reason) == (f"c{row}", "rare chemistry")
    assert (worst["rarest"], worst["rarest_training"]) == ("Pu", 0)


def test_the_largest_cell_is_named(untrained, perovskites):
    tested = untrained(noise=0.05)
    common = [r for r in tested.test if (tested.seen[perovskites[r].numbers] >= 10).all()]
    row = int(common[0])
    crystals = list(perovskites)
    crystals[row] = supercell(crystals[row], (3, 3, 3))
    labels = tested.labels.copy()
    labels[row] += 2 * labels.std()
    found, reason, worst = first_reason(untrained(crystals=crystals, labels=labels))
    assert found == f"c{row}"
    assert worst["larger_than"] == 1.0
    assert reason in ("large cell", "outlier label")


def test_neighbours_in_composition_are_those_of_scipy(untrained, perovskites):
    tested = untrained()
    rows, number = tested.test[:5], property_of("mendeleev_number")
    found = nearest_composition(tested, rows, 1)
    for row, near, distance in zip(rows, found.places[:, 0], found.distance[:, 0], strict=True):
        own = number[perovskites[row].numbers]
        away = {
            int(other): wasserstein_distance(own, number[perovskites[other].numbers])
            for other in tested.split.train
        }
        assert distance == pytest.approx(min(away.values()), abs=1e-4)
        assert away[int(near)] == pytest.approx(distance, abs=1e-4)


def test_a_supercell_is_the_latent_neighbour_of_its_crystal(untrained, perovskites):
    tested = untrained()
    row, source = int(tested.test[0]), int(tested.split.train[0])
    crystals = list(perovskites)
    crystals[row] = supercell(crystals[source], (2, 1, 1))
    found = nearest_embedding(untrained(crystals=crystals), np.array([row]), 3)
    assert found.places[0, 0] == source
    assert found.distance[0, 0] == pytest.approx(0.0, abs=1e-4)


def test_errors_by_element_are_those_of_a_loop(untrained, perovskites):
    tested = untrained(noise=0.5)
    result = error_groups(tested)
    assert result.verdict is Verdict.SHOWN
    errors = dict(zip(tested.test.tolist(), np.abs(tested.errors), strict=True))
    for symbol, told in result.numbers.elements.items():
        holding = [r for r in errors if SYMBOLS.index(symbol) in perovskites[r].numbers]
        assert told["crystals"] == len(holding)
        mean = np.mean([errors[r] for r in holding]) / np.mean(list(errors.values()))
        assert told["ratio"] == pytest.approx(mean)
    for kind in ("size", "density", "prototype"):
        groups = result.numbers.groups[kind].values()
        assert sum(group["crystals"] for group in groups) == len(errors)
        total = sum(group["crystals"] * group["mae"] for group in groups)
        assert total == pytest.approx(sum(errors.values()))
    assert FEWEST > 1


@pytest.mark.parametrize("diagnostic", DIAGNOSTICS.values(), ids=lambda one: one.name)
@pytest.mark.parametrize("count", [None, 3])
def test_a_result_goes_to_json_and_back_and_says_and_draws_the_same(
    untrained, perovskites, diagnostic, count
):
    if diagnostic.trains:
        pytest.skip("trains; tests/workflows/test_diagnose.py asks it")
    result = diagnostic.measure(untrained(noise=0.3, crystals=perovskites[:count]))
    text = json.dumps(result.as_dict(), allow_nan=False)
    again = DiagnosticResult.from_dict(json.loads(text), diagnostic.numbers)
    assert again.as_dict() == result.as_dict()
    quantity = Quantity("energy", "eV", "eV")
    assert diagnostic.says(again, quantity) == diagnostic.says(result, quantity)
    figures = [[one.name for one in diagnostic.drawn(each, quantity)] for each in (result, again)]
    assert figures[0] == figures[1]
