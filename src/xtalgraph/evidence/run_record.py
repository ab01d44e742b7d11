"""What a run folder says, read once and checked."""

import csv
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from xtalgraph.conventions.errors import RunError


@dataclass(frozen=True)
class Estimate:
    """A number with its bootstrap interval; None where it is not defined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False)
class RunRecord:
    """The contents of a run folder that its report shows."""

    folder: Path
    """Where it lies."""
    target: str
    """Name of the target."""
    unit: str
    """Unit of the target as declared; may be empty."""
    kind: str
    """``extensive``, ``intensive`` or ``atomic``."""
    best: str
    """Whether low or high targets are sought: ``low``, ``high``; empty where none is declared."""
    splits: dict[str, int]
    """Number of crystals in each split."""
    model: str
    """Which of the models is the one that was trained; the others are baselines."""
    models: dict[str, dict[str, Any]]
    """For each model what metrics.json says."""
    ids: list[str]
    """One per row of predictions.csv."""
    split: Shaped[np.ndarray, " rows"]
    """``train``, ``val`` or ``test`` for each row."""
    targets: Float[np.ndarray, " rows"]
    """What is true, in the unit."""
    predictions: Float[np.ndarray, " rows"]
    """What the model says, in the unit."""
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
    division: dict[str, Any]
    """split.json: how the data was divided, and what the parts share; empty where there is none."""

    def estimate(self, model: str, measure: str, split: str = "test") -> Estimate:
        """One number of metrics.json; an estimate of None where it is not there."""
        return _estimate((self.models[model].get(split) or {}).get(measure))

    def test_rows(self) -> Shaped[np.ndarray, " rows"]:
        """Which rows of the predictions are of the test set."""
        return self.split == "test"


def read_run(folder: Path) -> RunRecord:
    """Read a run folder. ``metrics.json`` and ``predictions.csv`` must be there.

    Args:
        folder: The run folder.

    Returns:
        What it says.

    Raises:
        RunError: When one of the two is missing or damaged, or the predictions have another unit
            than the metrics.
    """
    metrics = _read_json(folder / "metrics.json", needed=True)
    try:
        target, model = metrics["target"], metrics["model"]
        models, splits = metrics["models"], metrics["splits"]
        name, unit, kind = target["name"], target.get("unit") or "", target["kind"]
        models[model]["test"]
    except (KeyError, TypeError) as error:
        raise RunError(
            f"{folder / 'metrics.json'} must hold target, splits, models and model; "
            f"{error} is missing; evaluate the run again"
        ) from error
    rows = _read_csv(folder / "predictions.csv", needed=True)
    other = sorted({row.get("unit") or "" for row in rows} - {unit})
    if other:
        raise RunError(
            f"{folder / 'predictions.csv'} must be in the unit of the target, {unit!r}, "
            f"got {other[0]!r}; evaluate the run again"
        )
    log = _read_csv(folder / "log.csv")
    return RunRecord(
        folder=folder,
        target=name,
        unit=unit,
        kind=kind,
        best=target.get("best") or "",
        splits=splits,
        model=model,
        models=models,
        ids=[row["id"] for row in rows],
        split=np.array([row["split"] for row in rows], dtype=str),
        targets=_column(rows, "target"),
        predictions=_column(rows, "prediction"),
        log={key: _column(log, key) for key in log[0]} if log else None,
        config=_read_text(folder / "config.yaml"),
        model_file=_read_json(folder / "model.json") or {},
        record=_read_json(folder / "record.json") or {},
        card=_read_text(folder / "card.md"),
        rejected=_read_csv(folder / "rejected.csv"),
        worst=_read_json(folder / "worst.json") or [],
        division=_read_json(folder / "split.json") or {},
    )


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
    numbers = [_number(row.get(key)) for row in rows]
    return np.array([math.nan if number is None else number for number in numbers], dtype=float)


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _read_json(path: Path, needed: bool = False) -> Any:
    if not path.is_file():
        if needed:
            raise RunError(f"{path.parent} must hold {path.name}, which is missing; is it a run?")
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error


def _read_csv(path: Path, needed: bool = False) -> list[dict[str, str]]:
    if not path.is_file():
        if needed:
            raise RunError(f"{path.parent} must hold {path.name}, which is missing; is it a run?")
        return []
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))
