"""All entries of a comparison on all its folds, side by side; what is on disk is not run again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from xtalgraph.conventions.documents import write_json
from xtalgraph.conventions.files import make_folder
from xtalgraph.conventions.logs import log
from xtalgraph.evidence.leaderboard import EntryResult
from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.state import Report
from xtalgraph.workflows.executor import Executor, Session, processes_for, processes_outside
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, Level

FORMAT: Final = 2
"""Raised where files of before must not be taken."""
_Place = tuple[int, int]
"""Of an entry and of a case."""


def run_entries(
    entries: Sequence[LeaderboardEntry], cases: Sequence[Case]
) -> tuple[dict[LeaderboardEntry, list[EntryResult]], list[dict[str, str]]]:
    """Run what can be run, and note why the rest cannot.

    Args:
        entries: Baselines and models.
        cases: The folds.

    Returns:
        What each predicts in each case, and name, level and reason of those that cannot be run.
    """
    able, not_run = [], []
    for entry in entries:
        reason = next((why for case in cases if (why := entry.why_not(case))), "")
        if reason:
            log.warning("%s is not run: %s", entry.name, reason)
            not_run.append({"name": entry.name, "level": str(entry.level), "reason": reason})
        else:
            able.append(entry)
    training, progress = cases[0].config.training, cases[0].session.progress
    done: dict[_Place, EntryResult] = {}
    ours = [entry.level is Level.OWN for entry in able]
    # First those of one training or none, side by side; then ours, which may have several members.
    for wanted, processes in ((False, processes_for), (True, processes_outside)):
        tasks = _tasks([n for n, is_ours in enumerate(ours) if is_ours is wanted], able, cases)
        many = processes(len(tasks), training, len(cases[0].split.train))
        quiet = Session(progress=progress and many == 1)
        told = [replace(case, session=quiet) for case in cases]
        executor = Executor((able, told), many, "comparison", progress and many > 1)
        for _, part in executor.run(_run_entries, tasks):
            done |= part
    results = {entry: [done[n, k] for k in range(len(cases))] for n, entry in enumerate(able)}
    return results, not_run


def _tasks(
    chosen: Sequence[int], entries: Sequence[LeaderboardEntry], cases: Sequence[Case]
) -> list[list[_Place]]:
    """Put what shares its work into one task, to be run one after the other."""
    tasks: dict[str, list[_Place]] = {}
    for index in chosen:
        for number, case in enumerate(cases):
            tasks.setdefault(entries[index].shares(case), []).append((index, number))
    return list(tasks.values())


def _run_entries(
    shared: tuple[Sequence[LeaderboardEntry], Sequence[Case]],
    task: Sequence[_Place],
    report: Report,
) -> dict[_Place, EntryResult]:
    entries, cases = shared
    done = {}
    for index, case in task:
        with deterministic(cases[case].config.training.threads):
            session = replace(cases[case].session, report=report)
            done[index, case] = _result_of(entries[index], replace(cases[case], session=session))
    return done


def key_of(entry: LeaderboardEntry, case: Case) -> str:
    """Return a hash of everything that decides what an entry predicts."""
    ids = case.dataset.table.ids
    targets = [target.as_dict() for target in case.config.targets]
    parts = {name: [ids[i] for i in rows.tolist()] for name, rows in case.split.parts().items()}
    made_from = {
        "format": FORMAT,
        "entry": entry.name,
        "settings": entry.settings(case),
        "data": case.dataset.content_hash,
        "target": targets if len(targets) > 1 else targets[0],
        "parts": parts,
        "seed": case.config.training.seed,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


def _result_of(entry: LeaderboardEntry, case: Case) -> EntryResult:
    """Take what an entry predicts from the folder of the comparison, or run it and keep that.

    The name of the file holds the hash of `key_of`: with other settings there is no such file, and
    what was made with those of before stays as it is.
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
