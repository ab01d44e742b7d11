"""A run of somebody else, from a folder or an archive: what is taken of it, and what is not."""

import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Protocol, runtime_checkable

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.files import file_errors, make_folder
from xtalgraph.models.manifest import FILES_OF_RUN

LARGEST: Final = 512 * 2**20
"""Bytes that a run may have, unpacked; counted while it is unpacked, whatever the archive says."""
MOST: Final = 10_000
"""Entries that an archive or folder may have."""
_CHUNK: Final = 2**20
_DAMAGED: Final = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError,
    gzip.BadGzipFile,
                   NotImplementedError, RuntimeError)  # fmt: skip


@runtime_checkable
class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many of them."""


@dataclass
class _Counted:
    """Counts the bytes that are read from a stream, and ends at `LARGEST`."""

    stream: Readable
    count: int = 0

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes."""
        content = self.stream.read(_CHUNK if size < 0 else size)
        self.count += len(content)
        if self.count > LARGEST:
            raise InputError(f"it has more than {LARGEST // 2**20} MiB unpacked, which no run has")
        return content


@dataclass
class _Taker:
    """Writes the files of one run into a folder."""

    into: Path
    seen: set[str] = field(default_factory=set)
    count: int = 0

    def take(self, name: str, stream: Readable) -> None:
        """Write one file."""
        counted = _Counted(stream, self.count)
        path = self.into / name
        make_folder(path.parent)
        with file_errors(path), path.open("xb") as file:
            while content := counted.read(_CHUNK):
                file.write(content)
        self.count = counted.count

    def checked(self, name: str) -> PurePosixPath:
        """Return the path of an entry, if it stays inside and is not there twice."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or any(c in name for c in "\\:\0"):
            raise InputError(f"{name!r} leads out of its folder")
        if str(path).casefold() in self.seen:
            raise InputError(f"{name!r} is there twice")
        self.seen.add(str(path).casefold())
        if len(self.seen) > MOST:
            raise InputError(f"it has more than {MOST} entries, which no run has")
        return path


def receive_run(source: Path, into: Path) -> tuple[Path, list[str]]:
    """Copy the files of a run out of a folder or an archive, and nothing else.

    What is taken are weights, JSON, YAML and tables, by their names; pages, pictures and the state
    of a training stay behind. Nothing of it is executed. Links, and paths that lead out of the
    folder, are an error, as is more than a run can have.

    Args:
        source: A run folder, .zip, .tar or .tar.gz; in an archive the run may be in one folder.
        into: A folder that is there and empty.

    Returns:
        Where the run is in that folder, and what was left, by its path.

    Raises:
        InputError: If it is none of these, is damaged, or holds what a run does not hold.
        FileError: If it cannot be read, or nothing be written.
    """
    taker = _Taker(into)
    with _named(source):
        if source.is_dir():
            entries = _of_folder(source)
        elif zipfile.is_zipfile(source):
            entries = _of_zip(source)
        elif source.name.endswith((".tar", ".tar.gz", ".tgz")):
            entries = _of_tar(source)
        else:
            raise InputError("it is no folder, .zip, .tar or .tar.gz")
        left = []
        for name, stream in entries:
            path = taker.checked(name)
            if _is_of_run(path) or _is_of_run(PurePosixPath(*path.parts[1:])):
                taker.take(str(path), stream)
            else:
                left.append(name)
    if (into / "model.json").is_file():
        return into, left
    inside = [path.parent for path in into.glob("*/model.json")]
    return inside[0] if len(inside) == 1 else into, left


def _is_of_run(path: PurePosixPath) -> bool:
    return any(
        len(path.parts) == len(PurePosixPath(pattern).parts) and path.match(pattern)
        for pattern in FILES_OF_RUN
    )


@contextmanager
def _named(source: Path) -> Iterator[None]:
    """Say in every error which archive it is."""
    with file_errors(source):
        try:
            yield
        except InputError as error:
            raise InputError(f"{source} cannot be taken as a run: {error}") from error
        except _DAMAGED as error:
            raise InputError(f"{source} is damaged, or no archive: {error}") from error


def _of_folder(source: Path) -> Iterator[tuple[str, Readable]]:
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise InputError(f"{name!r} is a link or a device")
        if path.is_file():
            with path.open("rb") as stream:
                yield name, stream


def _of_zip(source: Path) -> Iterator[tuple[str, Readable]]:
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise InputError(f"{entry.filename!r} is a link or a device")
            if not entry.is_dir():
                with archive.open(entry) as stream:
                    yield entry.filename, stream


def _of_tar(source: Path) -> Iterator[tuple[str, Readable]]:
    with (
        source.open("rb") as file,
        gzip.GzipFile(fileobj=file) if source.suffix != ".tar" else file as raw,
        # Even names and headers are read through the count.
        tarfile.open(fileobj=_Counted(raw), mode="r|") as archive,  # type: ignore[call-overload]
    ):
        for entry in archive:
            if not (entry.isreg() or entry.isdir()):
                raise InputError(f"{entry.name!r} is a link or a device")
            stream = archive.extractfile(entry)
            if stream is not None:
                yield entry.name, stream
