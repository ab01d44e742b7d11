"""The errors of potentials on energies, forces and stresses, each in its own unit."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from xtalgraph.data.reported_units import reported_units
from xtalgraph.data.targets import Target
from xtalgraph.evidence.leaderboard import EntryResult, Fold
from xtalgraph.evidence.performance import REPORTED
from xtalgraph.metrics.measures import MEASURES
from xtalgraph.workflows.leaderboard.entry import Case, LeaderboardEntry, Level, entry_documents

DECIDING: Final = ("mae", "rmse")
"""The measures by which potentials are compared."""
LEVELS: Final = (Level.REFERENCE, Level.PAIRS, Level.DESCRIPTORS, Level.PUBLIC)
"""What a potential is compared with, from the plainest on."""


def assess_potentials(
    cases: Sequence[Case],
    results: Mapping[LeaderboardEntry, Sequence[EntryResult]],
    assessed: LeaderboardEntry,
    *,
    progress: bool = False,
) -> dict[str, Any]:
    """Measure every potential on each target, and the assessed one against each.

    Args:
        cases: The folds.
        results: What each entry predicts for their test parts, as `flat` has it.
        assessed: One of the entries.
        progress: Show progress bars on standard error.

    Returns:
        For each target by its name ``target``, as it is reported, ``rows`` and ``entries``.
    """
    documents = {}
    for target in cases[0].config.targets:
        units = reported_units(cases[0].config.targets)[target.name]
        shown = units.target(target, units.error)
        folds, known = [], []
        for case in cases:
            true = _reported(case, target, flat_labels(case))
            known.append(np.isfinite(true))
            folds.append(Fold(case.where, true[known[-1]]))
        of_target = {
            entry: [
                EntryResult(
                    _reported(case, target, result.values)[rows], result.seconds, result.parameters
                )
                for case, result, rows in zip(cases, listed, known, strict=True)
            ]
            for entry, listed in results.items()
        }
        documents[target.name] = {
            "target": shown.as_dict(),
            "rows": sum(len(fold.true) for fold in folds),
            "entries": entry_documents(
                folds,
                of_target,
                assessed,
                shown,
                progress=progress,
                deciding=[MEASURES[key] for key in DECIDING],
                only=REPORTED,
            ),
        }
    return documents


def flat_labels(case: Case) -> Float[np.ndarray, " numbers"]:
    """Return the labels of the test part as `EntryResult` has predictions: target by target."""
    labels = case.dataset.labels
    parts = [labels.of(target.name, case.split.test) for target in case.config.targets]
    return np.concatenate([part.reshape(-1) for part in parts])


def _reported(
    case: Case, wanted: Target, values: Float[np.ndarray, " numbers"]
) -> Float[np.ndarray, " rows"]:
    """Return the numbers of a target in the unit of its errors."""
    units = reported_units(case.config.targets)[wanted.name]
    sizes = case.dataset.labels.num_atoms[case.split.test]
    start = 0
    for target in case.config.targets:
        end = start + case.dataset.labels.of(target.name, case.split.test).size
        if target == wanted:
            break
        start = end
    return units.of_errors(values[start:end], sizes)
