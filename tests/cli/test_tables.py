"""Tables of the terminal: numbers with the digits that they mean."""

import pandas as pd

from xtalgraph.cli.tables import metrics_table, screened_table, single_table

MAE = {"value": 27.8312, "low": 26.1234, "high": 29.6712}
NONE = {"value": None, "low": None, "high": None}


def test_a_metric_has_the_digits_that_its_interval_leaves():
    table = single_table({"mae": MAE, "r2": {"value": 0.5, "low": None, "high": None}})
    _, first, second = [line.split() for line in table.splitlines()]
    assert first == ["MAE", "27.8", "26.1", "to", "29.7"]
    assert second == ["R²", "0.500"]
    model = {"test": {"mae": MAE, "spearman": NONE}}
    target = {"name": "f", "unit": "1/cm", "kind": "intensive", "best": None}
    document = {"target": target, "splits": {"test": 9}, "models": {"xgn": model}}
    lines = metrics_table(document, "xgn").splitlines()
    assert lines[2].split() == ["xgn", "27.8", "n/a"]
    assert "MAE of xgn: 95 % interval 26.1 to 29.7" in lines[-1]


def test_the_first_ten_candidates_stand_with_two_digits_of_the_error():
    lines = [
        {"rank": n, "id": f"c{n}", "formula": "NaCl", "prediction": -6.49871, "std": 0.012345}
        for n in range(1, 13)
    ]
    shown = screened_table(pd.DataFrame(lines), 0.0312).splitlines()
    assert shown[0].split() == ["rank", "id", "formula", "prediction", "std"]
    assert shown[1].split() == ["1", "c1", "NaCl", "−6.499", "0.012"]
    assert len(shown) == 12
    assert shown[-1] == "... and 2 more in the table"
