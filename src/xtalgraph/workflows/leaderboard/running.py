"""All baselines and models of a comparison on all its folds, side by side."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.reporting import Report
from xtalgraph.workflows.executor import Executor, Session, processes_for, processes_outside
from xtalgraph.workflows.leaderboard.cache import result_of
from xtalgraph.workflows.leaderboard.entry import Case, EntryResult, LeaderboardEntry, Level

log = logging.getLogger("xtalgraph")

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
            done[index, case] = result_of(entries[index], replace(cases[case], session=session))
    return done
