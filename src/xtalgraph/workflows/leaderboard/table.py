"""The table of a comparison: a row for each entry."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from xtalgraph.evidence.text.comparison import parts_of


def as_table(document: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row for each entry, run or not, and a column for each number."""
    rows: list[dict[str, Any]] = []
    parts = parts_of(document)
    for target, entry in [(part["target"], entry) for part in parts for entry in part["entries"]]:
        row = {key: entry[key] for key in ("name", "level", "assessed", "seconds", "parameters")}
        if len(parts) > 1:
            row = {"target": target["name"], "unit": target["unit"], **row}
        for key, metric in entry["metrics"].items():
            row |= {
                key: metric["value"],
                f"{key} low": metric["low"],
                f"{key} high": metric["high"],
            }
        for key, numbers in entry["folds"].items():
            row[f"{key} mean of folds"] = numbers["mean"]
        for key, numbers in entry["against"].items():
            row[f"{key} outcome"] = numbers["outcome"]
            row[f"{key} difference"] = numbers["difference"]
            row |= {f"{key} difference {end}": numbers[end] for end in ("low", "high", "p")}
        rows.append(row)
    rows += [{**entry, "assessed": False} for entry in document["not_run"]]
    return pd.DataFrame(rows)
