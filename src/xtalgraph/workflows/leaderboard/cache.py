"""What entries have said, on disk: a comparison that was killed does not run them again."""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.files import make_folder
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, Said
from xtalgraph.workflows.outcome import write_json

log = logging.getLogger("xtalgraph")

FORMAT: Final = 1
"""Raised where files of before must not be taken."""


def key_of(entry: LeaderboardEntry, case: Case) -> str:
    """Return a hash of everything that decides what a entry says.

    Args:
        entry: Who says it.
        case: Of what.
    """
    ids = case.dataset.table.ids
    parts = {name: [ids[i] for i in rows.tolist()] for name, rows in case.split.parts().items()}
    made_from = {
        "format": FORMAT,
        "entry": entry.name,
        "settings": entry.settings(case),
        "data": case.data_hash,
        "target": case.target.as_dict(),
        "parts": parts,
        "seed": case.config.training.seed,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def said_of(entry: LeaderboardEntry, case: Case) -> Said:
    """Take what a entry says from the folder of the comparison, or run it and keep that.

    The name of the file holds the hash of `key_of`: with other settings there is no such file, and
    what was made with those of before stays as it is.

    Args:
        entry: To run.
        case: On what.
    """
    key = key_of(entry, case)
    path = case.folder / "entries" / entry.name / f"{case.where}-{key[:12]}.json"
    if path.is_file():
        kept = _read(path, key)
        if kept is not None:
            log.info("%s, %s: taken from %s", entry.name, case.where, path)
            return kept
    log.info("%s, %s: running", entry.name, case.where)
    said = entry.run(case)
    make_folder(path.parent)
    ids = case.dataset.table.ids
    document = {
        "key": key,
        "settings": entry.settings(case),
        "seconds": said.seconds,
        "parameters": said.parameters,
        "ids": [ids[i] for i in case.split.test.tolist()],
        "predictions": [values.tolist() for values in said.values],
    }
    write_json(path, document)
    return said


def _read(path: Path, key: str) -> Said | None:
    """Read what was kept; None where it is of another key."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if document["key"] != key:
        return None
    values = [np.array(one, dtype=np.float64) for one in document["predictions"]]
    return Said(values, document["seconds"], document["parameters"])
