"""What entries predict, on disk: a comparison that was killed does not run them again."""

import hashlib
import json
import logging
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.documents import write_json
from xtalgraph.conventions.files import make_folder
from xtalgraph.workflows.leaderboard.entry import Case, EntryResult, LeaderboardEntry

log = logging.getLogger("xtalgraph")

FORMAT: Final = 2
"""Raised where files of before must not be taken."""


def key_of(entry: LeaderboardEntry, case: Case) -> str:
    """Return a hash of everything that decides what an entry predicts.

    Args:
        entry: Which.
        case: Of what.
    """
    ids = case.dataset.table.ids
    parts = {name: [ids[i] for i in rows.tolist()] for name, rows in case.split.parts().items()}
    made_from = {
        "format": FORMAT,
        "entry": entry.name,
        "settings": entry.settings(case),
        "data": case.dataset.content_hash,
        "target": case.target.as_dict(),
        "parts": parts,
        "seed": case.config.training.seed,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def result_of(entry: LeaderboardEntry, case: Case) -> EntryResult:
    """Take what an entry predicts from the folder of the comparison, or run it and keep that.

    The name of the file holds the hash of `key_of`: with other settings there is no such file, and
    what was made with those of before stays as it is.

    Args:
        entry: To run.
        case: On what.
    """
    key = key_of(entry, case)
    path = case.folder / "entries" / entry.name / f"{case.where}-{key[:12]}.json"
    if path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if kept["key"] == key:
            log.info("%s, %s: taken from %s", entry.name, case.where, path)
            values = np.array(kept["predictions"], dtype=np.float64)
            return EntryResult(values, kept["seconds"], kept["parameters"])
    log.info("%s, %s: running", entry.name, case.where)
    result = entry.run(case)
    make_folder(path.parent)
    document = {
        "key": key,
        "settings": entry.settings(case),
        "seconds": result.seconds,
        "parameters": result.parameters,
        "ids": case.test_ids,
        "predictions": result.values.tolist(),
    }
    write_json(path, document)
    return result
