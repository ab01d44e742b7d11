"""One process at a time writes into the folder of a run, a comparison, an ablation or a search."""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.files import file_errors, make_folder, write_atomically

LOCK: Final = ".lock"
"""Held as long as a process writes; the system releases it when the process ends or dies."""
HOLDER: Final = ".writer.json"
"""Which process that is."""


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into a folder during the block; make it before.

    A folder that the block leaves empty is removed again, with those above it that were made.

    Args:
        folder: Of a run, a comparison, an ablation or a search.

    Raises:
        RunError: If another process is writing there; the message says which.
        FileError: If the folder cannot be made or written.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    lock = FileLock(folder / LOCK)
    with file_errors(folder / LOCK):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"{folder} is being written by {_holder(folder)}: wait for it, or choose another "
                "--out"
            ) from None
    try:
        process = {
            "pid": os.getpid(),
            "host": platform.node(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        }
        write_atomically(folder / HOLDER, json.dumps(process))
        yield
    finally:
        with suppress(OSError):  # what is left is overwritten by the next
            (folder / HOLDER).unlink(missing_ok=True)
            (folder / LOCK).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):  # the first that is not empty stays, and those above it
            for path in made:
                path.rmdir()


def is_empty(folder: Path) -> bool:
    """Return whether a folder holds nothing but the lock of the process that writes there.

    Args:
        folder: Which is there.
    """
    return all(path.name in (LOCK, HOLDER) for path in folder.iterdir())


def _holder(folder: Path) -> str:
    try:
        process = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f"process {process['pid']} on {process['host']}, since {process['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has begun at this moment, or ended
        return "another process"
