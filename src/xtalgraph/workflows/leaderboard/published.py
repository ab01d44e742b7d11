"""Entries of predictions that others have published, row by row."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xtalgraph.conventions.errors import InputError
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.workflows.leaderboard.entry import (
    Case,
    LeaderboardEntry,
    Level,
    why_not_a_number_of_crystals,
)


class PublishedEntry(LeaderboardEntry):
    """One column of a table of predictions.

    Args:
        column: Its name.
        values: The column, by id.
        path: Where it stands.
        digest: SHA-256 of the file.
    """

    def __init__(self, column: str, values: "pd.Series[Any]", path: Path, digest: str) -> None:
        super().__init__(f"published-{column}", Level.PUBLIC, column=column, file=path.name)
        self.column = column
        self.values = values
        self.path = path
        self.digest = digest

    def why_not(self, case: Case) -> str:
        """There must be a number for each crystal of the test part."""
        if not case.target.is_one_number:
            return why_not_a_number_of_crystals(case.target, "a table of predictions holds")
        if not pd.api.types.is_numeric_dtype(self.values):
            return f"the column {self.column!r} of {self.path} does not hold numbers"
        values = self._of_test(case)
        absent = np.flatnonzero(~np.isfinite(values))
        if absent.size:
            first = case.test_ids[absent[0]]
            return (
                f"{absent.size} of the {len(values)} test crystals have no prediction in "
                f"{self.path} (the first is {first!r})"
            )
        return ""

    def settings(self, case: Case) -> dict[str, Any]:
        """Return the column and the hash of the file."""
        return {"column": self.column, "sha256": self.digest}

    def run(self, case: Case) -> EntryResult:
        """Look the predictions up."""
        return EntryResult(self._of_test(case), None, None)

    def _of_test(self, case: Case) -> np.ndarray:
        return self.values.reindex(case.test_ids).to_numpy(dtype=np.float64)


def published_entries(path: str | Path) -> list[LeaderboardEntry]:
    """Return an entry for each column of a table of predictions.

    Args:
        path: A CSV (.gz) whose first column holds the ids of the crystals, as the data has them,
            and every other the predictions of one model, in the unit of the target.

    Raises:
        InputError: If it cannot be read, has no second column, or names a crystal twice.
    """
    path = Path(path)
    try:
        table = pd.read_csv(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read published predictions from {path}: {error}") from error
    if table.shape[1] < 2:
        raise InputError(
            f"{path} must have a column of ids and a column of predictions for each model, got "
            f"{', '.join(map(str, table.columns))}"
        )
    ids = table.iloc[:, 0].astype(str)
    if ids.duplicated().any():
        raise InputError(f"{path} names {ids[ids.duplicated()].iloc[0]!r} more than once")
    table.index = pd.Index(ids)
    return [PublishedEntry(str(c), table[c], path, digest) for c in table.columns[1:]]
