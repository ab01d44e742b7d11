"""The table of predictions has one layout whatever the targets."""

import numpy as np

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.data.row import Row
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.models.prediction import COLUMNS, PredictedRow, Prediction, tabulate
from xtalgraph.models.predictions import Predictions
from xtalgraph.testing.crystals import contract_crystals

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
