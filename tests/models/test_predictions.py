"""Predictions are chosen together, and their table has one layout whatever the targets."""

import numpy as np
import pytest

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.data.row import Row
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.models.predictions import (
    COLUMNS,
    PredictedRow,
    Prediction,
    Predictions,
    std_of,
    tabulate,
)
from xtalgraph.testing.crystals import contract_crystals


def values(numbers: list[float]) -> Values:
    target = Target("gap", Kind.INTENSIVE, "eV")
    return Values((target,), {"gap": np.array(numbers)}, np.ones(len(numbers), dtype=int))


def test_the_parts_that_there_are():
    with_std = Predictions(values([1.0, 2.0]), std=values([0.1, 0.2]))
    assert list(with_std.parts()) == ["prediction", "std"]
    chosen = with_std.select([1])
    assert len(chosen) == 1
    assert {name: part["gap"].tolist() for name, part in chosen.parts().items()} == {
        "prediction": [2.0],
        "std": [0.2],
    }
    assert chosen.lower is None


def test_parts_are_put_one_after_the_other():
    one, two = (Predictions(values([x]), std=values([x / 10])) for x in (1.0, 2.0))
    both = Predictions.concatenated([one, two])
    assert both.values["gap"].tolist() == [1.0, 2.0]
    assert both.std is not None
    assert both.std["gap"].tolist() == [0.1, 0.2]
    assert both.upper is None


MEANS = np.array([[1.0, -2.0], [2.0, -2.5], [4.0, -2.0]])
DEVIATIONS = np.array([[0.5, 1.0], [0.1, 3.0], [0.9, 2.0]])


def test_one_member_without_a_variance_has_none():
    assert std_of(MEANS[:1], None) is None


def test_one_member_says_what_it_has_learned():
    assert np.array_equal(std_of(MEANS[:1], DEVIATIONS[:1]), DEVIATIONS[0])


def test_members_without_a_variance_say_how_far_they_are_apart():
    assert np.array_equal(std_of(MEANS, None), MEANS.std(axis=0, ddof=1))


def test_of_many_members_it_is_the_variance_of_the_mixture():
    """Lakshminarayanan et al.: the mixture has the variance mean(σ² + μ²) − μ*²."""
    means, deviations = (np.repeat(one, 1000, axis=0) for one in (MEANS, DEVIATIONS))
    mixture = (deviations**2 + means**2).mean(axis=0) - means.mean(axis=0) ** 2
    assert std_of(means, deviations) ** 2 == pytest.approx(mixture, rel=1e-3)
    drawn = np.random.default_rng(0).normal(means, deviations, size=(40, *means.shape))
    assert std_of(means, deviations) == pytest.approx(drawn.std(axis=(0, 1)), rel=0.02)


ENERGY, CHARGE = Target("energy", Kind.EXTENSIVE, "eV"), Target("charge", Kind.ATOMIC, "e")
LISTED = Target("moments", Kind.INTENSIVE, "", tensor=TensorType(copies=3))
TARGETS = (ENERGY, CHARGE, LISTED)
CUBIC = contract_crystals()["cubic"]


def predictions(shift: float = 0.0) -> Values:
    sites = len(CUBIC)
    arrays = {
        "energy": np.array([-1.5]) + shift,
        "charge": np.arange(sites, dtype=float) + shift,
        "moments": np.array([[1.0, 2.0, 3.0]]) + shift,
    }
    return Values(TARGETS, arrays, np.array([sites]))


def test_numbers_sites_and_lists_have_a_line_each():
    prediction = Prediction(Predictions(predictions(), predictions(10.0)), np.zeros(4), None)
    table = tabulate([PredictedRow(Row("a", "", 0, CUBIC), prediction)])
    assert tuple(table.columns) == COLUMNS
    assert table["property"].tolist() == ["energy"] + ["charge"] * len(CUBIC) + ["moments"] * 3
    charges = table[table["property"] == "charge"]
    assert charges["site"].tolist() == list(range(len(CUBIC)))
    assert charges["prediction"].tolist() == list(range(len(CUBIC)))
    moments = table[table["property"] == "moments"]
    assert moments["component"].tolist() == [0, 1, 2]
    assert moments["std"].tolist() == [11.0, 12.0, 13.0]
    assert table[["site", "component"]].isna().sum().tolist() == [4, 1 + len(CUBIC)]
    assert table[["lower", "upper"]].isna().all(axis=None)
    assert table["unit"].tolist() == ["eV"] + ["e"] * len(CUBIC) + [""] * 3


def test_a_row_that_cannot_be_used_has_one_line_and_the_same_columns():
    table = tabulate([PredictedRow(Row("b", "", 1, None, reason="no atoms"), None)])
    assert tuple(table.columns) == COLUMNS
    (line,) = table.to_dict("records")
    assert (line["id"], line["error"], line["property"]) == ("b", "no atoms", "")
    assert np.isnan(line["prediction"])
    assert tuple(tabulate([]).columns) == COLUMNS
