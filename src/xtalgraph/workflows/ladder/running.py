"""All baselines and models of a comparison on all its folds, side by side."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from xtalgraph.nn.determinism import deterministic
from xtalgraph.training.reporting import Report
from xtalgraph.workflows.executor import Executor, processes_for, processes_outside
from xtalgraph.workflows.ladder.cache import said_of
from xtalgraph.workflows.ladder.rung import Case, Level, Rung, Said

log = logging.getLogger("xtalgraph")

_Place = tuple[int, int]
"""Of a rung and of a case."""


def run_rungs(
    rungs: Sequence[Rung], cases: Sequence[Case]
) -> tuple[dict[Rung, list[Said]], list[dict[str, str]]]:
    """Run what can be run, and note why the rest cannot.

    Args:
        rungs: Baselines and models.
        cases: The folds.

    Returns:
        What each predicts in each case, and name, level and reason of those that cannot be run.
    """
    able, not_run = [], []
    for rung in rungs:
        reason = next((why for case in cases if (why := rung.why_not(case))), "")
        if reason:
            log.warning("%s is not run: %s", rung.name, reason)
            not_run.append({"name": rung.name, "level": str(rung.level), "reason": reason})
        else:
            able.append(rung)
    training, progress = cases[0].config.training, cases[0].progress
    found: dict[_Place, Said] = {}
    own = [rung.level is Level.OWN for rung in able]
    # First those of one training or none, side by side; then ours, which may have several members.
    for wanted, processes in ((False, processes_for), (True, processes_outside)):
        tasks = _tasks([n for n, one in enumerate(own) if one is wanted], able, cases)
        many = processes(len(tasks), training, len(cases[0].split.train))
        quiet = [replace(case, progress=case.progress and many == 1) for case in cases]
        executor = Executor((able, quiet), many, "comparison", progress and many > 1)
        for _, part in executor.run(_run_rungs, tasks):
            found |= part
    said = {rung: [found[n, k] for k in range(len(cases))] for n, rung in enumerate(able)}
    return said, not_run


def _tasks(
    chosen: Sequence[int], rungs: Sequence[Rung], cases: Sequence[Case]
) -> list[list[_Place]]:
    """Put what shares its work into one task, to be run one after the other."""
    tasks: dict[str, list[_Place]] = {}
    for place in chosen:
        for number, case in enumerate(cases):
            tasks.setdefault(rungs[place].shares(case), []).append((place, number))
    return list(tasks.values())


def _run_rungs(
    shared: tuple[Sequence[Rung], Sequence[Case]], task: Sequence[_Place], report: Report
) -> dict[_Place, Said]:
    rungs, cases = shared
    found = {}
    for place, case in task:
        with deterministic(cases[case].config.training.threads):
            found[place, case] = said_of(rungs[place], replace(cases[case], report=report))
    return found
