"""The metrics of models that are compared, and the assessed one beside each of them."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from tqdm import tqdm

from xtalgraph.data.targets import Target
from xtalgraph.evidence.text.comparison import parts_of
from xtalgraph.metrics.bootstrap import compare_paired
from xtalgraph.metrics.measures import MEASURES, Measure, error_of, rank_of
from xtalgraph.metrics.ranking import top_count
from xtalgraph.metrics.summary import RECALLS, evaluate


@dataclass(frozen=True, eq=False)
class Fold:
    """The test part of one fold."""

    name: str
    """As in the names of files."""
    true: Float[np.ndarray, "rows *shape"]
    """Targets."""


@dataclass(frozen=True, eq=False)
class EntryResult:
    """What a model predicts for the test part of one fold."""

    values: Float[np.ndarray, "rows *shape"]
    """Of the crystals, or their sites, in the order of the test part; of a potential the energies,
    then the components of forces and of stresses, target by target."""
    seconds: float | None
    """Time to learn and predict; None where somebody else did."""
    parameters: int | None
    """Numbers that were fitted; None where these do not count what was learned, as of trees."""


def assess_entries(
    folds: Sequence[Fold],
    results: Mapping[str, Sequence[EntryResult]],
    assessed: str,
    target: Target,
    *,
    progress: bool = False,
    deciding: Sequence[Measure] | None = None,
    only: Collection[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Measure every model on the rows of all folds together, and the assessed model against each.

    Args:
        folds: The test parts.
        results: What each model predicts for them, in their order, by its name.
        assessed: The name of the one that is compared with the others.
        target: What is predicted.
        progress: Show a progress bar on standard error.
        deciding: By which the model is compared; by default error and rank.
        only: Keys of the measures that are wanted; by default all.

    Returns:
        By name ``seconds``, ``parameters``, ``metrics``, the deciding measures by ``folds`` and
        ``against`` the assessed model.
    """
    true = np.concatenate([fold.true for fold in folds])
    assessed_values = _joined(results[assessed])
    deciding = deciding or (error_of(target), rank_of(target))
    documents = {}
    for name, predictions in tqdm(
        results.items(), desc="measuring", unit=" models", disable=not progress
    ):
        predicted = _joined(predictions)
        ordered = _ordered(predictions, predicted)
        against = {
            measure.key: compare_paired(
                measure, target, true, assessed_values, ordered if measure.by_order else predicted
            )
            for measure in deciding
        }
        seconds = [fold.seconds for fold in predictions if fold.seconds is not None]
        documents[name] = {
            "seconds": round(sum(seconds), 2) if seconds else None,
            "parameters": predictions[0].parameters,
            "metrics": _metrics(true, predicted, ordered, target, only),
            "folds": _by_fold(folds, predictions, deciding),
            "against": {} if name == assessed else against,
        }
    return documents


def _metrics(
    true: np.ndarray,
    predicted: np.ndarray,
    ordered: np.ndarray,
    target: Target,
    only: Collection[str] | None,
) -> dict[str, Any]:
    measured = evaluate(target, true, predicted, only=only)
    if only is not None:
        return {key: asdict(metric) for key, metric in measured.items()}
    if ordered is not predicted:
        of_order = evaluate(target, true, ordered)
        measured = {
            key: of_order[key] if MEASURES[key].by_order else measured[key] for key in measured
        }
    metrics = {key: asdict(metric) for key, metric in measured.items()}
    for name, k in RECALLS.items():
        if name not in metrics:  # of classes
            continue
        # An enrichment is the recall times a number that no draw of the rows changes.
        recall, times = metrics[name], len(true) / max(top_count(k, len(true)), 1)
        metrics[name.replace("recall", "enrichment")] = {
            end: None if value is None else value * times for end, value in recall.items()
        }
    return metrics


def _by_fold(
    folds: Sequence[Fold], results: Sequence[EntryResult], deciding: Sequence[Measure]
) -> dict[str, Any]:
    """Return the deciding measures fold by fold, with mean and deviation; None: not defined."""
    documents = {}
    for measure in deciding:
        values = [
            measure.of(fold.true, result.values)
            for fold, result in zip(folds, results, strict=True)
        ]
        defined = all(not math.isnan(value) for value in values)
        documents[measure.key] = {
            "values": [None if math.isnan(value) else value for value in values],
            "mean": float(np.mean(values)) if defined else None,
            "deviation": float(np.std(values, ddof=1)) if defined and len(values) > 1 else None,
        }
    return documents


def _ordered(
    results: Sequence[EntryResult], predicted: Float[np.ndarray, "rows *shape"]
) -> Float[np.ndarray, "rows *shape"]:
    """Return what the order of an entry is read from.

    An entry that says one value for all crystals of a fold, and another for those of the next, as
    the means of the training parts are, orders nothing: the order of its folds is an accident,
    and runs against the truth, for a fold of high targets leaves a low mean to train on.
    """
    constant = all(np.all(result.values == result.values[:1]) for result in results)
    return np.zeros_like(predicted) if constant else predicted


def _joined(results: Sequence[EntryResult]) -> Float[np.ndarray, "rows *shape"]:
    return np.concatenate([result.values for result in results])


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
