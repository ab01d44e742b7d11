"""A table that is written part by part, in constant memory: parquet or CSV by its suffix."""

import io
from pathlib import Path
from typing import Any, BinaryIO, Final, final

import pandas as pd

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.files import is_stream

SUFFIXES: Final = (".parquet", ".csv")
"""Of the tables that can be written."""

_TEXTS: Final = ("id", "formula", "property", "unit", "error", "novelty", "unseen")
"""Columns of text."""


def suffix_of(path: Path) -> str:
    """Return a table's suffix, CSV for ``/dev/stdout``; a `ConfigError` if not in `SUFFIXES`."""
    suffix = ".csv" if is_stream(path) else path.suffix
    if suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"a table is written as {' or '.join(SUFFIXES)}, by its suffix, got "
            f"{suffix or 'no suffix'!r}"
        )
    return suffix


@final
class GrowingTable:
    """Appends rows to an open file."""

    def __init__(self, file: BinaryIO | io.BytesIO, suffix: str) -> None:
        self.file = file
        self.is_csv = suffix.lower() == ".csv"
        self.rows = 0
        self._parquet: Any = None

    def append(self, table: pd.DataFrame) -> None:
        """Write some rows."""
        if self.is_csv:
            text = table.to_csv(index=False, header=self.rows == 0, lineterminator="\n")
            self.file.write(text.encode())
            self.file.flush()
        else:
            import pyarrow as pa
            import pyarrow.parquet as pq

            # A part may have no text in a column in which another has.
            texts = [name for name in table.columns if name in _TEXTS]
            typed = table.astype(dict.fromkeys(texts, "string"))
            written = pa.Table.from_pandas(typed, preserve_index=False)
            self._parquet = self._parquet or pq.ParquetWriter(self.file, written.schema)
            self._parquet.write_table(written)
        self.rows += len(table)

    def close(self) -> None:
        """Write what ends the file."""
        if self._parquet is not None:
            self._parquet.close()
