"""The names of the columns of a table, without its rows: known before anything long begins."""

import zlib
from pathlib import Path
from typing import Any

import pandas as pd


def columns_of(source: Any) -> list[str] | None:
    """Return the names of the columns of a CSV or parquet file, or of a DataFrame.

    Args:
        source: Anything that is read as crystals.

    Returns:
        None where it takes as long as reading everything: other files, and tables whose column
        ``path`` names files that may know more. None, too, where the header cannot be read, which
        whoever reads the rows says better.
    """
    names: list[str] = []
    if isinstance(source, pd.DataFrame):
        names = [str(name) for name in source.columns]
    elif isinstance(source, str | Path):
        names = _of_file(Path(source))
    return None if not names or "path" in names else names


def _of_file(path: Path) -> list[str]:
    name = path.name.lower()
    try:
        if name.endswith((".csv", ".csv.gz")):
            return [str(name) for name in pd.read_csv(path, nrows=0).columns]
        if name.endswith(".parquet"):
            import pyarrow.parquet as pq

            return [str(name) for name in pq.read_schema(path).names]
    except (OSError, ValueError, EOFError, zlib.error):  # pyarrow's and pandas' are ValueErrors
        return []
    return []
