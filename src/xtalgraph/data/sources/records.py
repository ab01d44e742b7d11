"""The records of a CSV file, packed or not; what is wrong with one costs no other."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.limits import (
    FREE_BYTES,
    MAX_CELL_CHARACTERS,
    MAX_EXPANSION,
    MAX_UNPACKED_BYTES,
)


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


_BYTE_ORDER_MARKS: Final = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


class Record(NamedTuple):
    """The cells of a record, or the reason why it cannot be used."""

    cells: list[str]
    """As they are written."""
    reason: str | None
    """In plain words; None where there is nothing wrong."""


def csv_records(path: Path) -> Iterator[Record]:
    """Yield the records of a CSV file, which may be compressed; blank lines are left out.

    Text is UTF-8, or UTF-16 where a byte order mark says so.

    Args:
        path: The file.

    Raises:
        InputError: The file cannot be read at all.
    """
    try:
        with open_unpacked(path) as stream:
            head = stream.peek(4)[:4]  # type: ignore[attr-defined]
            marks = (code for mark, code in _BYTE_ORDER_MARKS.items() if head.startswith(mark))
            # Bytes that are not UTF-8 become what cannot be encoded again, so that they are found.
            text = io.TextIOWrapper(
                stream, encoding=next(marks, "utf-8"), errors="surrogateescape", newline=""
            )
            reader = csv.reader(text, strict=True)
            while (record := _next(reader)) is not None:
                if record.cells or record.reason:
                    yield record
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _next(reader: Iterator[list[str]]) -> Record | None:
    # The limit belongs to the whole process; whoever set it finds it as it was.
    before = csv.field_size_limit(MAX_CELL_CHARACTERS)
    try:
        cells = next(reader, None)
    except csv.Error as error:
        return Record([], _in_words(str(error)))
    finally:
        csv.field_size_limit(before)
    return None if cells is None else Record(cells, _not_utf8(cells))


def _in_words(error: str) -> str:
    if "unexpected end" in error:
        return "a quoted cell is not closed before the end of the file"
    if "expected after" in error:
        return "a quoted cell goes on behind its closing quote"
    if "field larger" in error:
        return f"a cell must be {MAX_CELL_CHARACTERS} characters long at most"
    return f"it is no record of a CSV table: {error}"


def _not_utf8(cells: list[str]) -> str | None:
    for cell in cells:
        if not cell.isascii():
            try:
                cell.encode()
            except UnicodeEncodeError as error:
                byte = ord(cell[error.start]) - 0xDC00
                return (
                    f"it is not UTF-8 text: byte 0x{byte:02x} in {_readable(cell)!r}; save the "
                    "table as UTF-8"
                )
    return None


def _readable(cell: str) -> str:
    """Return the beginning of a cell in the encoding that it probably has."""
    return cell[:40].encode("utf-8", "surrogateescape").decode("latin-1")
