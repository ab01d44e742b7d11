"""The contents of a run folder, read once and checked."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from jaxtyping import Float, Shaped

from xtalgraph.conventions.documents import read_document, reading
from xtalgraph.conventions.errors import RunError
from xtalgraph.data.reported_units import ReportedUnits, reported_units
from xtalgraph.data.targets import Target
from xtalgraph.evidence.run_files import (
    TRANSFER,
    prediction_paths,
    read_metrics,
    read_predictions,
    read_worst,
)
from xtalgraph.metrics.bootstrap import Outcome
from xtalgraph.metrics.measures import error_of
from xtalgraph.models.upgrades import upgrade_division, upgrade_log, upgrade_verification

VERIFY_AGAIN: Final = "make it again by `xtalgraph verify`, or remove it"
"""What to do about a damaged ``verify.json``."""
_BESIDE: Final = ("std", "lower", "upper")
"""Columns of the predictions that are empty in some runs."""
_ASSESSED: Final = {"std": ("std",), "intervals": ("lower", "upper")}
"""Columns that are there where ``metrics.json`` assesses them."""


@dataclass(frozen=True)
class Estimate:
    """A number with its bootstrap interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


def outcome_of(model: Estimate, baseline: Estimate, against: Mapping[str, Any] | None) -> Outcome:
    """Return how a model compares with a baseline.

    Runs of older versions hold no paired test; then only intervals that do not overlap count.
    """
    if against is not None:
        return Outcome(against["outcome"])
    ends = (model.low, model.high, baseline.low, baseline.high)
    if any(end is None for end in ends):
        return Outcome.UNKNOWN
    low, high, other_low, other_high = (end or 0.0 for end in ends)
    if high < other_low:
        return Outcome.BETTER
    return Outcome.WORSE if low > other_high else Outcome.UNKNOWN


@dataclass(frozen=True, eq=False)
class RunRecord:
    """The contents of a run folder that its report shows, for one target."""

    folder: Path
    number: int | None
    """Which of several targets it is, from 1; None where there is one only."""
    target: Target
    """What was predicted, in the unit in which values are shown."""
    declared: Target
    """What was predicted, as it was declared."""
    units: ReportedUnits | None
    """How values and errors of a potential are shown; None of everything else."""
    splits: dict[str, int]
    """Number of crystals in each split that have a label of the target."""
    crystals: dict[str, int]
    """Number of all crystals in each split."""
    model: str
    """Which of the models is the one that was trained; the others are baselines."""
    models: dict[str, dict[str, Any]]
    """For each model what metrics.json holds."""
    ids: list[str]
    """One per row of the predictions that has a label."""
    split: Shaped[np.ndarray, " rows"]
    """``train``, ``val`` or ``test`` for each row."""
    labels: Float[np.ndarray, " rows"]
    """What is true, in the unit."""
    predictions: Float[np.ndarray, " rows"]
    """The predictions, in the unit."""
    beside: dict[str, Float[np.ndarray, " rows"]]
    """What stands beside each prediction, in the unit: ``std``, ``lower`` and ``upper``, where
    the run has them."""
    uncertainty: dict[str, Any]
    """What metrics.json holds of these; empty where the run has none."""
    novelty: dict[str, Any]
    """What metrics.json holds of how new the test crystals are; may be empty."""
    log: dict[str, Float[np.ndarray, " epochs"]] | None
    """Columns of log.csv; None where there is none."""
    config: str
    """Text of config.yaml."""
    model_file: dict[str, Any]
    """model.json."""
    record: dict[str, Any]
    """record.json, the mapping behind the card."""
    card: str
    """Text of card.md."""
    rejected: list[dict[str, str]]
    """Rows of rejected.csv."""
    worst: list[dict[str, Any]]
    """worst.json: the crystals with the largest test errors."""
    structures: dict[str, Any]
    """structures.json: formulas by id, and structures of test crystals; empty where it is not."""
    division: dict[str, Any]
    """split.json: how the data was divided, and what the parts share; empty where there is none."""
    verification: dict[str, Any]
    """verify.json: what was tried on the model; empty where nothing was."""
    transfer: dict[str, Any]
    """transfer.json: what the parent of a fine-tuned run was worth; empty of other runs."""

    def estimate(self, model: str, measure: str, split: str = "test") -> Estimate:
        """One number of metrics.json; an estimate of None where it is not there."""
        return _estimate((self.models[model].get(split) or {}).get(measure))

    def components(self, model: str, measure: str) -> list[Estimate]:
        """One number of metrics.json for each number of a list; empty where there is no list."""
        listed = self.models[model].get("components") or []
        return [_estimate(component.get(measure)) for component in listed]

    def reported(self, units: ReportedUnits) -> "RunRecord":
        """Return the same with values in the units in which those of a potential are shown."""
        sizes = self.structures.get("num_atoms", {}) if units.per_atom else {}
        num_atoms = np.array([sizes[name] if sizes else 1 for name in self.ids])
        arrays = {"target": self.labels, "prediction": self.predictions, **self.beside}
        values = {key: units.of_values(array, num_atoms) for key, array in arrays.items()}
        worst = [
            entry
            | {
                key: float(
                    units.of_values(np.array([entry[key]]), np.array([entry["num_atoms"]]))[0]
                )
                for key in ("target", "prediction")
            }
            for entry in self.worst
        ]
        return replace(
            self,
            target=units.target(self.target, units.value),
            units=units,
            labels=values.pop("target"),
            predictions=values.pop("prediction"),
            beside=values,
            worst=worst,
        )

    @property
    def error_unit(self) -> str:
        """The unit in which errors are shown."""
        return self.target.unit if self.units is None else self.units.error

    @property
    def error_factor(self) -> float:
        """What a difference of values is multiplied with for the unit of errors."""
        return 1.0 if self.units is None else self.units.error_factor / self.units.value_factor

    @property
    def classes(self) -> tuple[str, str]:
        """What class 0 and class 1 are called, of a classification."""
        return self.target.classes or ("class 0", "class 1")

    @property
    def measure(self) -> str:
        """Key of the error by which models are compared; small is good."""
        return error_of(self.target).key

    @property
    def watched(self) -> str:
        """Which validation error is in the log: of several targets the mean over them."""
        return "error" if self.log is not None and "val_error" in self.log else self.measure

    @property
    def selected(self) -> int | None:
        """Place in the log of the selected checkpoint; None where there is no log."""
        marked = np.zeros(0) if self.log is None else self.log.get("selected", np.zeros(0))
        return int(np.flatnonzero(marked)[-1]) if marked.any() else None

    def test_rows(self) -> Shaped[np.ndarray, " rows"]:
        """Which rows of the predictions are of the test set."""
        return self.split == "test"


