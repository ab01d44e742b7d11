"""What a predictor returns: for many crystals, for one, and as a table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.table import Row
from xtalgraph.graphs.graph import Scope
from xtalgraph.models.novelty import Novelty
from xtalgraph.models.predictions import Predictions

COLUMNS: Final = (
    *("id", "formula", "property", "site", "component"),
    *("prediction", "std", "lower", "upper", "unit"),
    *("novelty", "embedding_distance", "composition_distance", "unseen", "error"),
)
"""Of a table of predictions, whatever the targets and the model."""
_NUMBERS: Final = ("prediction", "std", "lower", "upper")
_DISTANCES: Final = ("embedding_distance", "composition_distance")


@dataclass(frozen=True, eq=False)
class PredictedCrystals:
    """What a predictor returns for crystals, of which it may not support some."""

    predictions: Predictions
    """Of the supported crystals, in their order."""
    embedding: Float[np.ndarray, "supported embedding"]
    """The vector of each from which the readout of the first member starts."""
    novelty: Sequence[Novelty | None]
    """How far each is from the training part; None where that was not asked or is not known."""
    places: Int[np.ndarray, " supported"]
    """Where the supported crystals stand among all."""
    unsupported: Mapping[int, str]
    """Why there is no prediction, by the place of each other crystal."""

    def each(self) -> Iterator["Prediction"]:
        """Yield what there is of each supported crystal."""
        for place, (embedding, novelty) in enumerate(
            zip(self.embedding, self.novelty, strict=True)
        ):
            yield Prediction(self.predictions.select([place]), embedding, novelty)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a predictor returns for one crystal."""

    predictions: Predictions
    """Of this crystal alone, by the name of the target."""
    embedding: Float[np.ndarray, " embedding"]
    """The vector from which the readout of the first member starts."""
    novelty: Novelty | None
    """How far it is from the training part; None where the run does not know."""


class PredictedRow(NamedTuple):
    """A row and what is predicted for it."""

    row: Row
    """With a crystal, or with the reason why there is no prediction."""
    prediction: Prediction | None
    """None where there is a reason."""


def tabulate(predicted: Iterable[PredictedRow]) -> pd.DataFrame:
    """Return predicted rows as a table: one line for each number of each target.

    Args:
        predicted: Rows with their predictions.

    Returns:
        Columns `COLUMNS`. ``site`` is that of an atomic target, ``component`` the place of a number
        in a list, both from 0. What a model or a target has not is empty. A row that cannot be used
        has one line, with its reason in ``error``.
    """
    lines = [line for one in predicted for line in _lines(one)]
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    for name in (*_NUMBERS, *_DISTANCES):
        table[name] = table[name].astype(float)
    for name in ("site", "component"):
        table[name] = table[name].astype("Int64")
    return table


def _lines(one: PredictedRow) -> Iterator[dict[str, Any]]:
    row, prediction = one
    empty = dict.fromkeys(("formula", "property", "unit", "novelty", "unseen"), "")
    common: dict[str, Any] = {**empty, "id": row.id, "error": row.reason or ""}
    if prediction is None:
        yield common
        return
    common["formula"] = "" if row.crystal is None else reduced_formula(row.crystal)
    if prediction.novelty is not None:
        common |= _of_novelty(prediction.novelty)
    parts = prediction.predictions.parts()
    for target in prediction.predictions.values.targets:
        own = {name: values[target.name] for name, values in parts.items()}
        shape = own["prediction"].shape
        for index in np.ndindex(shape):
            component = int(np.ravel_multi_index(index[1:], shape[1:])) if index[1:] else None
            where = {
                "property": target.name,
                "unit": target.unit,
                "site": index[0] if target.scope is Scope.ATOM else None,
                "component": component,
            }
            yield common | where | {name: float(array[index]) for name, array in own.items()}


def _of_novelty(novelty: Novelty) -> dict[str, Any]:
    return {
        "novelty": novelty.words,
        "embedding_distance": novelty.embedding_distance,
        "composition_distance": novelty.composition_distance,
        "unseen": " ".join(novelty.unseen),
    }
