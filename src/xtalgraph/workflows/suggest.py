"""Suggest: which crystals to compute next, and what such choices would have saved."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import pandas as pd
from jaxtyping import Float
from tqdm import tqdm

from xtalgraph.conventions.choices import Device, OnError
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.files import make_folder
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Count
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.data.row import Row
from xtalgraph.data.table import read_rows
from xtalgraph.evidence.next_experiments import ErrorScale, covariance_of, held_out_pool
from xtalgraph.evidence.pages.screening import Candidate
from xtalgraph.evidence.pages.suggestion import write_suggest_page
from xtalgraph.evidence.run_record import RunRecord, read_run
from xtalgraph.evidence.screening import Found, Ranking, Tally, best_of, put_together
from xtalgraph.evidence.text.suggestion import savings_of, why_not_simulated
from xtalgraph.metrics.acquisition import Aim
from xtalgraph.metrics.batches import Batch, SearchRecord, Worth, choose_batch, simulate_search
from xtalgraph.models.predictions import Predictions, tabulate
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows.outputs import check_output
from xtalgraph.workflows.run import Run
from xtalgraph.workflows.screen import Form, check_structures, write_table

_KEPT: Final = 1000
"""Candidates among which the batch is chosen; at least ten times the batch."""


@dataclass(frozen=True, eq=False)
class Suggested:
    """What was suggested."""

    path: Path
    """The table of the batch."""
    page: Path
    """The page."""
    table: pd.DataFrame
    """What is in the table, in the order of choice."""
    good: int
    """Candidates that were predicted."""
    bad: int
    """Rows that could not be used."""
    record: SearchRecord | None
    """How simulated searches among held-out crystals went; None where that is not known."""
    savings: tuple[str, ...]
    """The same in sentences, or why it is not known."""


@checks_arguments
def suggest(
    run: str | Path,
    candidates: Any,
    *,
    out: Annotated[str | Path, Spelled("FOLDER")],
    batch: Annotated[Count, Spelled("K")] = 10,
    objective: Annotated[str, Spelled("AIM")] = "min",
    by: Worth = "upper-bound",
    cost: Annotated[str | None, Spelled("COLUMN")] = None,
    data: Any = None,
    structures: Form = "cif",
    on_error: OnError = "skip",
    device: Device = "cpu",
    disorder: Disorder | None = None,
    progress: bool = True,
) -> Suggested:
    """Suggest crystals to compute next; write ``batch.csv``, ``suggest.html`` and their structures.

    The batch is chosen one crystal after the other, each as if the earlier ones had turned out as
    predicted, so that near copies are avoided, see `choose_batch`. Searches among the run's own
    held-out crystals, whose labels are known, show what that would have saved.

    Args:
        run: A run folder or the name of a model, with one target that is one number.
        candidates: A file, folder or table; or a list of them, or of structures.
        out: Folder to write.
        batch: How many crystals are to be computed.
        objective: What is wanted of the property: min, max or target=NUMBER.
        by: What makes a calculation worth it: the best value within one standard deviation, the
            expected improvement, the prediction alone, or the uncertainty, to improve the model.
        cost: Column of the candidates with the cost of each calculation, by which what it is worth
            is divided; for expected-improvement and uncertainty.
        data: Where the crystals of the run are now, for the searches; by default where they were.
        structures: Format of the structures of the batch, in ``structures/``.
        on_error: Crystals that cannot be used, or have no cost: go on (skip), or stop (raise).
        device: Where to compute; the numbers of a GPU differ in the last digits.
        disorder: Crystals with mixed or partly empty sites, as in the training by default.
        progress: Show progress bars on standard error.

    Raises:
        ConfigError: If the objective cannot be, or the run has several targets or a tensor.
        InputError: If no candidate can be used, one cannot and ``raise`` is given, or the data is
            not that of the run.
    """
    aim, opened, folder = Aim.parse(objective), Run.open(run), Path(out)
    predictor = opened.predictor.to(device)
    _check(predictor, by, cost)
    check_structures(folder, candidates)
    for name in ("batch.csv", "suggest.html"):
        check_output(folder / name, candidates)
    record = read_run(opened.folder)
    labels, scale = record.labels[record.split == "train"], ErrorScale.of(record)
    known = float(labels[np.argmax(aim.gain(labels))])
    make_folder(folder)
    problem = partial(_why_no_cost, column=cost)
    tally, reading = Tally(on_error, problem), predictor.spec.disorder_for(disorder)
    with tqdm(desc="predicting", unit="crystal", disable=not progress) as bar:
        rows = tally.predicted(predictor, read_rows(candidates, reading), bar)
        first = tally.scored(rows, aim, _first_by(predictor, by), known)
        best = best_of(first, max(_KEPT, 10 * batch))
    if not best:
        raise tally.skipped.nothing_left(candidates)
    groups = put_together([candidate.crystal for candidate in best])
    different = [best[group[0]] for group in groups]
    computed = [candidate.predicted.prediction for candidate in different]
    predictions = Predictions.concatenated([p.predictions for p in computed if p is not None])
    embedding = np.stack([p.embedding for p in computed if p is not None])
    costs = None
    if cost is not None:
        costs = np.array([_cost_of(candidate.predicted.row, cost) for candidate in different])
    chosen = choose_batch(
        aim,
        predictions.values[predictor.targets[0].name],
        covariance_of(predictor, scale, predictions, embedding),
        known,
        batch,
        worth=by,
        cost=costs,
    )
    kept = [different[row] for row in chosen.places.tolist()]
    table = _table(kept, chosen, by, aim, None if costs is None else costs[chosen.places])
    searched, savings = _simulated(opened, predictor, scale, aim, batch, by, data, progress)
    for sentence in savings:
        log.info("%s", sentence)
    path = write_table(folder / "batch.csv", table, kept, structures)
    lines = [{str(key): cell for key, cell in row.items()} for row in table.to_dict("records")]
    page = write_suggest_page(
        folder,
        [Candidate(candidate.crystal, line) for candidate, line in zip(kept, lines, strict=True)],
        target=predictor.targets[0],
        aim=aim,
        by=by,
        candidates=tally.good,
        error=_mean_error(record),
        record=searched,
        savings=savings,
    )
    return Suggested(path, page, table, tally.good, tally.skipped.count, searched, savings)


def _check(predictor: Predictor, by: str, cost: str | None) -> None:
    target = predictor.targets[0]
    if len(predictor.targets) > 1 or target.why_no_number:
        raise ConfigError(
            "a suggestion needs a run on one target with one number for each crystal, this one "
            f"predicts {', '.join(target.described for target in predictor.targets)}"
        )
    if cost is not None and by not in ("expected-improvement", "uncertainty"):
        raise ConfigError(
            f"--cost divides what a calculation is worth, which --by {by} does not measure from "
            "0: choose expected-improvement or uncertainty"
        )


def _first_by(predictor: Predictor, by: str) -> Ranking:
    """Return by what the candidates are kept from which the batch is chosen."""
    return "upper-bound" if by == "upper-bound" and predictor.has_std else "prediction"


def _cost_of(row: Row, column: str) -> float:
    """Return what the calculation of a row costs; NaN where its column holds no positive number."""
    try:
        cost = float(str(row.values.get(column)))
    except ValueError:
        return math.nan
    return cost if 0 < cost < math.inf else math.nan


def _why_no_cost(row: Row, column: str | None) -> str:
    if column is None or _cost_of(row, column) > 0:
        return ""
    return (
        f"the cost must be a positive number in the column {column!r}, got "
        f"{row.values.get(column)!r}"
    )


def _mean_error(record: RunRecord) -> float | None:
    errors = np.abs(record.predictions - record.labels)[record.test_rows()]
    return float(errors.mean()) if len(errors) else None


def _simulated(
    opened: Run,
    predictor: Predictor,
    scale: ErrorScale,
    aim: Aim,
    batch: int,
    by: Worth,
    data: Any,
    progress: bool,
) -> tuple[SearchRecord | None, tuple[str, ...]]:
    """Search among held-out crystals, if they are there; return how it went, and sentences."""
    if by == "uncertainty":
        return None, (why_not_simulated("uncertainty"),)
    try:
        divided = opened.data(data, progress=progress)
    except InputError:
        if data is not None:
            raise
        return None, (why_not_simulated("data"),)
    pool = held_out_pool(predictor, scale, divided)
    if pool is None:
        return None, (why_not_simulated("few"),)
    record = simulate_search(pool, aim, min(batch, len(pool.labels) // 10))
    return record, savings_of(record, by)


def _table(
    kept: Sequence[Found],
    chosen: Batch,
    by: str,
    aim: Aim,
    costs: Float[np.ndarray, " batch"] | None,
) -> pd.DataFrame:
    """Return the predictor's table of the batch, with rank, worth and what was left open."""
    table = tabulate([candidate.predicted for candidate in kept])
    unknown = [name for name in ("std", "lower", "upper") if table[name].isna().all()]
    table = table.drop(columns=["property", "site", "component", "error", *unknown])
    table.insert(0, "rank", range(1, len(kept) + 1))
    if by == "upper-bound":
        values = table["prediction"].to_numpy(np.float64)
        table.insert(3, "best_case", aim.value_of(chosen.worth, values))
    elif by == "expected-improvement":
        table.insert(3, by.replace("-", "_"), chosen.worth)
    table["expected_error"] = chosen.std
    if costs is not None:
        table["cost"] = costs
    return table
