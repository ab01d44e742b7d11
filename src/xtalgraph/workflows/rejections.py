"""Rows that were left out, in words."""

from collections.abc import Sequence

from xtalgraph.data.table import Rejection

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
