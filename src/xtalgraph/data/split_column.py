"""A column of a table that divides it: its values, and where each of them stands."""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from jaxtyping import Int

from xtalgraph.conventions.errors import InputError

_SHOWN: Final = 5
"""Rows that are named in a message."""
_LARGEST_FOLD: Final = 1_000_000
"""No table has more folds."""


@dataclass(frozen=True, eq=False)
class SplitColumn:
    """A column that says how rows are divided.

    Args:
        name: Of the column.
        values: One for each crystal, as they were read.
        places: Of each crystal, for messages: ``row 3 (mp-149)``.
    """

    name: str
    values: tuple[Any, ...]
    places: tuple[str, ...]

    @classmethod
    def of(cls, name: str, values: Sequence[Any]) -> "SplitColumn":
        """Take values that have no ids; their rows are numbered from 0."""
        return cls(name, tuple(values), tuple(f"row {row}" for row in range(len(values))))

    def refuse(self, bad: Sequence[int], what: str) -> InputError:
        """Return the error that names the rows whose value cannot be used, and says why."""
        listed = ", ".join(f"{self.places[i]}: {_written(self.values[i])}" for i in bad[:_SHOWN])
        more = f", and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        return InputError(f"column {self.name!r}, {listed}{more}: {what}")

    def check_filled(self, what: str) -> None:
        """Refuse a column with gaps: an `InputError` names the row, and what it must have."""
        gaps = [i for i, value in enumerate(self.values) if is_gap(value)]
        if gaps:
            raise self.refuse(
                gaps,
                f"every row needs {what}; fill the column, or leave these rows out of the file",
            )

    def folds(self) -> Int[np.ndarray, " rows"]:
        """Return the test fold of each row: whole numbers from 0 on, also written 1.0 or '1'.

        Raises:
            InputError: If a row says anything else; the message names it.
        """
        self.check_filled("a fold")
        read = [_whole(value) for value in self.values]
        bad = [i for i, fold in enumerate(read) if fold is None or not 0 <= fold < _LARGEST_FOLD]
        if bad:
            raise self.refuse(bad, "a fold must be a whole number from 0 on: 0, 1, 2")
        return np.array(read, dtype=np.int64)

    def groups(self) -> list[Hashable]:
        """Return the name of the group of each row; 1, 1.0 and '1' are one group.

        Raises:
            InputError: If a row has none; the message names it.
        """
        self.check_filled("the name of its group")
        whole = [None if isinstance(value, bool) else _whole(value) for value in self.values]
        return [
            str(value if number is None or isinstance(value, str) else number)
            for value, number in zip(self.values, whole, strict=True)
        ]


def is_gap(value: object) -> bool:
    """Whether a cell of a table is empty."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return isinstance(value, str) and not value.strip()


def _whole(value: object) -> int | None:
    """Return the whole number that a cell stands for; None where it stands for none."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    if isinstance(value, float | np.floating) and math.isfinite(value) and value == int(value):
        return int(value)
    return None


def _written(value: object) -> str:
    if is_gap(value):
        return "no value"
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= 40 else f"{text[:37]}..."
