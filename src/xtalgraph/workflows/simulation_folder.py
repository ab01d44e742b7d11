"""A folder of results for many crystals, one row each, which goes on where it was stopped."""

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from tqdm import tqdm

from xtalgraph.conventions.boundary import shortened
from xtalgraph.conventions.errors import RunError, XtalgraphError
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.stopping import stopping_on_signals
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.catalogue import resolve_source
from xtalgraph.data.row import Row
from xtalgraph.data.table import read_rows
from xtalgraph.simulation.side_by_side import FAILURES

SETTINGS: Final = "settings.json"
"""What the results depend on."""
_NAMED: Final = 5
"""How many rows are named that have no result."""


def file_name(name: str) -> str:
    """Return the id of a crystal as the name of a file, another for each id.

    >>> file_name("mp-149"), file_name("a/b")
    ('mp-149', 'a_b-c14cddc0')
    """
    safe = re.sub(r"[^\w.-]+", "_", name)[:60]
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Simulated:
    """What was computed for many crystals."""

    path: Path
    page: Path
    """The page that shows it."""
    good: int
    """Crystals with a result."""
    bad: int
    """Rows with a reason instead."""


class ResultFolder:
    """A table of results of the same settings, one row for each id.

    Args:
        folder: Where they are written; it may hold results of the same settings, which are kept.
        table: Name of the table.
        columns: Of the table, after ``id`` and ``formula``.
        settings: What the results depend on.

    Raises:
        RunError: If the folder holds results of other settings.
    """

    after: tuple[str, ...] = ("error",)
    """Columns after those."""

    def __init__(
        self, folder: Path, table: str, columns: tuple[str, ...], settings: Mapping[str, Any]
    ) -> None:
        self.folder, self.path = folder, folder / table
        self.columns = ("id", "formula", *columns, *self.after)
        make_folder(folder)
        text = json.dumps(dict(settings), indent=1, ensure_ascii=False, default=_named) + "\n"
        known = folder / SETTINGS
        if known.is_file() and known.read_text(encoding="utf-8") != text:
            raise RunError(
                f"{folder} holds results of other settings: choose another --out, or remove it"
            )
        write_atomically(known, text)

    def rows(self) -> list[dict[str, str]]:
        """Return what is in the table, of each id the last row."""
        if not self.path.is_file():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            whole = [row for row in csv.DictReader(file) if None not in row.values()]
        return list({row["id"]: row for row in whole}.values())

    @contextmanager
    def growing(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Yield what writes a row at the end of the table, so that it is there after a kill."""
        self._write_anew()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, restval="", lineterminator="\n")

            def write(row: Mapping[str, Any]) -> None:
                writer.writerow(row)
                file.flush()

            yield write

    def _write_anew(self) -> None:
        """Write the table anew, each id once: a killed process may have left a part of a line.

        A line is whole if it has all columns.
        """
        whole = io.StringIO()
        writer = csv.DictWriter(whole, self.columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows())
        write_atomically(self.path, whole.getvalue())


@final
class SimulationFolder(ResultFolder):
    """Results for the crystals of a source.

    The column ``crystal`` identifies the crystal itself, so that a row is computed anew when
    another crystal has its id.
    """

    after = ("crystal", "error")

    def fill(
        self,
        sources: Any,
        compute: Callable[[str, Crystal], Mapping[str, Any]],
        write_page: Callable[[Path, list[dict[str, str]]], Path],
        *,
        label: str,
        progress: bool,
        ahead: Callable[[Sequence[tuple[str, Crystal]]], None] | None = None,
        atoms: int = 0,
    ) -> Simulated:
        """Compute what is not in the table yet, crystal by crystal, and write the page of all rows.

        A crystal that cannot be read or computed gets a row with the reason, and is not tried
        again unless it changes; the first reasons are told. A row of the source whose id is taken
        by an earlier one is told and left out.

        Args:
            sources: Crystals: a file, folder, table, or a list of structures.
            compute: Returns the values of the columns for a crystal and its id; NaN is written as
                an empty cell, an array with blanks between its numbers.
            write_page: Given the folder and all rows, returns where the page is.
            label: Of the progress bar.
            progress: Show a progress bar on standard error.
            ahead: Given several crystals with their ids before each of them is asked for, to
                compute them together.
            atoms: How many the crystals that are given to it may have.

        Raises:
            Stopped: On SIGTERM or Ctrl-C; what was computed is in the table.
        """
        due = _Due({row["id"]: row for row in self.rows()})
        bar = tqdm(desc=label, unit="crystal", disable=not progress)
        with stopping_on_signals(), bar, self.growing() as write:
            for rows in _chunks(due.of(incoming(sources)), atoms):
                if ahead is not None:
                    ahead([(row.id, row.crystal) for row in rows if row.crystal is not None])
                for row in rows:
                    write({"id": row.id, "crystal": _digest(row), **_values(row, compute)})
                    bar.update()
        if due.repeated > _NAMED:
            log.warning("rows left out, since earlier ones have their ids: %d", due.repeated)
        if due.changed:
            log.warning("rows computed anew, since their crystals have changed: %d", due.changed)
            self._write_anew()
        table = self.rows()
        bad = [line for line in table if line["error"]]
        for line in bad[:_NAMED]:
            log.warning("%s: %s", line["id"], line["error"])
        page = write_page(self.folder, table)
        return Simulated(self.path, page, len(table) - len(bad), len(bad) + due.repeated)


def incoming(sources: Any) -> Iterator[Row]:
    """Yield the rows of a file, folder or table, of the name of one, or of several."""
    alone = isinstance(sources, list | tuple) and len(sources) == 1
    yield from read_rows(resolve_source(sources[0] if alone else sources)[0])


class _Due:
    """Chooses the rows of a source that are to be computed.

    Args:
        known: What is in the table already, by id.
    """

    def __init__(self, known: Mapping[str, Mapping[str, str]]) -> None:
        self.known = known
        self.changed = self.repeated = 0

    def of(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows without a result, and those whose crystal is another than it was."""
        seen: set[str] = set()
        for row in rows:
            if row.id in seen:
                self.repeated += 1
                if self.repeated <= _NAMED:
                    log.warning("%s is left out: an earlier row has this id", row.id)
                continue
            seen.add(row.id)
            before = self.known.get(row.id)
            if before is None:
                yield row
            elif _is_another(row, before):
                self.changed += 1
                yield row


def _is_another(row: Row, before: Mapping[str, str]) -> bool:
    """Return whether a row of the table is of another crystal, or was not readable and now is."""
    digest = before.get("crystal", "")  # older tables have none
    return _digest(row) != digest and bool(digest or before["error"])


def _digest(row: Row) -> str:
    """Return what identifies the crystal of a row to the bit; empty where there is none."""
    if row.crystal is None:
        return ""
    return hashlib.sha256(row.crystal.to_bytes()).hexdigest()[:16]


def _chunks(rows: Iterable[Row], atoms: int) -> Iterator[list[Row]]:
    """Yield the rows in their order, with up to so many atoms at a time, one row at least."""
    chunk: list[Row] = []
    count = 0
    for row in rows:
        size = 0 if row.crystal is None else len(row.crystal)
        if chunk and count + size > atoms:
            yield chunk
            chunk, count = [], 0
        chunk.append(row)
        count += size
    if chunk:
        yield chunk


def _named(value: Any) -> str:
    """Return a path as text, and the class of a calculator."""
    return str(value) if isinstance(value, Path) else type(value).__name__


def _values(row: Row, compute: Callable[[str, Crystal], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the values of a row, or the reason why there are none."""
    if row.crystal is None:
        return {"error": row.reason}
    formula = row.crystal.formula
    try:
        values = compute(row.id, row.crystal)
        return {"formula": formula, **{name: written(value) for name, value in values.items()}}
    except FAILURES as error:
        ours = isinstance(error, XtalgraphError)
        reason = str(error) if ours else f"{type(error).__name__}: {shortened(str(error))}"
        return {"formula": formula, "error": reason}


def written(value: Any) -> Any:
    """Return a value as it stands in the table."""
    if isinstance(value, np.ndarray):
        return " ".join(f"{number:.12g}" for number in value)
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{value:.10g}"
    return value
