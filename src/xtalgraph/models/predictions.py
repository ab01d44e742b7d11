"""Predictions of many crystals and of one, how members make them together, and their table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from xtalgraph.conventions.tensors import SCALAR
from xtalgraph.conventions.voigt import subscripts, to_subscripts
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.data.table import Row
from xtalgraph.data.targets import Target
from xtalgraph.data.values import Crystals, Values
from xtalgraph.graphs.graph import Scope
from xtalgraph.metrics.tensors import invariant_of
from xtalgraph.models.model import Output, predicted
from xtalgraph.models.novelty import Novelty


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of every target, and what is known of their errors.

    The four parts have the same targets and rows. In each of the last three a target without such
    an estimate is NaN; a part is None where no target has one.
    """

    values: Values
    """Predictions, in the units of the targets; of a class the probability of class 1."""
    std: Values | None = None
    """Standard deviation of the ensemble, of the learned error, or of both."""
    lower: Values | None = None
    """Lower ends of the prediction intervals."""
    upper: Values | None = None
    """Upper ends of the prediction intervals."""

    def __len__(self) -> int:
        """Return the number of crystals."""
        return len(self.values)

    def parts(self) -> dict[str, Values]:
        """Return the parts that there are by their names in files: ``prediction``, ``std``, ...."""
        named = {
            "prediction": self.values,
            "std": self.std,
            "lower": self.lower,
            "upper": self.upper,
        }
        return {name: values for name, values in named.items() if values is not None}

    @classmethod
    def concatenated(cls, parts: Sequence["Predictions"]) -> "Predictions":
        """Return the predictions for several lists of crystals, one after the other."""
        estimates = ([getattr(part, name) for part in parts] for name in ("std", "lower", "upper"))
        return cls(
            Values.concatenated([part.values for part in parts]),
            *(None if None in parts else Values.concatenated(parts) for parts in estimates),
        )

    def select(self, crystals: Crystals) -> "Predictions":
        """Return the predictions for some crystals, in the given order."""
        return Predictions(
            self.values.select(crystals),
            *(
                None if part is None else part.select(crystals)
                for part in (self.std, self.lower, self.upper)
            ),
        )


def as_invariant(target: Target) -> Target:
    """Return the number that stands for a tensor, see `invariant_of`; any other target as it is.

    Args:
        target: What is predicted.

    >>> from xtalgraph.conventions.voigt import NAMED
    >>> from xtalgraph.data.targets import Kind
    >>> as_invariant(Target("eps", Kind.INTENSIVE, tensor=NAMED["dielectric"])).name
    'mean eigenvalue of eps'
    """
    if not target.is_tensor:
        return target
    called, _ = invariant_of(target.tensor, np.zeros((0, *target.tensor.shape)))
    return replace(target, name=f"{called} of {target.name}", tensor=SCALAR)


def combine(
    outputs: Sequence[Output],
    targets: Sequence[Target],
    num_atoms: Int[np.ndarray, " crystals"],
    *,
    invariants: bool = False,
) -> Predictions:
    """Return what the members of a run predict together: their mean, and its standard deviation.

    Of tensors `invariants` takes the number that stands for each, see `as_invariant`.
    """
    values, std = {}, {}
    for target in targets:
        name = target.name
        members = np.stack(
            [predicted(target, output.values[name]).numpy(force=True) for output in outputs]
        )
        if invariants and target.is_tensor:
            members = np.stack([invariant_of(target.tensor, member)[1] for member in members])
        learned = [
            output.deviations[name].double().numpy(force=True)
            for output in outputs
            if output.deviations
        ]
        named = as_invariant(target).name if invariants else name
        values[named] = members.mean(axis=0)
        deviation = std_of(members, np.stack(learned) if learned else None)
        if deviation is not None:
            std[named] = deviation
    all_targets = tuple(map(as_invariant, targets) if invariants else targets)
    return Predictions(
        Values(all_targets, values, num_atoms), Values(all_targets, std, num_atoms) if std else None
    )


def std_of(
    values: Float[np.ndarray, "members rows *columns"],
    deviations: Float[np.ndarray, "members rows *columns"] | None,
) -> Float[np.ndarray, "rows *columns"] | None:
    """Return the standard deviation of a prediction, √(mean variance + variance of the means).

    The first is the doubt that each member has learned, the second their disagreement, with n − 1
    in the denominator, as for members that say values alone: it estimates the variance of all that
    could have been trained. The paper takes the few for all, and divides by n.

    Args:
        values: What each member predicts.
        deviations: The standard deviation that each says of its error, if they learned one.

    Returns:
        In the unit of the target; None for one member that learned none.

    Source: B. Lakshminarayanan, A. Pritzel, C. Blundell, NeurIPS (2017), doi
    10.48550/arXiv.1612.01474, eq. 2 and below.

    >>> std_of(np.array([[1.0], [3.0]]), np.array([[2.0], [4.0]])) ** 2
    array([12.])
    """
    between: Float[np.ndarray, "rows *columns"] | None = None
    if len(values) > 1:
        between = values.std(axis=0, ddof=1)
    if deviations is None:
        return between
    variance = np.square(deviations).mean(axis=0)
    return np.sqrt(variance if between is None else variance + np.square(between))


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
    """The vector of each in the first member, see `Model.embedding`."""
    novelty: Sequence[Novelty | None]
    """How far each is from the training part; None where that was not asked or is not known."""
    places: Int[np.ndarray, " supported"]
    """Where the supported crystals stand among all."""
    unsupported: Mapping[int, str]
    """Why there is no prediction, by the place of each other crystal."""

    def by_crystal(self) -> Iterator["Prediction"]:
        """Yield what there is of each supported crystal."""
        for index, (embedding, novelty) in enumerate(
            zip(self.embedding, self.novelty, strict=True)
        ):
            yield Prediction(self.predictions.select([index]), embedding, novelty)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a predictor returns for one crystal."""

    predictions: Predictions
    """Of this crystal alone, by the name of the target."""
    embedding: Float[np.ndarray, " embedding"]
    """Its vector in the first member, see `Model.embedding`."""
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
        in a list, both from 0, or the subscript of a component of a tensor. What a model or a
        target has not is empty. A row that cannot be used has one line, with its reason in
        ``error``.
    """
    lines = [line for predicted_row in predicted for line in _lines(predicted_row)]
    table = pd.DataFrame(lines, columns=list(COLUMNS))
    for name in (*_NUMBERS, *_DISTANCES):
        table[name] = table[name].astype(float)
    for name in ("site", "component"):
        table[name] = table[name].astype("Int64")
    return table


def _lines(predicted: PredictedRow) -> Iterator[dict[str, Any]]:
    row, prediction = predicted
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
        arrays = {name: values[target.name] for name, values in parts.items()}
        printed = subscripts(target.tensor) if target.is_tensor else ()
        if target.is_tensor:
            arrays = {name: to_subscripts(target.tensor, a) for name, a in arrays.items()}
        shape = arrays["prediction"].shape
        for index in np.ndindex(shape):
            component = int(np.ravel_multi_index(index[1:], shape[1:])) if index[1:] else None
            if printed and component is not None:
                component = printed[component]
            where = {
                "property": target.name,
                "unit": target.unit,
                "site": index[0] if target.scope is Scope.ATOM else None,
                "component": component,
            }
            yield common | where | {name: float(array[index]) for name, array in arrays.items()}


def _of_novelty(novelty: Novelty) -> dict[str, Any]:
    return {
        "novelty": novelty.words,
        "embedding_distance": novelty.embedding_distance,
        "composition_distance": novelty.composition_distance,
        "unseen": " ".join(novelty.unseen),
    }
