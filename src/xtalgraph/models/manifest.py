"""The manifest of a run: the checksum of every file on which a prediction depends."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from xtalgraph.conventions.documents import read_document
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.files import file_errors, write_atomically
from xtalgraph.models.checkpoint import check_is_run

MANIFEST: Final = "manifest.json"
"""A training writes it last, so where it is, all is there."""
_DECIDING: Final = (
    "model.json",
    "model.safetensors",
    "intervals.json",
    "training_set.safetensors",
    "members/*/model.json",
    "members/*/model.safetensors",
)
"""What a prediction, its interval and its novelty depend on."""
_EVIDENCE: Final = (
    *("about.json", "config.yaml", "split.json", "predictions.csv", "predictions/*.csv"),
    *("metrics.json", "worst.json", "structures.json", "record.json", "transfer.json"),
    *("probe.json", "log.csv", "members/*/log.csv"),
)
"""What the report, and every question to a run, depend on."""
FILES_OF_RUN: Final = (MANIFEST, *_DECIDING, *_EVIDENCE)
"""The files by which a run is known: tables, JSON, YAML and weights."""
_SHOWN: Final = 5
"""Files that a message names."""


def write_manifest(run: Path) -> None:
    """Write the manifest of a run whose other files are written, or raise a `FileError`."""
    files = {name: _entry(run / name) for name in _found(run, (*_DECIDING, *_EVIDENCE))}
    document = {"format": 1, "files": files, "sha256": _digest(files)}
    write_atomically(run / MANIFEST, json.dumps(document, indent=1) + "\n")


def check_manifest(run: Path, *, evidence: bool) -> int | None:
    """Compare the files of a run with its manifest.

    Args:
        run: The run folder.
        evidence: All files; else those alone that decide a prediction.

    Returns:
        How many files were compared; None for a run of an xtalgraph that wrote no manifest, of
        which nothing is known.

    Raises:
        RunError: If a file has changed, is missing, or is not of the run; the message names it. If
            the folder is not that of a finished run.
    """
    if not (run / MANIFEST).is_file():
        check_is_run(run)
        if read_document(run / "model.json").get("manifest"):
            raise RunError(
                f"{run} holds no {MANIFEST}, which its training writes last: the training has not "
                "ended, or the file was lost; repeat its `xtalgraph train` command with --resume"
            )
        return None
    listed = _listed(run)
    wanted = (*_DECIDING, *_EVIDENCE) if evidence else _DECIDING
    there = _found(run, wanted)
    known = [name for name in listed if any(Path(name).match(pattern) for pattern in wanted)]
    problems = [f"{name} is missing" for name in known if name not in there]
    problems += [
        f"{name} has changed" for name in known if name in there and not _same(run, name, listed)
    ]
    problems += [f"{name} is not of this run" for name in there if name not in listed]
    if problems:
        more = f" and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise RunError(
            f"{run} is not as its training left it: {', '.join(problems[:_SHOWN])}{more}. Put back "
            f"the files that {MANIFEST} lists, or train again into another --out"
        )
    return len(known)


def _found(run: Path, patterns: tuple[str, ...]) -> list[str]:
    paths = [path for pattern in patterns for path in run.glob(pattern) if path.is_file()]
    return sorted(path.relative_to(run).as_posix() for path in paths)


def _entry(path: Path) -> dict[str, Any]:
    with file_errors(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"bytes": file.tell(), "sha256": digest}


def _same(run: Path, name: str, listed: Mapping[str, Any]) -> bool:
    path = run / name
    with file_errors(path):
        size = path.stat().st_size
    return bool(size == listed[name].get("bytes") and _entry(path) == listed[name])


def _listed(run: Path) -> dict[str, dict[str, Any]]:
    """Return what the manifest lists, if it is as it was written."""
    path = run / MANIFEST
    document = read_document(path)
    files = document.get("files")
    if document.get("format") != 1 or not isinstance(files, dict) or not files:
        raise RunError(
            f"{path} is not a manifest that this xtalgraph reads: it is damaged, or of a newer one"
        )
    if not all(isinstance(entry, dict) for entry in files.values()) or (
        document.get("sha256") != _digest(files)
    ):
        raise RunError(f"{path} is damaged: it does not match its own checksum. Put it back")
    return files


def _digest(files: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
