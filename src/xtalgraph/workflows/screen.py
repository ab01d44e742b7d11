"""Screen: the best of many candidates by their predictions, each crystal once."""

import heapq
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from tqdm import tqdm

from xtalgraph.conventions.choices import Device, OnError
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.conventions.ranges import Count
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.crystals.composition import composition_key
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.data.duplicates import DuplicateIndex
from xtalgraph.data.row import Row
from xtalgraph.data.table import read_rows
from xtalgraph.data.targets import Kind
from xtalgraph.data.values import Values
from xtalgraph.evidence.numbers import plain, with_unit
from xtalgraph.evidence.screen_page import Candidate, write_screen_page
from xtalgraph.metrics.acquisition import Aim, expected_improvement, optimistic
from xtalgraph.models.prediction import PredictedRow, Prediction, tabulate
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows.outputs import check_output
from xtalgraph.workflows.predict import in_chunks, load
from xtalgraph.workflows.ranking_caveats import Scores, about_std, about_ties
from xtalgraph.workflows.stated_errors import StatedErrors
from xtalgraph.workflows.structure_files import Form, check_structures, write_structures

log = logging.getLogger("xtalgraph")

Ranking = Literal["prediction", "expected-improvement", "upper-bound"]
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
    table: pd.DataFrame
    """What is in the table."""
    caveats: tuple[str, ...]
    """What must be said beside the ranking, in sentences."""
    error: float | None
    """Mean absolute error of the run on its test part, which says what digits mean."""


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
    """What is said of it."""

    def __lt__(self, other: "Found") -> bool:
        own, others = (self.score, self.gain), (other.score, other.gain)
        return own < others if own != others else self.predicted.row.id > other.predicted.row.id


@checks_arguments
def screen(
    run: str | Path,
    candidates: Any,
    *,
    out: Annotated[str | Path, Spelled("FOLDER")],
    top: Count = 100,
    objective: Annotated[str, Spelled("AIM")] = "min",
    by: Ranking = "prediction",
    structures: Form = "cif",
    on_error: OnError = "skip",
    device: Device = "cpu",
    disorder: Disorder | None = None,
    progress: bool = True,
) -> Screened:
    """Rank candidates, and write the best: ``top.csv``, ``screen.html`` and their structures.

    Rows are read, predicted and forgotten in chunks: only four times the wanted number is kept, so
    that memory does not grow with the number of candidates. Of these the same crystals are put
    together, see `DuplicateIndex`.

    Args:
        run: A run folder, with one target that is one number for each crystal.
        candidates: A file, folder or table; or a list of them, or of structures.
        out: Folder to write.
        top: How many are wanted.
        objective: What is wanted of the property: min, max or target=NUMBER.
        by: By what they are ranked; all but prediction need a run with members or a learned
            variance. ``expected-improvement`` is over the best of the training part,
            ``upper-bound`` the best value within one standard deviation. Equal ones stand in the
            order of their predictions, and then of their ids.
        structures: Format of the structures of the best, in ``structures/``.
        on_error: Crystals that cannot be used: go on (skip), or stop (raise).
        device: Where to compute; the numbers of a GPU differ in the last digits.
        disorder: Crystals with mixed or partly empty sites, as in the training by default.
        progress: Show progress bars on standard error.

    Raises:
        ConfigError: If the objective or the way cannot be, for this run.
        InputError: If no candidate can be used, or one cannot and ``raise`` is said.
    """
    aim, predictor, folder = Aim.parse(objective), load(run).to(device), Path(out)
    _check(predictor, by, top)
    check_structures(structures, folder, candidates)
    for name in ("top.csv", "screen.html"):
        check_output(folder / name, candidates)
    stated = StatedErrors.read(Path(run))
    known = math.nan
    if by == "expected-improvement":
        known = float(stated.labels[np.argmax(aim.gain(stated.labels))])
    make_folder(folder)
    tally, reading = _Tally(on_error), predictor.spec.disorder_for(disorder)
    with tqdm(desc="screening", unit="crystal", disable=not progress) as bar:
        rows = tally.predicted(predictor, read_rows(candidates, reading), bar)
        best = best_of(tally.scored(rows, aim, by, known), _MARGIN * top)
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
    caveats = _caveats(predictor, stated, tally, [one for one, _ in kept], aim, by, known)
    for caveat in caveats:
        log.warning("%s", caveat)
    table = _table(kept, by, aim)
    files = write_structures(
        folder, [(one.predicted.row.id, one.crystal) for one, _ in kept], structures
    )
    if structures != "none":
        table["file"] = files
    path = folder / "top.csv"
    write_atomically(path, table.to_csv(index=False, lineterminator="\n"))
    target = predictor.targets[0]
    page = write_screen_page(
        folder,
        [Candidate(one.crystal, line) for (one, _), line in zip(kept, _lines(table), strict=True)],
        target=target,
        title=f"The first {len(kept)} of {tally.good:,} candidates for "
        f"{aim.words(target.name, target.unit)}",
        how=_how(objective, by, known, target.unit),
        caveats=caveats,
        error=stated.mae,
    )
    return Screened(path, page, len(kept), tally.good, tally.bad, table, caveats, stated.mae)


