"""Taking a folder for a training: empty, or that of the same training, which is continued."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xtalgraph.conventions.errors import ConfigError, RunError
from xtalgraph.models.checkpoint import load_model
from xtalgraph.models.upgrades import upgrade_sections
from xtalgraph.workflows.config import RunConfig, read_yaml
from xtalgraph.workflows.sole_writer import HOLDER, LOCK, sole_writer

_OURS = {LOCK, HOLDER, "rejected.csv", "state", "members"}
"""What a training may leave in its folder before it has settings there."""


@contextmanager
def claimed(folder: Path, config: RunConfig, *, resume: bool) -> Iterator[None]:
    """Hold the folder of a training, against other processes too, during the block.

    Args:
        folder: The run folder; it is made, and removed again if nothing is written into it.
        config: The settings.
        resume: Whether a run of the same settings that is there is continued.

    Raises:
        RunError: If it holds something else, or another process is writing there.
        FileError: If it cannot be made or written.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file: choose another --out")
    with sole_writer(folder):
        _check(folder, config, resume)
        for part in folder.rglob("*.part"):  # of a process that was killed
            part.unlink(missing_ok=True)
        yield


def check_settings(folder: Path, config: RunConfig) -> None:
    """Refuse to continue a run that was begun with other settings.

    Args:
        folder: The run.
        config: The settings of now.

    Raises:
        RunError: If they differ in what decides a number; the message says where.
    """
    before = RunConfig.from_sections(saved_sections(folder)).deciding()
    after = config.deciding()
    if config.spec.readout == "auto":  # what that stands for may have changed since
        after["model"]["readout"] = before["model"]["readout"]
    changed = [
        f"{section}.{key} was {before[section].get(key)!r}, is {after[section].get(key)!r}"
        for section in after
        for key in {**before[section], **after[section]}
        if before[section].get(key) != after[section].get(key)
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
        sections = upgrade_sections(read_yaml(run / "config.yaml"))
    except (ConfigError, ValueError, RecursionError) as error:
        raise RunError(f"{run} has no settings that can be read: {error}") from error
    if is_run(run) and sections.get("model", {}).get("readout", "auto") == "auto":
        _, spec, _ = load_model(run)  # its weights tell which it is
        sections.setdefault("model", {})["readout"] = list(spec.readouts)
    return sections


def is_run(folder: Path) -> bool:
    """Return whether a folder holds a trained model.

    Args:
        folder: Any.
    """
    return (folder / "model.json").is_file()


def _check(folder: Path, config: RunConfig, resume: bool) -> None:
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
