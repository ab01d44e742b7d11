"""Every measure of a predictor: its key, its names, its better end, its unit and its function."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from xtalgraph.metrics.classification import balanced_accuracy, brier, f1, log_loss, roc_auc
from xtalgraph.metrics.pairs import mae, r2, rmse
from xtalgraph.metrics.ranking import kendall, spearman, top_count, top_recall

Metric = Callable[[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]], float]
"""A function of true and predicted values, NaN where it is not defined."""


@runtime_checkable
class Declared(Protocol):
    """What a measure must know of a target."""

    @property
    def unit(self) -> str:
        """Unit of its values."""

    @property
    def is_class(self) -> bool:
        """Whether it is one of two classes."""

    @property
    def best(self) -> Literal["low", "high"] | None:
        """Which end of its values is wanted."""


@dataclass(frozen=True)
class Measure:
    """One figure that is reported of a predictor."""

    key: str
    """In files: ``mae``."""
    title: str
    """In a report: ``Mean absolute error``."""
    short: str
    """In a narrow table and in a sentence: ``MAE``."""
    better: Literal["low", "high"]
    """Which end is better."""
    metric: Metric | None
    """The function; None for a recall, see ``top``."""
    of_classes: bool = False
    """Whether it measures probabilities of classes rather than numbers."""
    has_unit: bool = False
    """Whether it has the unit of the target."""
    by_order: bool = False
    """Whether it reads nothing of the predictions but their order."""
    pooled: bool = False
    """Whether the numbers of a vector are measured together; else the mean over them is taken."""
    top: int | float | None = None
    """How many of the best rows a recall looks for, or which fraction of them."""

    def serves(self, target: Declared) -> bool:
        """Whether predictions of a target are measured by it.

        Args:
            target: What is predicted.
        """
        return self.of_classes == target.is_class

    def unit(self, target: Declared) -> str:
        """Return the unit of the measure; empty where it has none.

        Args:
            target: What is predicted.
        """
        return target.unit if self.has_unit else ""

    def of(
        self,
        true: Float[np.ndarray, "rows *shape"],
        predicted: Float[np.ndarray, "rows *shape"],
        best: Literal["low", "high"] | None = None,
    ) -> float:
        """Return its value on some rows, NaN where it is not defined.

        Of vectors errors are those of all their numbers together, and other measures the mean over
        the numbers, not defined where one of them is not. A recall is not defined where no end is
        wanted, nor for k above half of the rows, where a random choice finds most of the best.

        Args:
            true: True values, or classes.
            predicted: Predicted values, or probabilities of class 1, in the same order and unit.
            best: Which end of the target is wanted.
        """
        if true.ndim > 1 and self.pooled:
            return self.of(true.ravel(), predicted.ravel(), best)
        if true.ndim > 1:
            numbers = range(true[0].size if len(true) else 0)
            flat = [values.reshape(len(values), -1) for values in (true, predicted) if len(values)]
            parts = [self.of(flat[0][:, n], flat[1][:, n], best) for n in numbers]
            return float(np.mean(parts)) if parts else math.nan
        if self.metric is not None:
            return self.metric(true, predicted)
        if self.top is None or best is None:
            return math.nan
        # Compared with k as asked for: 100 of 30 rows is not 30 of 30.
        count = self.top if isinstance(self.top, int) else top_count(self.top, true.size)
        if count > true.size // 2:
            return math.nan
        return top_recall(true, predicted, self.top, best)


def _recall(top: int | float, name: str) -> Measure:
    short = f"top-{name.replace(' ', '')}"
    key = f"recall@{name.replace(' ', '')}"
    title = f"Recall in the top {name}"
    return Measure(key, title, short, "high", None, by_order=True, top=top)


_TABLE: Final = (
    Measure("mae", "Mean absolute error", "MAE", "low", mae, has_unit=True, pooled=True),
    Measure("rmse", "Root mean square error", "RMSE", "low", rmse, has_unit=True, pooled=True),
    Measure("r2", "R²", "R²", "high", r2),
    Measure("spearman", "Spearman's ρ", "Spearman", "high", spearman, by_order=True),
    Measure("kendall", "Kendall's τ", "Kendall", "high", kendall, by_order=True),
    _recall(10, "10"),
    _recall(100, "100"),
    _recall(0.05, "5 %"),
    Measure("roc_auc", "ROC-AUC", "ROC-AUC", "high", roc_auc, of_classes=True, by_order=True),
    Measure(
        "balanced_accuracy",
        "Balanced accuracy",
        "balanced accuracy",
        "high",
        balanced_accuracy,
        of_classes=True,
    ),
    Measure("f1", "F1", "F1", "high", f1, of_classes=True),
    Measure("log_loss", "Log loss", "log loss", "low", log_loss, of_classes=True),
    Measure("brier", "Brier score", "Brier", "low", brier, of_classes=True),
)
MEASURES: Final[dict[str, Measure]] = {measure.key: measure for measure in _TABLE}
"""All of them by key, in the order of tables."""


def measures_of(target: Declared) -> tuple[Measure, ...]:
    """Return the measures of a target, in the order of tables.

    Args:
        target: What is predicted.
    """
    return tuple(measure for measure in _TABLE if measure.serves(target))


def error_of(target: Declared) -> Measure:
    """Return the error that chooses between models: MAE, of classes the log loss.

    Args:
        target: What is predicted.
    """
    return MEASURES["log_loss" if target.is_class else "mae"]


def rank_of(target: Declared) -> Measure:
    """Return the measure of the order: Spearman's ρ, of classes the ROC-AUC.

    Args:
        target: What is predicted.
    """
    return MEASURES["roc_auc" if target.is_class else "spearman"]
