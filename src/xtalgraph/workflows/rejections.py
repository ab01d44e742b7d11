"""Rows that were left out, in words."""

import logging
from collections.abc import Sequence
from pathlib import Path

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.table import Rejection
from xtalgraph.workflows.outcome import rejected_csv, write_text

log = logging.getLogger("xtalgraph")

_SHOWN = 20
"""Rows spelled out in a message."""


def describe(rejection: Rejection) -> str:
    """Say in one line which row it was and what is wrong with it."""
    row = "" if rejection.row is None else f", row {rejection.row}"
    place = f" ({rejection.file}{row})" if rejection.file or row else ""
    return f"{rejection.id}{place}: {rejection.reason}"


def describe_all(rejected: Sequence[Rejection]) -> str:
    """List rejected rows one a line, indented, the first twenty of them."""
    lines = [describe(one) for one in rejected[:_SHOWN]]
    if len(rejected) > _SHOWN:
        lines.append(f"... and {len(rejected) - _SHOWN} more")
    return "\n  ".join(lines)


def judge_rejected(folder: Path, rejected: Sequence[Rejection], on_error: str) -> None:
    """Write every rejected row down; stop, or go on and say so.

    Args:
        folder: Where ``rejected.csv`` is written.
        rejected: The rows, with their reasons.
        on_error: ``raise`` or ``skip``.

    Raises:
        InputError: If there are any, and they are to stop the work.
    """
    write_text(folder / "rejected.csv", rejected_csv(rejected))
    if not rejected:
        return
    listed = describe_all(rejected)
    where = folder / "rejected.csv"
    if on_error == "raise":
        raise InputError(
            f"{len(rejected)} rows cannot be used:\n  {listed}\nThey are listed in {where}. "
            "Correct them, or leave them out with --on-error skip"
        )
    log.warning("%d rows are left out, listed in %s:\n  %s", len(rejected), where, listed)
