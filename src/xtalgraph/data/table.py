"""Tables of crystals: what was read, and what was left out and why."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import check_disorder
from xtalgraph.data.row import Rejection, Row, resolved_row
from xtalgraph.data.sources.dispatch import rows_of

__all__ = ["CrystalTable", "Rejection", "Row", "read_rows", "read_table"]


@dataclass(frozen=True, eq=False)
class CrystalTable:
    """Crystals with their ids and columns, in the order in which they were read."""

    ids: tuple[str, ...]
    """Unique names."""
    crystals: tuple[Crystal, ...]
    files: tuple[str, ...]
    """File that each comes from, '' for objects in memory."""
    rows: tuple[int | None, ...]
    """Row of the table that each comes from, from 0; None for the crystals of a file."""
    columns: pd.DataFrame
    """Everything else that is known of each crystal, one line per crystal."""
    rejected: tuple[Rejection, ...]
    """What was left out, and why."""

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.columns.columns))
        return (
            f"CrystalTable({len(self)} crystals, {len(self.rejected)} rejected, columns: {names})"
        )

    def select(self, indices: Sequence[int] | np.ndarray) -> "CrystalTable":
        """Return the crystals at the given places, in that order; what was rejected is kept."""
        places = [int(i) for i in indices]
        return CrystalTable(
            tuple(self.ids[i] for i in places),
            tuple(self.crystals[i] for i in places),
            tuple(self.files[i] for i in places),
            tuple(self.rows[i] for i in places),
            self.columns.iloc[places].reset_index(drop=True),
            self.rejected,
        )

    def reject(self, reasons: Mapping[int, str]) -> "CrystalTable":
        """Return the table with some of its crystals among the rejected, sorted by file and row."""
        added = [
            Rejection(
                self.ids[index],
                self.files[index],
                self.rows[index],
                reason,
                {str(name): value for name, value in self.columns.iloc[index].items()},
            )
            for index, reason in reasons.items()
        ]
        rejected = sorted(
            [*self.rejected, *added], key=lambda r: (r.file, -1 if r.row is None else r.row)
        )
        kept = self.select([index for index in range(len(self)) if index not in reasons])
        return replace(kept, rejected=tuple(rejected))

    def content_hash(self) -> str:
        """Return the SHA-256 of ids, cells, positions, species and periodicity."""
        digest = hashlib.sha256()
        for name, crystal in zip(self.ids, self.crystals, strict=True):
            text = name.encode()
            digest.update(np.array([len(text), len(crystal)], dtype="<i8").tobytes() + text)
            for array, dtype in (
                (crystal.cell, "<f8"),
                (crystal.positions, "<f8"),
                (crystal.site_numbers, "<i8"),
                (crystal.pbc, "|b1"),
            ):
                digest.update(array.astype(dtype).tobytes())
            if crystal.occupancies is not None:
                digest.update(crystal.occupancies.to_bytes())
        return digest.hexdigest()


def read_rows(source: Any, disorder: str = "refuse") -> Iterator[Row]:
    """Read the crystals of a source one by one, each checked.

    Args:
        source: One of

            - a crystal file (CIF, POSCAR, extended XYZ, ASE database);
            - a folder of them, or a folder of folders that hold them;
            - a CGCNN folder, ``id_prop.csv`` without a header and ``<id>.cif``;
            - a CSV (.gz) or parquet table with a column ``structure``, ``cif``, ``atoms`` or
              ``path`` (relative to the table);
            - a .json (.gz) of Matbench or of JARVIS;
            - a DataFrame with such a column;
            - a Crystal, pymatgen ``Structure`` or its dictionary, ASE ``Atoms``, JARVIS ``Atoms``
              or their dictionary, or a list of these and of paths.
        disorder: What to do with crystals whose sites hold several species or are empty in part:
            ``refuse`` them, ``mix`` or ``order``; see docs/disorder.md.

    Returns:
        An iterator over rows. A crystal that is malformed or fails the checks is a row with a
        reason; the rows after it still come.

    Raises:
        InputError: The source as a whole cannot be used: no such file, no such column.
        ConfigError: There is no such choice of disorder.
    """
    check_disorder(disorder)
    given = "refuse" if disorder == "refuse" else "mix"
    rows = (resolved_row(row, disorder) for row in rows_of(source, given))
    first = next(rows, None)
    return chain([] if first is None else [first], rows)


def read_table(source: Any, progress: bool = False, disorder: str = "refuse") -> CrystalTable:
    """Read all crystals of a source; rows with a reason, and repeated ids, are in `rejected`.

    Args:
        source: Anything that `read_rows` understands.
        progress: Show a progress bar on stderr.
        disorder: What to do with disordered crystals, see `read_rows`.

    Returns:
        The crystals that passed every check.

    Raises:
        InputError: The source as a whole cannot be used.
    """
    kept: dict[str, Row] = {}
    rejected = []
    rows = read_rows(source, disorder)
    for row in tqdm(rows, unit=" crystals", desc="reading", disable=not progress):
        reason = row.reason
        if reason is None and row.id in kept:
            reason = f"the id {row.id!r} is taken already by {_place(kept[row.id])}"
        if reason is None:
            kept[row.id] = row
        else:
            rejected.append(Rejection(row.id, row.file, row.row, reason, row.values))
    good = list(kept.values())
    return CrystalTable(
        ids=tuple(kept),
        crystals=tuple(row.crystal for row in good if row.crystal is not None),
        files=tuple(row.file for row in good),
        rows=tuple(row.row for row in good),
        columns=pd.DataFrame([dict(row.values) for row in good], index=range(len(good))),
        rejected=tuple(rejected),
    )


def _place(row: Row) -> str:
    where = row.file or "the source"
    return where if row.row is None else f"row {row.row} of {where}"
