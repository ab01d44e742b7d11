"""Predict: from a run and new crystals to a table, a row for whatever came in."""

import io
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from tqdm import tqdm

from xtalgraph.conventions.boundary import name_of_source
from xtalgraph.conventions.choices import Device, OnError
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.files import make_folder, replacing
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.settings import checks_arguments
from xtalgraph.conventions.stopping import Stopped, postponed_stop, stopping_on_signals
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.data.row import Row, in_chunks
from xtalgraph.data.table import read_rows
from xtalgraph.evidence.text.uncertainty import about_copies
from xtalgraph.models.predictions import Prediction, tabulate
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows.growing_table import GrowingTable, suffix_of
from xtalgraph.workflows.outputs import check_output

T = TypeVar("T")

_CHUNK = 512
"""Rows predicted, and then written, at a time."""


@dataclass(frozen=True)
class Predicted:
    """What a prediction came to."""

    path: Path | None
    """Where the table was written."""
    good: int
    """Crystals with a prediction."""
    bad: int
    """Rows with a reason instead."""
    table: pd.DataFrame | None = None
    """The table, where it was not written."""


def load(run: str | Path, *, without_target: bool = False) -> Predictor:
    """Load the predictor of a run folder.

    Args:
        run: Written by `train`.
        without_target: Whether a pre-trained model will do, which only embeds crystals.

    Raises:
        RunError: If it is not a finished run, or its model has no target.
    """
    return Predictor.load(run, without_target=without_target)


@checks_arguments
def predict(
    run: str | Path,
    sources: Any,
    *,
    out: str | Path | None = None,
    on_error: OnError = "skip",
    device: Device = "cpu",
    disorder: Disorder | None = None,
    progress: bool = True,
) -> Predicted:
    """Predict crystals and write a table with a line for each number of each target.

    Its columns are the same whatever the run, see `xtalgraph.models.predictions.tabulate`.

    The table has its name when it is whole. Until then it grows beside it, in a file that ends in
    ``.part``, which stays if the process is stopped or dies.

    Args:
        run: A run folder.
        sources: A file, folder or table; or a list of them, or of structures.
        out: Table to write, .csv or .parquet; without it the table is returned, and printed.
        on_error: Crystals that cannot be used: write the reason and go on (skip), or stop (raise).
        device: Device to compute on; a GPU differs in the last digits.
        disorder: Crystals with mixed or partly empty sites, as in the training by default.
        progress: Show progress bars on standard error.

    Raises:
        InputError: If a source as a whole cannot be read, or a row with ``on_error="raise"``.
        ConfigError: If the table would replace what is read, or a file of a run; or if there is
            no such device.
        FileError: If it cannot be written.
        Stopped: On SIGTERM or Ctrl-C; what was predicted is kept.
    """
    path = None if out is None else Path(out)
    suffix = ".csv" if path is None else suffix_of(path)
    if path is not None:
        check_output(path, sources)
    predictor = load(run).to(device)
    alone = isinstance(sources, list | tuple) and len(sources) == 1
    incoming = read_rows(sources[0] if alone else sources, predictor.spec.disorder_for(disorder))
    copies = predictor.copied_members()
    if copies:
        log.warning("%s", about_copies(copies))
    if path is not None:
        make_folder(path.parent)
    tally = _Tally(on_error)
    with (
        stopping_on_signals(),
        nullcontext(io.BytesIO()) if path is None else replacing(path, kept_on=Stopped) as file,
        closing(GrowingTable(file, suffix)) as table,
        tqdm(desc="predicting", unit="crystal", disable=not progress) as bar,
    ):
        try:
            for rows in in_chunks(incoming, _CHUNK):
                tally.write(table, predictor, rows)
                bar.update(len(rows))
        except Stopped as stopped:
            kept = path is not None and tally.rows
            saved = f"the first {tally.rows} rows are in {file.name}" if kept else ""
            raise Stopped(stopped.signum, saved) from stopped
        if tally.rows == 0:
            raise InputError(f"there is no crystal in {name_of_source(sources)}")
    tally.warn()
    written = pd.read_csv(io.BytesIO(file.getvalue())) if isinstance(file, io.BytesIO) else None
    return Predicted(path, tally.good, tally.bad, written)


class _Tally:
    """Writes predictions, and counts what they are of; with ``raise`` it stops at a bad row."""

    def __init__(self, on_error: str) -> None:
        self.on_error = on_error
        self.good = self.bad = self.new = 0
        self.unseen: Counter[str] = Counter()

    @property
    def rows(self) -> int:
        """How many were written."""
        return self.good + self.bad

    def write(self, table: GrowingTable, predictor: Predictor, rows: Sequence[Row]) -> None:
        """Predict rows and write them, all or none; an `InputError` at a bad one if it stops."""
        predicted = predictor.predict_rows(rows)
        part = tabulate(predicted)
        with postponed_stop():
            table.append(part)
            for row, prediction in predicted:
                self._count(row, prediction, predictor)

    def _count(self, row: Row, prediction: Prediction | None, predictor: Predictor) -> None:
        if row.crystal is not None:
            self.unseen.update(predictor.unseen_elements(row.crystal))
        elif self.on_error == "raise":
            raise InputError(f"{row.id}: {row.reason}")
        self.new += (
            prediction is not None and prediction.novelty is not None and prediction.novelty.is_new
        )
        self.good += prediction is not None
        self.bad += prediction is None

    def warn(self) -> None:
        """Warn of what makes predictions doubtful."""
        if self.unseen:
            log.warning(
                "no training crystal contains %s: predictions of crystals with them are guesses",
                ", ".join(f"{name} (in {of} here)" for name, of in self.unseen.most_common()),
            )
        if self.new:
            log.warning(
                "%d of %d crystals are unlike what the model was trained on: see the column "
                "novelty",
                self.new,
                self.good,
            )