def best_of(scored: Iterable[Found], limit: int) -> list[Found]:
    """Return the best of what was found, the best first, in constant memory.

    Args:
        scored: Taken one by one.
        limit: How many are kept.
    """
    heap: list[Found] = []
    for one in scored:
        if len(heap) < limit:
            heapq.heappush(heap, one)
        elif heap[0] < one:
            heapq.heapreplace(heap, one)
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
    """Predicts rows, gives them scores and counts them.

    Args:
        on_error: ``raise`` stops at a row that cannot be used.
    """

    def __init__(self, on_error: str) -> None:
        self.on_error = on_error
        self.good = self.bad = 0
        self.lowest, self.highest = math.inf, -math.inf

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

    def scored(
        self, predicted: Iterable[PredictedRow], aim: Aim, by: str, known: float
    ) -> Iterator[Found]:
        """Yield what has a prediction, with its score.

        Args:
            predicted: Rows.
            aim: What is wanted.
            by: A `Ranking`.
            known: The best value there is, for the expected improvement.
        """
        for one in predicted:
            if one.prediction is None or one.row.crystal is None:
                continue
            score = _score(one.prediction, aim, by, known)
            self.lowest, self.highest = min(self.lowest, score), max(self.highest, score)
            gain = float(aim.gain(_of(one.prediction.predictions.values))[0])
            yield Found(score, gain, one.row.crystal, one)


def _check(predictor: Predictor, by: str, top: int) -> None:
    if len(predictor.targets) > 1 or predictor.targets[0].kind is Kind.ATOMIC:
        raise ConfigError(
            "a screening needs a run on one target with one value for each crystal, this one "
            f"predicts {', '.join(t.name for t in predictor.targets)}, {predictor.targets[0].kind}"
        )
    if by != "prediction" and not predictor.has_std:
        raise ConfigError(
            f"to rank by {by} a spread is needed, and this run has one member, which has learned "
            "no variance: train it with --members 5 or --set training.loss=gaussian, or rank by "
            "prediction"
        )


def _score(prediction: Prediction, aim: Aim, by: str, known: float) -> float:
    value = _of(prediction.predictions.values)
    if by == "prediction" or prediction.predictions.std is None:
        return float(aim.gain(value)[0])
    std = _of(prediction.predictions.std)
    if by == "upper-bound":
        return float(optimistic(aim, value, std)[0])
    return float(expected_improvement(aim, value, std, known)[0])


def _of(values: Values) -> Float[np.ndarray, " crystals"]:
    """Return the values of the one target of a screening."""
    return values[values.targets[0].name]


def _caveats(
    predictor: Predictor,
    stated: StatedErrors,
    tally: _Tally,
    kept: Sequence[Found],
    aim: Aim,
    by: str,
    known: float,
) -> tuple[str, ...]:
    """Say what a reader of the ranking must know."""
    first = sum(one.score == kept[0].score for one in kept)
    scores = Scores(by, tally.lowest, tally.highest, tally.good, first)
    found = [about_ties(scores, aim, known, predictor.targets[0].name)]
    if by != "prediction" and not predictor.targets[0].is_class:
        found.append(about_std(stated, by))
    return tuple(one for one in found if one)


def _how(objective: str, by: str, known: float, unit: str) -> str:
    over = "" if math.isnan(known) else f" over {with_unit(plain(known), unit)}, the best known"
    return f"objective {objective}, ranked by {by.replace('-', ' ')}{over}"


def _table(kept: Sequence[tuple[Found, Sequence[Found]]], by: str, aim: Aim) -> pd.DataFrame:
    """Return the predictor's table of the best, with rank, formula, and what else is the same."""
    table = tabulate([one.predicted for one, _ in kept])
    unknown = [name for name in ("std", "lower", "upper") if table[name].isna().all()]
    table = table.drop(columns=["property", "site", "component", "error", *unknown])
    table.insert(0, "rank", range(1, len(kept) + 1))
    if by != "prediction":
        table.insert(3, by.replace("-", "_"), [one.score for one, _ in kept])
    if aim.kind == "target":
        table.insert(3, "distance", [-one.gain for one, _ in kept])
    table["same"] = [" ".join(other.predicted.row.id for other in others) for _, others in kept]
    return table


def _lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]
