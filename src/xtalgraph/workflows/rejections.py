"""Rows that cannot be used, in words, and what is done about them."""

from collections.abc import Sequence
from pathlib import Path

from xtalgraph.conventions.documents import csv_text
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.data.table import Rejection
from xtalgraph.evidence.numbers import count

_SHOWN = 20
"""Rows spelled out in a message."""


def _described(rejection: Rejection) -> str:
    row = "" if rejection.row is None else f", row {rejection.row}"
    origin = f" ({rejection.file}{row})" if rejection.file or row else ""
    return f"{rejection.id}{origin}: {rejection.reason}"


def describe_all(rejected: Sequence[Rejection]) -> str:
    """List rejected rows one a line, indented, the first twenty of them."""
    lines = [_described(rejection) for rejection in rejected[:_SHOWN]]
    if len(rejected) > _SHOWN:
        lines.append(f"... and {len(rejected) - _SHOWN} more")
    return "\n  ".join(lines)


def stop_at_rejected(
    rejected: Sequence[Rejection], on_error: str, folder: Path | None = None
) -> None:
    """Stop where rows that cannot be used are to stop the work; else say nothing yet.

    Args:
        rejected: The rows, with their reasons.
        on_error: ``raise`` or ``skip``.
        folder: Where they are listed in ``rejected.csv`` before that; None lists them nowhere.

    Raises:
        InputError: If there are any, and ``raise`` is given.
    """
    if rejected and on_error == "raise":
        _write(rejected, folder)
        raise InputError(
            f"{_told(rejected, folder)}\nCorrect what is wrong, or leave it out with "
            "--on-error skip"
        )


def check_rejected(
    rejected: Sequence[Rejection], on_error: str, folder: Path | None = None
) -> None:
    """Raise an `InputError` on rejected rows, or list them in ``rejected.csv``, warn and go on."""
    stop_at_rejected(rejected, on_error, folder)
    _write(rejected, folder)
    if rejected:
        log.warning("%s\nGoing on with the rest", _told(rejected, folder))


def _write(rejected: Sequence[Rejection], folder: Path | None) -> None:
    if folder is not None:
        rows = [{"id": r.id, "file": r.file, "row": r.row, "reason": r.reason} for r in rejected]
        text = csv_text(rows, ("id", "file", "row", "reason"))
        write_atomically(folder / "rejected.csv", text)


def _told(rejected: Sequence[Rejection], folder: Path | None) -> str:
    where = "" if folder is None else f", listed in {folder / 'rejected.csv'}"
    return f"{count(len(rejected), 'row')} cannot be used{where}:\n  {describe_all(rejected)}"
