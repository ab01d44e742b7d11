"""One of the targets of a run: the crystals that have its label, with their parts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Target
from xtalgraph.workflows.dataset import Dataset
from xtalgraph.workflows.outcome import Outcome, measure, worst_errors


@dataclass(frozen=True, eq=False)
class TargetView:
    """What concerns one target."""

    target: Target
    """What is predicted."""
    dataset: Dataset
    """The crystals that have its label, and that alone."""
    split: Split
    """The parts, numbered as these crystals."""
    places: Int[np.ndarray, " known"]
    """Where they stand among all crystals."""
    column: int | None
    """The column of the target among several; None where it is the only one."""

    def outcome(self, whole: Outcome) -> Outcome:
        """Return what a predictor of all targets says of this one, for these crystals."""
        return replace(
            whole,
            values=self._own(whole.values),
            beside={name: self._own(one) for name, one in whole.beside.items()},
        )

    def _own(
        self, values: Sequence[Float[np.ndarray, "_ *columns"]]
    ) -> list[Float[np.ndarray, " _"]]:
        own = [values[i] for i in self.places]
        return own if self.column is None else [one[:, self.column] for one in own]


def views_of(dataset: Dataset, split: Split, targets: Sequence[Target]) -> list[TargetView]:
    """Return what concerns each target.

    Args:
        dataset: Crystals and their targets.
        split: Their parts.
        targets: In the order of the columns.

    Raises:
        ConfigError: If no crystal of the training or of the test part has the label of a target.
    """
    if len(targets) == 1:
        everything = np.arange(len(dataset.table))
        return [TargetView(targets[0], dataset, split, everything, None)]
    views = []
    for column, target in enumerate(targets):
        own, places = dataset.of_column(column)
        views.append(
            TargetView(target, own, _among(split, places, target.name), places, column),
        )
    return views


def measured(
    views: Sequence[TargetView], compared: Sequence[Sequence[Outcome]], split: Split
) -> dict[str, Any]:
    """Return the content of ``metrics.json``.

    Args:
        views: The targets.
        compared: For each the predictors; the first is the model.
        split: The parts of all crystals.

    Returns:
        Of one target what `measure` returns; of several that of each by its name, under
        ``targets``, beside ``model`` and ``splits``.
    """
    each = [
        measure(view.dataset, view.split, outcomes, view.target)
        for view, outcomes in zip(views, compared, strict=True)
    ]
    if len(each) == 1:
        return each[0]
    return {
        "model": each[0]["model"],
        "splits": {name: len(rows) for name, rows in split.parts().items()},
        "targets": {view.target.name: one for view, one in zip(views, each, strict=True)},
    }


def worst_of(views: Sequence[TargetView], compared: Sequence[Sequence[Outcome]]) -> Any:
    """Return the content of ``worst.json``: of several targets that of each by its name.

    Args:
        views: The targets.
        compared: For each the predictors; the first is the model.
    """
    each = {
        view.target.name: worst_errors(view.dataset, view.split, outcomes[0].values)
        for view, outcomes in zip(views, compared, strict=True)
    }
    return each[views[0].target.name] if len(views) == 1 else each


def _among(split: Split, places: Int[np.ndarray, " known"], name: str) -> Split:
    """Return the parts of a split that are among some crystals, numbered as these are."""
    parts = {
        part: np.searchsorted(places, np.intersect1d(rows, places))
        for part, rows in split.parts().items()
    }
    return Split(**parts, how=f"{split.how}, rows with {name}")
