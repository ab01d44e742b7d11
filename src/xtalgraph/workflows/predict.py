"""Predict: from a run and new crystals to a table, a row for whatever came in."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.table import read_rows
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows.announcements import about_copies

log = logging.getLogger("xtalgraph")
T = TypeVar("T")

_CHUNK = 512
"""Rows predicted, and then written, at a time."""


@dataclass(frozen=True)
class Predicted:
    """What a prediction came to."""

    path: Path
    """The table."""
    good: int
    """Crystals with a prediction."""
    bad: int
    """Rows with a reason instead."""


def load(run: str | Path) -> Predictor:
    """Load the predictor of a run folder.

    Args:
        run: Written by `train`.

    Raises:
        RunError: If it is not a finished run.
    """
    return Predictor.load(run)


def predict(
    run: str | Path,
    sources: Any,
    *,
    out: str | Path,
    on_error: str = "skip",
    progress: bool = True,
) -> Predicted:
    """Predict crystals and write ``id``, ``prediction``, ``unit``, ``error`` for each.

    With what a run knows of its uncertainty and of novelty, see `Predictor.predict`.

    The table grows as rows are predicted, so that what was done stays if the process dies.

    Args:
        run: A run folder.
        sources: A file, folder or table; or a list of them, or of structures.
        out: The table, CSV.
        on_error: ``skip`` writes a row with the reason and goes on; ``raise`` stops there.
        progress: Show a progress bar on standard error.

    Returns:
        Where the table is, and how many rows have a prediction.

    Raises:
        InputError: If a source as a whole cannot be read, or a row with ``on_error="raise"``.
    """
    predictor, path = load(run), Path(out)
    alone = isinstance(sources, list | tuple) and len(sources) == 1
    incoming = read_rows(sources[0] if alone else sources)
    copies = predictor.copied_members()
    if copies:
        log.warning("%s", about_copies(copies))
    good = bad = new = 0
    unseen: Counter[str] = Counter()
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("w", encoding="utf-8", newline="") as file,
        tqdm(desc="predicting", unit="crystal", disable=not progress) as bar,
    ):
        for number, rows in enumerate(in_chunks(incoming, _CHUNK)):
            predicted = predictor.predict_rows(rows)
            table = predictor.tabulate(predicted)
            table.to_csv(file, index=False, header=number == 0, lineterminator="\n")
            file.flush()
            for row, said in predicted:
                if row.crystal is not None:
                    unseen.update(predictor.unseen_elements(row.crystal))
                elif on_error == "raise":
                    raise InputError(f"{row.id}: {row.reason}")
                new += said is not None and said.novelty is not None and said.novelty.is_new
            failed = sum(said is None for _, said in predicted)
            good, bad = good + len(rows) - failed, bad + failed
            bar.update(len(rows))
        if good + bad == 0:
            raise InputError(f"{sources} holds no crystals")
    for element, count in unseen.most_common():
        log.warning(
            "%d crystals hold %s, which no training crystal holds: their predictions are guesses",
            count,
            element,
        )
    if new:
        log.warning(
            "%d of %d crystals are unlike what the model was trained on: see the column novelty",
            new,
            good,
        )
    return Predicted(path, good, bad)


def in_chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield rows in lists of a size, the last one shorter.

    Args:
        rows: Taken one by one.
        size: Of a list.
    """
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk
