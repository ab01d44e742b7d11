"""Files of named arrays in the format of safetensors, written in a stream and mapped to memory.

The library writes what is in memory, and reads copies. A store is larger than memory, and a batch
reads some rows of it; both are a few lines, since the format is a JSON header and plain bytes.
Whatever is written here, ``safetensors.torch.load_file`` reads.

Source: the format, https://github.com/huggingface/safetensors#format.
"""

import hashlib
import json
import mmap
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.documents import DAMAGE
from xtalgraph.conventions.errors import StoreError
from xtalgraph.conventions.files import replacing

_DTYPES: Final[Mapping[str, np.dtype]] = {
    "BOOL": np.dtype("|b1"),
    "I8": np.dtype("<i1"),
    "I16": np.dtype("<i2"),
    "I32": np.dtype("<i4"),
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
_NAMES: Final[Mapping[np.dtype, str]] = {dtype: name for name, dtype in _DTYPES.items()}
_LONGEST_HEADER: Final = 100_000_000
"""Bytes, as in the library."""
_ALIGNMENT: Final = 8
"""Bytes; the data begin at a multiple of it, the widest numbers first, so all are aligned."""


@dataclass(frozen=True, eq=False)
class Column:
    """An array that is yet to be written, block after block."""

    dtype: np.dtype
    """Of every block."""
    shape: tuple[int, ...]
    """Of all blocks together."""
    blocks: Iterator[np.ndarray]
    """Consecutive rows."""


@dataclass(frozen=True, eq=False)
class TensorFile:
    """A file whose arrays lie on disk, and are read where they are looked at."""

    arrays: Mapping[str, np.ndarray]
    """Read-only arrays by name."""
    metadata: Mapping[str, str]
    """What else the file says."""
    mapped: mmap.mmap

    @classmethod
    def open(cls, path: Path) -> "TensorFile":
        """Map a file to memory, unread; a `StoreError` if it is not there or its size is wrong."""
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            length = int.from_bytes(mapped[:8], "little")
            start = 8 + length
            if length > min(_LONGEST_HEADER, len(mapped)):
                raise StoreError(f"{path} is damaged: its header has {length} bytes")
            header = json.loads(mapped[8:start])
            metadata = {str(k): str(v) for k, v in header.pop("__metadata__", {}).items()}
            places = {name: _Place.of(entry) for name, entry in header.items()}
            stop = start + max((position.stop for position in places.values()), default=0)
            if stop != len(mapped):
                raise StoreError(f"{path} has {len(mapped)} bytes and should have {stop}")
            arrays = {
                name: np.ndarray(position.shape, position.dtype, mapped, start + position.start)
                for name, position in places.items()
            }
        except (OSError, *DAMAGE) as error:
            raise StoreError(f"{path} cannot be read: {error}") from error
        return cls(arrays, metadata, mapped)

    def expect_random_access(self, random: bool) -> None:
        """Tell the system how the file is going to be read; it changes no result.

        A system that expects the rows in order reads ahead, up to megabytes for every row of a
        shuffled batch. Windows cannot be told.
        """
        if sys.platform != "win32":
            self.mapped.madvise(mmap.MADV_RANDOM if random else mmap.MADV_SEQUENTIAL)


@dataclass(frozen=True)
class _Place:
    """Where an array lies in a file."""

    dtype: np.dtype
    shape: tuple[int, ...]
    start: int
    stop: int

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "_Place":
        """Read an entry of a header; raise a ValueError where it contradicts itself."""
        dtype, shape = _DTYPES[entry["dtype"]], entry["shape"]
        start, stop = entry["data_offsets"]
        whole = [*shape, start, stop]
        if not all(type(number) is int and number >= 0 for number in whole):
            raise ValueError(f"{whole} are not all whole numbers of at least 0")
        if stop - start != prod(shape) * dtype.itemsize:
            raise ValueError(f"an array of shape {shape} does not take {stop - start} bytes")
        return cls(dtype, tuple(shape), start, stop)


def write_tensors(path: Path, columns: Mapping[str, Column], metadata: Mapping[str, str]) -> str:
    """Write arrays block by block, with no more than a block in memory.

    Args:
        path: The file; a reader, or a crash, sees all of it or nothing.
        columns: Arrays by name.
        metadata: What else to write down.

    Returns:
        The SHA-256 of the file.
    """
    ordered = sorted(columns.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    stop = 0
    for name, column in ordered:
        start, stop = stop, stop + prod(column.shape) * column.dtype.itemsize
        header[name] = {
            "dtype": _NAMES[column.dtype],
            "shape": list(column.shape),
            "data_offsets": [start, stop],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    digest = hashlib.sha256()
    with replacing(path) as file:
        for block in (len(text).to_bytes(8, "little"), text):
            file.write(block)
            digest.update(block)
        for _, column in ordered:
            for array in column.blocks:
                content = np.ascontiguousarray(array, dtype=column.dtype).tobytes()
                file.write(content)
                digest.update(content)
    return digest.hexdigest()
