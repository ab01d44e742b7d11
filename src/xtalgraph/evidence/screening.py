"""Candidates by what they are worth: predicted, scored and counted, each crystal once."""

import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, final

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.voigt import from_subscripts, subscripts
from xtalgraph.crystals.composition import composition_key
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.leaks import DuplicateIndex
from xtalgraph.data.row import Row, SkippedRows, in_chunks
from xtalgraph.data.values import Values
from xtalgraph.evidence.run_record import RunRecord
from xtalgraph.metrics.acquisition import Aim, expected_improvement, optimistic
from xtalgraph.metrics.calibration import rank_of_errors
from xtalgraph.metrics.tensors import invariant_of, norms
from xtalgraph.models.predictions import PredictedRow, Prediction, as_invariant
from xtalgraph.models.predictor import Predictor

Ranking = Literal["prediction", "expected-improvement", "upper-bound"]
"""By what candidates are ranked."""
CHUNK: Final = 512
"""Rows predicted at a time."""
FEWEST: Final = 10
"""Test crystals below which a rank correlation is not known."""
_WEAK: Final = 0.1
"""Rank correlation up to which a standard deviation tells next to nothing of the error, however
many test crystals there are."""
_ONE_SIDED: Final = 1.645
"""Standard deviations of chance that it must be above 0: 5 % of unrelated columns are."""


@dataclass(frozen=True, eq=False)
class Found:
    """One of the best so far."""

    score: float
    """High is better."""
    gain: float
    """Of the prediction; high is better. Among equal scores it decides, and then the id."""
    crystal: Crystal
    """What was predicted."""
    predicted: PredictedRow
    """Its row and prediction."""

    def __lt__(self, other: "Found") -> bool:
        mine, others = (self.score, self.gain), (other.score, other.gain)
        return mine < others if mine != others else self.predicted.row.id > other.predicted.row.id


@final
class Tally:
    """Predicts rows, gives them scores and counts them; with ``raise`` it stops at a bad row.

    Args:
        on_error: ``raise`` or ``skip``.
        problem: Says what is wrong with a row that has a prediction; empty where nothing is.
    """

    def __init__(self, on_error: str, problem: Callable[[Row], str] = lambda row: "") -> None:
        self.on_error, self.problem = on_error, problem
        self.good, self.skipped = 0, SkippedRows()
        self.lowest, self.highest = math.inf, -math.inf

    def predicted(
        self, predictor: Predictor, rows: Iterable[Row], bar: "tqdm[Any]"
    ) -> Iterator[PredictedRow]:
        """Yield predicted rows, less those that are left out."""
        for chunk in in_chunks(rows, CHUNK):
            for row, prediction in predictor.predict_rows(chunk):
                problem = row.reason if prediction is None else self.problem(row)
                if not problem:
                    self.good += 1
                    yield PredictedRow(row, prediction)
                    continue
                if self.on_error == "raise":
                    raise InputError(f"{row.id}: {problem}")
                self.skipped.add(replace(row, reason=problem))
            bar.update(len(chunk))

    def scored(
        self, predicted: Iterable[PredictedRow], aim: Aim, by: str, known: float
    ) -> Iterator[Found]:
        """Yield what has a prediction, with its score, see `score_of`."""
        for row in predicted:
            if row.prediction is None or row.row.crystal is None:
                continue
            score = score_of(row.prediction, aim, by, known)
            self.lowest, self.highest = min(self.lowest, score), max(self.highest, score)
            gain = float(aim.gain(_of(row.prediction.predictions.values))[0])
            yield Found(score, gain, row.row.crystal, row)


def score_of(predicted: Prediction, aim: Aim, by: str, known: float) -> float:
    """Return what a candidate is worth; high is better.

    Args:
        predicted: Its prediction.
        aim: What is wanted.
        by: One of `Ranking`.
        known: The best value there is, for the expected improvement.
    """
    value = _of(predicted.predictions.values)
    if by == "prediction" or predicted.predictions.std is None:
        return float(aim.gain(value)[0])
    std = _of(predicted.predictions.std)
    if by == "upper-bound":
        return float(optimistic(aim, value, std)[0])
    return float(expected_improvement(aim, value, std, known)[0])


def _of(values: Values) -> Float[np.ndarray, " crystals"]:
    """Return the values of the one target of a screening."""
    return values[values.targets[0].name]


def best_of(scored: Iterable[Found], limit: int) -> list[Found]:
    """Return the best of what was found, the best first, in constant memory."""
    heap: list[Found] = []
    for candidate in scored:
        if len(heap) < limit:
            heapq.heappush(heap, candidate)
        elif heap[0] < candidate:
            heapq.heapreplace(heap, candidate)
    return sorted(heap, reverse=True)


def put_together(crystals: Sequence[Crystal]) -> list[list[int]]:
    """Put the same crystals into groups, in the order of the first of each.

    Args:
        crystals: Any, however each is written down.

    Returns:
        Places of each group, ascending.
    """
    index = DuplicateIndex(crystals)
    groups: list[list[int]] = []
    of_formula: dict[str, list[list[int]]] = {}
    for number, crystal in enumerate(crystals):
        alike = of_formula.setdefault(composition_key(crystal), [])
        same = next((group for group in alike if index.same(group[0], number)), None)
        if same is None:
            same = []
            alike.append(same)
            groups.append(same)
        same.append(number)
    return groups


def of_invariants(record: RunRecord) -> RunRecord:
    """Return the numbers that stand for the tensors of a run; any other record as it is.

    The file has standard deviations of components alone. Their norm stands for that of the number:
    it is read for its order.
    """
    if not record.target.is_tensor:
        return record
    tensor, std = record.target.tensor, record.beside.get("std")
    count = len(subscripts(tensor))
    labels, predictions = (
        invariant_of(tensor, from_subscripts(tensor, lines.reshape(-1, count)))[1]
        for lines in (record.labels, record.predictions)
    )
    beside = {}
    if std is not None:
        beside = {"std": norms(from_subscripts(tensor, std.reshape(-1, count)))}
    return replace(
        record,
        target=as_invariant(record.target),
        ids=record.ids[::count],
        split=record.split[::count],
        labels=labels,
        predictions=predictions,
        beside=beside,
    )


@dataclass(frozen=True)
class Scores:
    """What the candidates were worth."""

    by: str
    """What they were ranked by."""
    lowest: float
    """Of all candidates."""
    highest: float
    """Of all candidates."""
    candidates: int
    first: int
    """How many of the listed ones share the highest."""


@dataclass(frozen=True)
class StdRank:
    """How the predicted standard deviation ranks the errors on the test part."""

    rows: int
    rank: float | None
    """Rank correlation with the error; None where it is not defined, or there are too few rows."""
    chance: float
    """What unrelated numbers reach, in 95 % of all cases."""

    @property
    def trusted(self) -> bool:
        """Whether the standard deviation follows the errors."""
        return self.rank is not None and self.rank > max(self.chance, _WEAK)


def std_rank(errors: Float[np.ndarray, " test"], std: Float[np.ndarray, " test"] | None) -> StdRank:
    """Compare standard deviations with the errors on the test part."""
    rows = len(errors)
    chance = _ONE_SIDED / math.sqrt(max(rows - 1, 1))
    if std is None or rows < FEWEST:
        return StdRank(rows, None, chance)
    rank = rank_of_errors(errors, std)
    return StdRank(rows, None if math.isnan(rank) else rank, chance)
