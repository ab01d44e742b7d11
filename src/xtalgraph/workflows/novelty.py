"""How new the test crystals of a run are to its model, and whether that finds the failures."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.data.divided import Divided
from xtalgraph.metrics.failures import failure_auroc, failures
from xtalgraph.models.novelty import Novelty
from xtalgraph.models.predictions import Predictions

WORST: Final = 0.1
"""Share of the test crystals that count as failures: those with the largest errors."""
_FEW: Final = 20
"""With fewer test crystals, or fewer flags than a quarter of it, nothing is said of them."""


def assess_novelty(
    divided: Divided, predictions: Predictions, novelty: Mapping[int, Novelty]
) -> dict[str, dict[str, Any]]:
    """Compare how new test crystals are with the errors on them.

    Args:
        divided: Crystals, labels and parts.
        predictions: Of every crystal.
        novelty: Of each test crystal, by its place among all crystals.

    Returns:
        For each target ``rows``, ``flagged``, the mean absolute error of those and of the others,
        for each distance the AUROC with which it finds the failures (None where that is not
        defined), and ``said``, sentences.
    """
    found = {}
    for target in divided.dataset.targets:
        labels = divided.dataset.labels
        test = divided.of_target(target.name).test
        error = np.abs(predictions.values.arrays[target.name] - labels.arrays[target.name])
        each = np.array([error[labels.rows(target.name, [i])].mean() for i in test.tolist()])
        found[target.name] = _assessed(each, [novelty[i] for i in test.tolist()])
    return found


def _assessed(error: Float[np.ndarray, " rows"], new: Sequence[Novelty]) -> dict[str, Any]:
    flagged = np.array([one.is_new for one in new])
    failed = failures(error, WORST)
    scores = {
        "latent": [one.embedding_distance for one in new],
        "composition": [one.composition_distance for one in new],
    }
    found = {
        "rows": len(new),
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
