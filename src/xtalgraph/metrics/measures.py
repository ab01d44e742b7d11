"""Every measure of a predictor: its key, its names, its better end, its unit and its function."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.metrics.classification import (
    balanced_accuracy_of_draws,
    brier_of_draws,
    checked_classes,
    f1_of_draws,
    log_loss_of_draws,
    roc_auc_of_draws,
)
from xtalgraph.metrics.moduli import Mean, Modulus
from xtalgraph.metrics.pairs import (
    DrawMetric,
    checked_rows,
    mae_of_draws,
    r2_of_draws,
    rmse_of_draws,
)
from xtalgraph.metrics.ranking import (
    kendall_of_draws,
    spearman_of_draws,
    top_count,
    top_recall_of_draws,
)
from xtalgraph.metrics.tensors import (
    Reduction,
    anisotropies,
    error_norms,
    mean_eigenvalues,
    modulus_of,
    norms_and_errors,
    norms_of_both,
    ordered_axes,
    ratio_of_draws,
    within_of_draws,
)


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
    def is_tensor(self) -> bool:
        """Whether it turns with the crystal, and is learned by itself."""

    @property
    def tensor(self) -> TensorType:
        """How its values turn with the crystal."""

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
    metric: DrawMetric | None
    """The function; None for a recall, see ``top``."""
    of_classes: bool = False
    """Whether it measures probabilities of classes rather than numbers."""
    has_unit: bool = False
    """Whether it has the unit of the target."""
    by_order: bool = False
    """Whether it reads nothing of the predictions but their order."""
    pooled: bool = False
    """Whether the numbers of a vector are measured together; else the mean over them is taken."""
    rows: Reduction | None = None
    """Of tensors: what makes two numbers of each row, of which the metric is taken."""
    of_tensors: Literal["all", "matrices", "stiffness"] | None = None
    """Which tensors it measures: all, symmetric ones of rank 2, stiffness; None for none."""
    top: int | float | None = None
    """How many of the best rows a recall looks for, or which fraction of them."""

    @property
    def name(self) -> str:
        """In a sentence: ``mean absolute error``."""
        return self.title[0].lower() + self.title[1:]

    def serves(self, target: Declared) -> bool:
        """Whether predictions of a target are measured by it."""
        if target.is_tensor:
            return self.of_tensors in _kinds_of(target.tensor)
        return self.of_classes == target.is_class and self.of_tensors is None

    def unit(self, target: Declared) -> str:
        """Return the unit of the measure; empty where it has none."""
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
        true, predicted = checked_rows(true, predicted)
        if self.of_classes:
            checked_classes(true.ravel(), predicted.ravel())
        true, predicted = self.reduced(true, predicted) if true.ndim > 1 else (true, predicted)
        return float(self.of_draws(true[None], predicted[None], best)[0])

    def of_draws(
        self,
        true: Float[np.ndarray, "draws rows *shape"],
        predicted: Float[np.ndarray, "draws rows *shape"],
        best: Literal["low", "high"] | None = None,
    ) -> Float[np.ndarray, " draws"]:
        """Return its value in each of several draws of rows, from what `reduced` returns.

        Args:
            true: True values that have been checked; of tensors the first of two numbers.
            predicted: Predicted values; of tensors the second.
            best: Which end of the target is wanted.
        """
        if true.ndim > 2 and self.pooled:
            true, predicted = (values.reshape(len(values), -1) for values in (true, predicted))
            return self.of_draws(true, predicted, best)
        if true.ndim > 2:
            numbers = list(np.ndindex(true.shape[2:])) if true.shape[1] else []
            parts = [self.of_draws(true[..., *n], predicted[..., *n], best) for n in numbers]
            return np.mean(parts, axis=0) if parts else np.full(len(true), math.nan)
        if self.metric is not None:
            return self.metric(true, predicted)
        rows, undefined = true.shape[1], np.full(len(true), math.nan)
        if self.top is None or best is None:
            return undefined
        # Compared with k as asked for: 100 of 30 rows is not 30 of 30.
        count = self.top if isinstance(self.top, int) else top_count(self.top, rows)
        if count > rows // 2:
            return undefined
        return top_recall_of_draws(true, predicted, self.top, best)

    def reduced(
        self, true: Float[np.ndarray, "rows *shape"], predicted: Float[np.ndarray, "rows *shape"]
    ) -> tuple[Float[np.ndarray, "rows ..."], Float[np.ndarray, "rows ..."]]:
        """Return what is drawn from where rows are drawn again: of tensors numbers of each row."""
        return (true, predicted) if self.rows is None else self.rows(true, predicted)


@dataclass(frozen=True)
class BoundMeasure:
    """A measure of a target as a metric: a function of true and predicted values."""

    measure: Measure
    best: Literal["low", "high"] | None
    """Which end of the target is wanted."""

    def __call__(
        self, true: Float[np.ndarray, "rows *shape"], predicted: Float[np.ndarray, "rows *shape"]
    ) -> float:
        """Return `Measure.of`."""
        return self.measure.of(true, predicted, self.best)

    def of_draws(
        self,
        true: Float[np.ndarray, "draws rows *shape"],
        predicted: Float[np.ndarray, "draws rows *shape"],
    ) -> Float[np.ndarray, " draws"]:
        """Return `Measure.of_draws`."""
        return self.measure.of_draws(true, predicted, self.best)


def _kinds_of(tensor: TensorType) -> tuple[str, ...]:
    if tensor.is_matrix:
        return "all", "matrices"
    return ("all", "stiffness") if tensor.is_stiffness else ("all",)


def _recall(top: int | float, name: str) -> Measure:
    short = f"top-{name.replace(' ', '')}"
    key = f"recall@{name.replace(' ', '')}"
    title = f"Recall in the top {name}"
    return Measure(key, title, short, "high", None, by_order=True, top=top)


def _of_tensor(
    key: str,
    short: str,
    title: str,
    metric: DrawMetric,
    rows: Reduction,
    of: Literal["all", "matrices", "stiffness"] = "all",
    better: Literal["low", "high"] = "low",
) -> Measure:
    """Return a measure of tensors; mean absolute errors have a unit."""
    unit, order = metric is mae_of_draws, metric is spearman_of_draws
    return Measure(key, title, short, better, metric, False, unit, order, rows=rows, of_tensors=of)


def _moduli() -> Iterator[Measure]:
    symbols: dict[Modulus, str] = {"bulk": "K", "shear": "G", "young": "E"}
    means: tuple[Mean, ...] = ("hill", "voigt", "reuss")
    for mean in means:
        for modulus, symbol in symbols.items():
            name = "Young's" if modulus == "young" else modulus
            yield _of_tensor(
                f"{modulus}_{mean}",
                f"{symbol} {mean.title()}",
                f"Mean absolute error of the {name} modulus ({mean.title()})",
                mae_of_draws,
                modulus_of(modulus, mean),
                "stiffness",
            )


_TABLE: Final = (
    Measure("mae", "Mean absolute error", "MAE", "low", mae_of_draws, has_unit=True, pooled=True),
    Measure(
        "rmse", "Root mean square error", "RMSE", "low", rmse_of_draws, has_unit=True, pooled=True
    ),
    Measure("r2", "R²", "R²", "high", r2_of_draws),
    Measure("spearman", "Spearman's ρ", "Spearman", "high", spearman_of_draws, by_order=True),
    Measure("kendall", "Kendall's τ", "Kendall", "high", kendall_of_draws, by_order=True),
    _recall(10, "10"),
    _recall(100, "100"),
    _recall(0.05, "5 %"),
    Measure(
        "roc_auc", "ROC-AUC", "ROC-AUC", "high", roc_auc_of_draws, of_classes=True, by_order=True
    ),
    Measure(
        "balanced_accuracy",
        "Balanced accuracy",
        "balanced accuracy",
        "high",
        balanced_accuracy_of_draws,
        of_classes=True,
    ),
    Measure("f1", "F1", "F1", "high", f1_of_draws, of_classes=True),
    Measure("log_loss", "Log loss", "log loss", "low", log_loss_of_draws, of_classes=True),
    Measure("brier", "Brier score", "Brier", "low", brier_of_draws, of_classes=True),
    _of_tensor("frobenius", "Frobenius", "Mean Frobenius error", mae_of_draws, error_norms),
    _of_tensor(
        "frobenius_share",
        "share",
        "Frobenius error over the norm",
        ratio_of_draws,
        norms_and_errors,
    ),
    *(
        _of_tensor(
            f"within_{percent}%",
            f"within {percent} %",
            f"Fraction within {percent} % of the norm",
            partial(within_of_draws, share=percent / 100),
            norms_and_errors,
            better="high",
        )
        for percent in (10, 25)
    ),
    _of_tensor(
        "norm_spearman",
        "Spearman of norm",
        "Spearman's ρ of the norm",
        spearman_of_draws,
        norms_of_both,
        better="high",
    ),
    _of_tensor(
        "mean_eigenvalue",
        "mean eigenvalue",
        "Mean absolute error of the mean eigenvalue",
        mae_of_draws,
        mean_eigenvalues,
        "matrices",
    ),
    _of_tensor(
        "anisotropy",
        "anisotropy",
        "Mean absolute error of the anisotropy",
        mae_of_draws,
        anisotropies,
        "matrices",
    ),
    _of_tensor(
        "eigenvalue_order",
        "order of axes",
        "Fraction of pairs of principal axes in the right order",
        ratio_of_draws,
        ordered_axes,
        "matrices",
        "high",
    ),
    *_moduli(),
)
MEASURES: Final[dict[str, Measure]] = {measure.key: measure for measure in _TABLE}
"""All of them by key, in the order of tables."""


def measures_of(target: Declared) -> tuple[Measure, ...]:
    """Return the measures of a target, in the order of tables."""
    return tuple(measure for measure in _TABLE if measure.serves(target))


def error_of(target: Declared) -> Measure:
    """Return the error that chooses models: MAE, log loss, or of tensors the Frobenius error."""
    return _first_that_serves(target, "mae", "log_loss", "frobenius")


def rank_of(target: Declared) -> Measure:
    """Return the measure of the order: Spearman's ρ, of tensors that of norms, or ROC-AUC."""
    return _first_that_serves(target, "spearman", "roc_auc", "norm_spearman")


def _first_that_serves(target: Declared, *keys: str) -> Measure:
    return next(MEASURES[key] for key in keys if MEASURES[key].serves(target))
