"""Opening a table that may be compressed, with a bound on what it unpacks to."""

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import FREE_BYTES, MAX_EXPANSION, MAX_UNPACKED_BYTES


@contextmanager
def open_unpacked(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked where its name ends with .gz.

    Args:
        path: The file.

    Yields:
        The stream; reading from it raises `InputError` beyond the limits of
        `xtalgraph.conventions.limits`.
    """
    if path.suffix.lower() != ".gz":
        with path.open("rb") as plain:
            yield plain
        return
    limit = min(MAX_UNPACKED_BYTES, max(FREE_BYTES, MAX_EXPANSION * path.stat().st_size))
    with gzip.open(path, "rb") as packed:
        yield io.BufferedReader(_Bounded(packed, limit, path), buffer_size=2**20)


class _Bounded(io.RawIOBase):
    """A stream that ends in an error where more comes than is allowed."""

    def __init__(self, stream: gzip.GzipFile, limit: int, path: Path) -> None:
        self._stream = stream
        self._left = limit
        self._message = (
            f"{path} unpacks to more than {limit / 2**20:.0f} MiB, {MAX_EXPANSION} times its size, "
            "which tables of crystals do not; if it is meant so, unpack it first"
        )

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = self._stream.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise InputError(self._message)
        return count
