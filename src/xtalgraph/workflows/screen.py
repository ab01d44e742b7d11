"""Screen: the best of many candidates by their predictions, each crystal once."""

import heapq
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.crystals.composition import composition_key, reduced_formula
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.duplicates import DuplicateIndex
from xtalgraph.data.row import Row
from xtalgraph.data.table import read_rows
from xtalgraph.data.targets import Kind
from xtalgraph.evidence.screen_page import Candidate, write_screen_page
from xtalgraph.metrics.acquisition import Aim, expected_improvement, optimistic
from xtalgraph.models.predictor import PredictedRow, Predictor
from xtalgraph.workflows.predict import in_chunks, load

log = logging.getLogger("xtalgraph")

WAYS: Final = ("prediction", "expected-improvement", "upper-bound")
"""By what candidates are ranked."""
_CHUNK: Final = 512
"""Rows predicted at a time."""
_MARGIN: Final = 4
"""So many times the wanted number are kept, since some of them are one crystal."""


@dataclass(frozen=True)
class Screened:
    """What a screening came to."""

    path: Path
    """The table of the best."""
    page: Path
    """The page with their pictures."""
    kept: int
    """Candidates in the table."""
    good: int
    """Crystals that were predicted."""
    bad: int
    """Rows that could not be used."""


@dataclass(frozen=True, eq=False)
class Found:
    """One of the best so far."""

    score: float
    """High is better."""
    crystal: Crystal
    """What was predicted."""
    predicted: PredictedRow
    """What is said of it."""


def screen(
    run: str | Path,
    candidates: Any,
    *,
    out: str | Path,
    top: int = 100,
    objective: str = "min",
    by: Literal["prediction", "expected-improvement", "upper-bound"] = "prediction",
    on_error: str = "skip",
    progress: bool = True,
) -> Screened:
    """Rank candidates, and write ``top.csv`` and ``screen.html`` with the best of them.

    Rows are read, predicted and forgotten in chunks: only four times the wanted number is kept, so
    that memory does not grow with the number of candidates. Of these the same crystals are put
    together, see `DuplicateIndex`.

    Args:
        run: A run folder, with one target that is one number for each crystal.
        candidates: A file, folder or table; or a list of them, or of structures.
        out: The folder to write.
        top: How many are wanted.
        objective: ``min``, ``max`` or ``target=NUMBER``.
        by: ``prediction``; or, with a run that has a spread, ``expected-improvement`` over the best
            of the training part, or ``upper-bound``, the best value within one spread.
        on_error: ``skip`` goes on at rows that cannot be used; ``raise`` stops there.
        progress: Show a progress bar on standard error.

    Raises:
        ConfigError: If the objective or the way cannot be, for this run.
        InputError: If no candidate can be used, or one cannot and ``raise`` is said.
    """
    aim, predictor = Aim.parse(objective), load(run)
    _check(predictor, by, top)
    known = _best_known(Path(run), aim) if by == "expected-improvement" else math.nan
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    tally = _Tally(on_error)
    with tqdm(desc="screening", unit="crystal", disable=not progress) as bar:
        rows = tally.predicted(predictor, read_rows(candidates), bar)
        best = best_of(rows, aim, by, known, _MARGIN * top)
    if not best:
        raise InputError(f"{candidates} holds no crystal that can be used; {tally.bad} rows cannot")
    groups = put_together([one.crystal for one in best])
    kept = [(best[group[0]], [best[n] for n in group[1:]]) for group in groups[:top]]
    if len(kept) < top and len(best) == _MARGIN * top:
        log.warning(
            "the best %d candidates are only %d different crystals: ask for more to see further",
            len(best),
            len(kept),
        )
    table = _table(predictor, kept, by)
    path = folder / "top.csv"
    table.to_csv(path, index=False, lineterminator="\n")
    page = write_screen_page(
        folder,
        [Candidate(one.crystal, line) for (one, _), line in zip(kept, _lines(table), strict=True)],
        target=predictor.target,
        title=f"The best {len(kept)} of {tally.good:,} candidates",
        how=f"objective {objective}, ranked by {by.replace('-', ' ')}",
    )
    return Screened(path, page, len(kept), tally.good, tally.bad)


