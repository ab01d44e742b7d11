"""Taking a folder: one process at a time writes there, and a run is continued by itself alone."""

import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.conventions.files import file_errors, make_folder, write_atomically
from xtalgraph.models.checkpoint import load_model
from xtalgraph.models.upgrades import upgrade_sections
from xtalgraph.workflows.config import RunConfig, read_yaml
from xtalgraph.workflows.generator_config import GeneratorRunConfig

AnyConfig = RunConfig | GeneratorRunConfig
"""Settings of a training."""
LOCK: Final = ".lock"
"""Held as long as a process writes; the system releases it when the process ends or dies."""
HOLDER: Final = ".writer.json"
"""Which process that is."""
_OURS = {LOCK, HOLDER, "rejected.csv", "state", "members"}
"""What a training may leave in its folder before it has settings there."""


@contextmanager
def claimed(folder: Path, config: AnyConfig, *, resume: bool) -> Iterator[None]:
    """Hold the folder of a training, against other processes too; if left empty it is removed.

    With `resume` a run of the same settings is continued. A `RunError` if anything else is there,
    or another process writes; a `FileError` if the folder cannot be made or written.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: choose another --out")
    with sole_writer(folder):
        _check(folder, config, resume)
        for part in folder.rglob("*.part"):  # of a process that was killed
            part.unlink(missing_ok=True)
        yield


def check_settings(folder: Path, config: AnyConfig) -> None:
    """Refuse to continue a run that was begun with other settings: a `RunError` says where."""
    before = type(config).from_sections(saved_sections(folder)).deciding()
    after = config.deciding()
    # What auto stands for may have changed since.
    if isinstance(config, RunConfig) and config.spec.readout == "auto":
        after["model"]["readout"] = before["model"]["readout"]
    changed = [
        f"{section}.{key} was {old.get(key)!r}, is {new.get(key)!r}"
        for section in {**before, **after}
        for old, new in [(before.get(section, {}), after.get(section, {}))]
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]
    if changed:
        raise RunError(
            f"{folder} was begun with other settings: {'; '.join(changed)}. Repeat the command "
            "it was begun with, or choose another --out"
        )


def saved_sections(run: Path) -> dict[str, dict[str, Any]]:
    """Read the sections of ``config.yaml`` in a run folder, with today's names.

    Where an older version wrote ``auto`` for the readout, a finished run names the one that it has.

    Args:
        run: The run folder.

    Raises:
        RunError: If the file is missing or damaged.
    """
    try:
        sections = read_yaml(run / "config.yaml")
        if "generator" in sections:
            return sections
        sections = upgrade_sections(sections)
    except (ConfigError, ValueError, RecursionError) as error:
        raise RunError(f"{run} has no settings that can be read: {error}") from error
    if is_run(run) and sections.get("model", {}).get("readout", "auto") == "auto":
        _, spec, _ = load_model(run)  # its weights tell which it is
        sections.setdefault("model", {})["readout"] = list(spec.readouts)
    return sections


def is_run(folder: Path) -> bool:
    """Return whether a folder holds a trained model."""
    return (folder / "model.json").is_file()


def _check(folder: Path, config: AnyConfig, resume: bool) -> None:
    if (folder / "config.yaml").is_file():
        if not resume:
            raise RunError(
                f"{folder} holds a run already: go on with it by --resume, or choose another --out"
            )
        check_settings(folder, config)
        return
    strangers = [p.name for p in folder.iterdir() if p.suffix != ".part" and p.name not in _OURS]
    if strangers:
        raise RunError(
            f"{folder} is not empty and holds no run ({', '.join(sorted(strangers)[:3])}): choose "
            "another --out"
        )


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
    """Return whether a folder holds nothing but the lock of the process that writes there."""
    return all(path.name in (LOCK, HOLDER) for path in folder.iterdir())


def _holder(folder: Path) -> str:
    try:
        process = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f"process {process['pid']} on {process['host']}, since {process['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has begun at this moment, or ended
        return "another process"
