"""What an ablation has found so far: one record for each point, and a mean for each setting."""

import csv
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pandas as pd

from xtalgraph.conventions.errors import RunError
from xtalgraph.data.targets import Target
from xtalgraph.metrics.measures import error_of
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.sweep import Point

FORMAT = 1
"""Of ``ablate.json``."""


@final
@dataclass(frozen=True, eq=False)
class Ablation:
    """An ablation on disk, and what ``ablate.json`` says of it."""

    folder: Path
    document: Mapping[str, Any]
    """The content of ``ablate.json``."""

    @property
    def points(self) -> list[dict[str, Any]]:
        """One record for each point, in the order of the sweep."""
        return list(self.document["points"])

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The points that could not be trained, with their reasons."""
        return [point for point in self.points if point["state"] == "failed"]

    @property
    def settings(self) -> list[dict[str, Any]]:
        """One record for each combination of swept settings, means over folds and seeds."""
        return list(self.document["settings"])

    @property
    def chosen(self) -> dict[str, Any] | None:
        """The record of the combination with the lowest validation error; None without any."""
        index = self.document["chosen"]
        return None if index is None else self.settings[index]

    @property
    def table(self) -> pd.DataFrame:
        """What ``ablate.csv`` holds, a row for each point."""
        return pd.DataFrame(rows_of(self.document))

    @classmethod
    def open(cls, folder: str | Path) -> "Ablation":
        """Open a folder that `ablate` wrote; a `RunError` if it is none, or of a newer format."""
        path = Path(folder)
        if not (path / "ablate.json").is_file():
            raise RunError(f"{path} holds no ablate.json: it is not the folder of an ablation")
        document = json.loads((path / "ablate.json").read_text(encoding="utf-8"))
        if document["format"] > FORMAT:
            raise RunError(
                f"{path / 'ablate.json'} has format {document['format']}, this xtalgraph reads up "
                f"to {FORMAT}: use a newer one"
            )
        return cls(path, document)


def finished_point(
    point: Point, run: Run, smoothing: Sequence[Mapping[str, float | None]]
) -> dict[str, Any]:
    """Return the record of a point that is trained; errors of a potential in reported units."""
    model, measured = run.metrics["model"], run.metrics["targets"]
    trained = json.loads((run.folder / "record.json").read_text(encoding="utf-8"))
    targets = {}
    for name, entry in measured.items():
        shown, ranks = entry.get("reported", entry), entry["models"][model]
        measure = error_of(Target.from_dict(entry["target"])).key
        figures = shown["models"][model]
        targets[name] = {
            "validation": figures["val"][measure]["value"],
            "test": figures["test"][measure]["value"],
        }
        if measure == "mae":
            targets[name] |= {
                "validation spearman": ranks["val"]["spearman"]["value"],
                "test spearman": ranks["test"]["spearman"]["value"],
            }
    return point_record(point, run.folder.name, "done") | {
        "targets": targets,
        "validation error": _selected_error(run.folder),
        "crystals": dict(run.metrics["splits"]),
        "parameters": trained["Model"]["parameters"],
        "epochs": trained["Training"]["epochs done"],
        "seconds": trained["Time"][f"{model}, s"],
        "smoothing": [dict(layer) for layer in smoothing],
    }


def point_record(point: Point, name: str, state: str) -> dict[str, Any]:
    """Return what the record of every point begins with."""
    return {
        "name": name,
        "settings": dict(point.settings),
        "fold": point.fold,
        "seed": point.seed,
        "state": state,
    }


def _selected_error(folder: Path) -> float | None:
    """Return the validation error of the selected checkpoint, as the training watched it."""
    with (folder / "log.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    # Of several targets there is a column of each, too, with its name after a colon.
    (column,) = (name for name in rows[0] if name.startswith("val_") and ":" not in name)
    selected = [row[column] for row in rows if row["selected"] == "1"]
    return float(selected[-1]) if selected[-1] else None


def summaries(points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a record for each combination of swept settings: means over its repetitions."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for point in points:
        key = json.dumps(point["settings"], ensure_ascii=False)
        groups.setdefault(key, []).append(point)
    records = []
    for group in groups.values():
        done = [point for point in group if point["state"] == "done"]
        names = list(done[0]["targets"]) if done else []
        keys = list(done[0]["targets"][names[0]]) if done else []
        records.append(
            {
                "settings": dict(group[0]["settings"]),
                "runs": len(group),
                "done": len(done),
                "validation error": _mean([point["validation error"] for point in done]),
                "targets": {
                    name: {
                        key: _mean([point["targets"][name][key] for point in done]) for key in keys
                    }
                    for name in names
                },
                "parameters": done[0]["parameters"] if done else None,
                "smoothing": [
                    {key: _mean([layer[key] for layer in layers])["mean"] for key in layers[0]}
                    for layers in zip(*(point["smoothing"] for point in done), strict=True)
                ],
            }
        )
    return records


def choose(settings: Sequence[Mapping[str, Any]]) -> int | None:
    """Return the place of the lowest validation error among settings all of whose runs are done."""
    errors = {
        index: setting["validation error"]["mean"]
        for index, setting in enumerate(settings)
        if setting["done"] == setting["runs"] and setting["validation error"]["mean"] is not None
    }
    return min(errors, key=errors.__getitem__) if errors else None


def rows_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of ``ablate.csv``, one for each point."""
    several = len(document["targets"]) > 1
    rows = []
    for point in document["points"]:
        row = dict(point["settings"]) | {key: point[key] for key in ("fold", "seed", "state")}
        row["validation error"] = point.get("validation error")
        for target in document["targets"]:
            name, measure = target["name"], error_of(Target.from_dict(target)).key
            for part in ("validation", "test"):
                key = f"{part} {measure}{f' {name}' if several else ''}"
                row[key] = point.get("targets", {}).get(name, {}).get(part)
        row |= {key: point.get(key) for key in ("parameters", "epochs", "seconds")}
        last = (point.get("smoothing") or [{}])[-1]
        for key in ("mean average distance", "dirichlet energy", "effective rank"):
            row[f"{key}, last layer"] = last.get(key)
        rows.append(row | {"run": f"points/{point['name']}", "reason": point.get("reason")})
    return rows


def _mean(values: Sequence[float | None]) -> dict[str, float | None]:
    """Return the mean and the sample's standard deviation, which one value does not have."""
    known = [value for value in values if value is not None]
    return {
        "mean": statistics.fmean(known) if known else None,
        "std": statistics.stdev(known) if len(known) > 1 else None,
    }
