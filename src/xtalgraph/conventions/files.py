"""Writing files whole, and what the system refuses in words."""

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from xtalgraph.conventions.errors import FileError

_FULL: Final = "free some space there, or choose another place"
_CLOSED: Final = "see who may read and write there, or choose another place"
_ADVICE: Final[Mapping[int, str]] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "the limit on the size of a file is too small (`ulimit -f`), or choose another "
    "file system",
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.ENOTDIR: "a part of the path is a file, not a folder: choose another place",
    errno.EEXIST: "a file is there, not a folder: choose another place",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOENT: "see whether the path is right",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "links lead in a circle: remove them",
    errno.EMFILE: "close other files, or raise the limit (`ulimit -n`)",
    errno.EIO: "the disk or the network failed: see whether it works, then repeat the command",
}
"""What to do about an error of the system, by its number."""


@contextmanager
def file_errors(path: Path | None = None) -> Iterator[None]:
    """Turn an error of the file system into a `FileError` that says what to do.

    Args:
        path: The file in question, where the error names none.

    Raises:
        FileError: Instead of an OSError.
    """
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed: no fault of a file
        raise
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "see what the system says of it")
        what = f"{_place_of(error, path)}: {error.strerror or error}"
        raise FileError(f"{what}. {advice[0].upper()}{advice[1:]}") from error


def _place_of(error: OSError, path: Path | None) -> str:
    named = error.filename
    if path is not None and (named is None or named == str(part_of(path))):
        return str(path)
    return os.fsdecode(named) if isinstance(named, str | bytes) else "a file or stream"


def distinct_names(names: Iterable[str]) -> list[str]:
    """Number names of files that another has already, whatever the case of its letters.

    >>> distinct_names(["NaCl", "nacl", "KCl"])
    ['NaCl', 'nacl-2', 'KCl']
    """
    given: dict[str, str] = {}
    for name in names:
        distinct, number = name, 1
        while distinct.casefold() in given:
            number += 1
            distinct = f"{name}-{number}"
        given[distinct.casefold()] = distinct
    return list(given.values())


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where they are not; a `FileError` if it cannot be."""
    with file_errors(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def replacing(
    path: Path, *, kept_on: type[BaseException] | tuple[type[BaseException], ...] = ()
) -> Iterator[BinaryIO]:
    """Open a file that gets its name when all of it is on the disk.

    A reader, or a crash, sees the old content or the new, never half of it. A device or a pipe,
    ``/dev/stdout``, is written as it is; what a link points to is replaced, not the link.

    Args:
        path: Where it is to be; its folder must be there.
        kept_on: Exceptions that leave what was written, under another name, see `part_of`.

    Raises:
        FileError: If it cannot be written; the old content stays.
    """
    keep = False
    with file_errors(path):
        if is_stream(path):
            with path.open("wb") as stream:
                yield stream
            return
        path = path.resolve() if path.is_symlink() else path
        part = part_of(path)
        try:
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except kept_on:
            keep = part.is_file() and part.stat().st_size > 0
            raise
        finally:
            if not keep:
                part.unlink(missing_ok=True)


def is_stream(path: Path) -> bool:
    """Return whether a path is a device or a pipe, such as ``/dev/stdout``."""
    device = path.parts[:2] == ("/", "dev")
    return device or (path.exists() and not (path.is_file() or path.is_dir()))


def part_of(path: Path) -> Path:
    """Return the name of a file as long as this process has not written all of it."""
    return path.with_name(f"{path.name[:200]}.{os.getpid()}.part")


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write bytes, or text as UTF-8, whole or not at all; a `FileError` leaves the old content."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)
