"""How new the test crystals of a run are to its model, and whether that finds the failures."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.metrics.failures import failure_auroc, failures
from xtalgraph.models.novelty import Novelty
from xtalgraph.workflows.outcome import Outcome
from xtalgraph.workflows.view import TargetView

WORST: Final = 0.1
"""Share of the test crystals that count as failures: those with the largest errors."""
_FEW: Final = 20
"""With fewer test crystals, or fewer flags than a quarter of it, nothing is said of them."""


def assess_novelty(
    views: Sequence[TargetView], outcome: Outcome, novelty: Mapping[int, Novelty]
) -> dict[str, dict[str, Any]]:
    """Compare how new test crystals are with the errors on them.

    Args:
        views: The targets.
        outcome: What the model says of every crystal.
        novelty: Of each test crystal, by its place among all crystals.

    Returns:
        For each target ``rows``, ``flagged``, the mean absolute error of those and of the others,
        for each distance the AUROC with which it finds the failures (None where that is not
        defined), and ``said``, sentences.
    """
    return {
        view.target.name: _assessed(view, view.outcome(outcome), novelty)
        for view in views
        if len(view.split.test)
    }


def _assessed(view: TargetView, own: Outcome, novelty: Mapping[int, Novelty]) -> dict[str, Any]:
    rows = view.split.test.tolist()
    new = [novelty[int(view.places[i])] for i in rows]
    error = np.array([np.abs(view.dataset.values[i] - own.values[i]).mean() for i in rows])
    flagged = np.array([one.is_new for one in new])
    failed = failures(error, WORST)
    scores = {
        "latent": [one.embedding_distance for one in new],
        "composition": [one.composition_distance for one in new],
    }
    found = {
        "rows": len(rows),
        "flagged": int(flagged.sum()),
        "unseen": sum(bool(one.unseen) for one in new),
        "error_flagged": _mean(error, flagged),
        "error_others": _mean(error, ~flagged),
        "worst": WORST,
        "auroc": {
            name: _or_none(failure_auroc(failed, np.array(score, dtype=np.float64)))
            for name, score in scores.items()
        },
    }
    return found | {"said": [{"alarm": False, "text": text} for text in _sentences(found)]}


def _sentences(found: Mapping[str, Any]) -> list[str]:
    rows, flagged = found["rows"], found["flagged"]
    if rows < _FEW:
        return []
    said = [f"{flagged:,} of {rows:,} test crystals are unlike what the model was trained on"]
    if min(flagged, rows - flagged) >= _FEW // 4 and found["error_others"] > 0:
        ratio = found["error_flagged"] / found["error_others"]
        said[0] += f", and the error on them is {ratio:.2g} times that on the others"
    embedding, composition = (found["auroc"][key] for key in ("latent", "composition"))
    if embedding is not None and composition is not None:
        said.append(
            "a crystal of the worst tenth is farther from the training part than another with a "
            f"chance of {100 * embedding:.0f} % in embedding space and of "
            f"{100 * composition:.0f} % in "
            "composition; a random ranking would give 50 %"
        )
    return said


def _mean(error: Float[np.ndarray, " rows"], chosen: Bool[np.ndarray, " rows"]) -> float | None:
    return float(error[chosen].mean()) if chosen.any() else None


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