def read_run(folder: Path) -> RunRecord:
    """Read the folder of a run on one target; a `RunError` if it has several."""
    record, *others = read_targets(folder)
    if others:
        raise RunError(f"{folder} has {len(others) + 1} targets: read them with read_targets")
    return record


def read_targets(folder: Path) -> list[RunRecord]:
    """Read ``metrics.json`` and the predictions of a run; a `RunError` if one is damaged."""
    if not (folder / "metrics.json").is_file():
        raise RunError(f"{folder} must hold metrics.json, which is missing; is it a run?")
    document = read_metrics(folder)
    names = list(document["targets"])
    if not names or "model" not in document:
        raise RunError(
            f"{folder / 'metrics.json'} must hold model, splits and targets: put the file back"
        )
    tables, worst = read_predictions(folder, names), read_worst(folder, names)
    numbers = range(1, len(names) + 1) if len(names) > 1 else [None]
    with reading(folder / "metrics.json"):
        return [
            _read_target(folder, document, name, number, tables[name], worst.get(name, []))
            for number, name in zip(numbers, names, strict=True)
        ]


def _read_target(
    folder: Path,
    document: Mapping[str, Any],
    name: str,
    number: int | None,
    table: pd.DataFrame,
    worst: list[dict[str, Any]],
) -> RunRecord:
    metrics, model = document["targets"][name], document["model"]
    target = Target.from_dict(metrics["target"])
    shown = metrics.get("reported", metrics)
    models, splits = shown["models"], metrics["splits"]
    if model not in models or any(int(size) < 0 for size in splits.values()):
        raise ValueError(f"no numbers of the model {model!r}, or of its parts")
    value_of = [table["id"], table["site"].fillna(-1)]  # of a list all numbers must be known
    table = table[table["target"].notna().groupby(value_of).transform("all")]
    other = sorted(set(table["unit"]) - {target.unit})
    uncertainty = metrics.get("uncertainty") or {}
    beside = {key: table[key].to_numpy() for key in _BESIDE if table[key].notna().any()}
    path = prediction_paths(folder, list(document["targets"]))[name]
    if other:
        raise RunError(
            f"{path} must be in the unit of the target, {target.unit!r}, got {other[0]!r}; "
            "evaluate the run again"
        )
    for key, columns in _ASSESSED.items():
        if key in uncertainty and not beside.keys() >= set(columns):
            raise RunError(
                f"{path} must hold {' and '.join(columns)}, which metrics.json assesses; evaluate "
                "the run again"
            )
    log = [upgrade_log(row) for row in _read_csv(folder / "log.csv")]
    record = RunRecord(
        folder=folder,
        number=number,
        target=target,
        declared=target,
        units=None,
        splits=splits,
        crystals=document.get("splits") or splits,
        model=model,
        models=models,
        ids=list(table["id"]),
        split=table["split"].to_numpy(dtype=str),
        labels=table["target"].to_numpy(),
        predictions=table["prediction"].to_numpy(),
        beside=beside,
        uncertainty=uncertainty,
        novelty=metrics.get("novelty") or {},
        log={key: _column(log, key) for key in log[0]} if log else None,
        config=_read_text(folder / "config.yaml"),
        model_file=_read_json(folder / "model.json"),
        record=_read_json(folder / "record.json"),
        card=_read_text(folder / "card.md"),
        rejected=_read_csv(folder / "rejected.csv"),
        worst=worst,
        structures=_read_json(folder / "structures.json"),
        division=upgrade_division(_read_json(folder / "split.json"), {}),
        verification=upgrade_verification(_read_json(folder / "verify.json", VERIFY_AGAIN)),
        transfer=_read_json(folder / TRANSFER),
    )
    if shown is metrics:
        return record
    targets = [Target.from_dict(entry["target"]) for entry in document["targets"].values()]
    return record.reported(reported_units(targets)[name])


def _estimate(entry: Any) -> Estimate:
    if isinstance(entry, dict):
        return Estimate(*(_number(entry.get(key)) for key in ("value", "low", "high")))
    return Estimate(_number(entry))


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _column(rows: list[dict[str, str]], key: str) -> Float[np.ndarray, " rows"]:
    return np.array([_number(row.get(key)) for row in rows], dtype=float)  # None becomes NaN


def _read_text(path: Path) -> str:
    with reading(path):
        return path.read_text(encoding="utf-8") if path.is_file() else ""


def _read_json(path: Path, advice: str = "put the file back") -> dict[str, Any]:
    try:
        return read_document(path, largest=2**30) if path.is_file() else {}
    except RunError as error:
        raise RunError(f"{error}; {advice}") from error


def _read_csv(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with reading(path), path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, restkey="more", restval=""))
        if any("more" in row or None in row for row in rows):
            raise ValueError("a row has more cells than the first line")
        return rows
