"""The file of the embedded data set, computed at first use."""

import os
import tempfile
from pathlib import Path
from typing import Final

import pyarrow
import pyarrow.parquet

from xtalgraph.data.cache import cache_folder
from xtalgraph.data.ionic.generate import VERSION, make_ionic_perovskites

NUM_ROWS: Final = 2000
"""Number of crystals in the file."""


def ionic_perovskites_path(*, progress: bool = False) -> Path:
    """Path of ``ionic_perovskites.v2.parquet`` in the cache folder, made where it is not there.

    The rows are those of `make_ionic_perovskites` with seed 0: energies of a rigid-ion model,
    not of DFT. Making them takes about 10 s on one core. A file that is not a complete
    table is made again.

    Args:
        progress: Whether to show a progress bar while the table is made.

    Returns:
        Path of the complete file.
    """
    path = cache_folder() / f"ionic_perovskites.v{VERSION}.parquet"
    if _is_complete(path):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    table = make_ionic_perovskites(NUM_ROWS, seed=0, progress=progress)
    # Several processes may do this at once: each writes its own file, the last name wins.
    handle, unfinished = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        table.to_parquet(unfinished, index=False)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
    return path


def _is_complete(path: Path) -> bool:
    """Whether the file is there and its footer, written last, counts all rows."""
    try:
        return bool(pyarrow.parquet.read_metadata(path).num_rows == NUM_ROWS)
    except (OSError, pyarrow.ArrowInvalid):
        return False