def best_of(
    predicted: Iterable[PredictedRow], aim: Aim, by: str, known: float, limit: int
) -> list[Found]:
    """Return the best of predicted rows, the first of equal ones first, in constant memory.

    Args:
        predicted: Taken one by one; rows without a prediction are passed over.
        aim: What is wanted.
        by: One of `WAYS`.
        known: The best value there is, for the expected improvement.
        limit: How many are kept.
    """
    heap: list[tuple[float, int, Found]] = []
    number = count()
    for one in predicted:
        if one.prediction is None or one.row.crystal is None:
            continue
        score = _score(one, aim, by, known)
        entry = (score, -next(number), Found(score, one.row.crystal, one))
        if len(heap) < limit:
            heapq.heappush(heap, entry)
        elif entry[:2] > heap[0][:2]:
            heapq.heapreplace(heap, entry)
    return [found for _, _, found in sorted(heap, key=lambda entry: entry[:2], reverse=True)]


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
    for place, crystal in enumerate(crystals):
        alike = of_formula.setdefault(composition_key(crystal), [])
        same = next((group for group in alike if index.same(group[0], place)), None)
        if same is None:
            same = []
            alike.append(same)
            groups.append(same)
        same.append(place)
    return groups


class _Tally:
    """Predicts rows and counts them.

    Args:
        on_error: ``raise`` stops at a row that cannot be used.
    """

    def __init__(self, on_error: str) -> None:
        self.on_error = on_error
        self.good = self.bad = 0

    def predicted(
        self, predictor: Predictor, rows: Iterable[Row], bar: "tqdm[Any]"
    ) -> Iterator[PredictedRow]:
        """Yield predicted rows.

        Args:
            predictor: Of the run.
            rows: Of the candidates.
            bar: Shows how far it is.
        """
        for chunk in in_chunks(rows, _CHUNK):
            for one in predictor.predict_rows(chunk):
                if one.prediction is None and self.on_error == "raise":
                    raise InputError(f"{one.row.id}: {one.row.reason}")
                self.good += one.prediction is not None
                self.bad += one.prediction is None
                yield one
            bar.update(len(chunk))


def _check(predictor: Predictor, by: str, top: int) -> None:
    if by not in WAYS:
        raise ConfigError(f"candidates are ranked by one of {', '.join(WAYS)}, got {by!r}")
    if top < 1:
        raise ConfigError(f"at least 1 candidate must be wanted, got {top}")
    if len(predictor.targets) > 1 or predictor.target.kind is Kind.ATOMIC:
        raise ConfigError(
            "a screening needs a run on one target with one value for each crystal, this one "
            f"predicts {', '.join(t.name for t in predictor.targets)}, {predictor.target.kind}"
        )
    if by != "prediction" and not predictor.has_spread:
        raise ConfigError(
            f"to rank by {by} a spread is needed, and this run has one member, which has learned "
            "no variance: train it with --members 5 or --set training.loss=gaussian, or rank by "
            "prediction"
        )


def _best_known(run: Path, aim: Aim) -> float:
    """Return the best label of the training part."""
    stated = pd.read_csv(run / "predictions.csv")
    labels = stated.loc[stated["split"] == "train", "target"].to_numpy(dtype=np.float64)
    if len(labels) == 0:
        raise RunError(f"{run / 'predictions.csv'} holds no training rows: train the run again")
    return float(labels[np.argmax(aim.gain(labels))])


def _score(one: PredictedRow, aim: Aim, by: str, known: float) -> float:
    said = one.prediction
    if said is None:
        raise RunError(f"{one.row.id} has no prediction to be ranked by")
    if by == "prediction" or said.spread is None:
        return float(aim.gain(said.values)[0])
    if by == "upper-bound":
        return float(optimistic(aim, said.values, said.spread)[0])
    return float(expected_improvement(aim, said.values, said.spread, known)[0])


def _table(
    predictor: Predictor, kept: Sequence[tuple[Found, Sequence[Found]]], by: str
) -> pd.DataFrame:
    """Return the predictor's table of the best, with rank, formula, and what else is the same."""
    table = predictor.tabulate([one.predicted for one, _ in kept]).drop(columns="error")
    table.insert(0, "rank", range(1, len(kept) + 1))
    table.insert(2, "formula", [reduced_formula(one.crystal) for one, _ in kept])
    if by != "prediction":
        table.insert(3, by.replace("-", "_"), [one.score for one, _ in kept])
    table["same"] = [" ".join(other.predicted.row.id for other in others) for _, others in kept]
    return table


def _lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
