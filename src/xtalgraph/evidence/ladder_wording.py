"""The sentences of a comparison: does the model beat every rung, by more than chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from xtalgraph.evidence.numbers import count, listing

OWN: Final = "own models"
"""The level that is no rung: our architectures beside the judged one."""
LEVELS: Final = ("mean", "composition", "structure descriptors", "public models")
"""The rungs from the bottom to the top."""
SHORT: Final = {
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "spearman": "Spearman",
    "kendall": "Kendall",
    "roc_auc": "ROC-AUC",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "log_loss": "log loss",
    "brier": "Brier",
}
"""What a measure is called in a table or a sentence."""
BEATEN: Final = ("beaten", "undefined")
"""Outcomes that count as beaten: also a rung whose correlation is not defined."""


@dataclass(frozen=True)
class Verdict:
    """What a comparison says."""

    beats: bool
    """Whether every rung that was run is beaten on both measures by more than chance."""
    complete: bool
    """Whether a rung of every level was run."""
    sentences: tuple[str, ...]
    """In words, the answer first."""


def verdict_of(document: Mapping[str, Any]) -> Verdict:
    """Say whether the judged model beats every rung on an error and on a rank.

    Args:
        document: The content of ``compare.json``.
    """
    judged = document["judged"]
    rungs = [one for one in document["rungs"] if one["level"] != OWN]
    first, second = document["deciding"]
    both = f"{SHORT[first]} and on {SHORT[second]}"
    failed = {
        key: [one for one in rungs if one["against"][key]["outcome"] not in BEATEN]
        for key in (first, second)
    }
    beats = bool(rungs) and not any(failed.values())
    if not rungs:
        sentences = [f"{judged} was compared with no rung."]
    elif beats:
        sentences = [f"{judged} beats {_all(len(rungs))} on {both}, by more than chance."]
    else:
        sentences = [f"{judged} does not beat every rung on {both} by more than chance."]
        for key, several in failed.items():
            sentences += _failures(several, key)
        beaten = [one for one in rungs if not any(one in several for several in failed.values())]
        if beaten:
            names = listing([one["name"] for one in beaten])
            sentences.append(f"It beats {names} on both.")
    undefined = [one["name"] for one in rungs if one["against"][second]["outcome"] == "undefined"]
    if undefined:
        sentences.append(
            f"{SHORT[second]} of {listing(undefined)} is not defined, which counts as beaten."
        )
    missing = [level for level in LEVELS if level not in {one["level"] for one in rungs}]
    if missing:
        sentences.append(
            f"No rung of {listing(missing)} was run: the answer holds for the others alone."
        )
    return Verdict(beats, not missing, tuple(sentences))


def outcome_in_words(outcome: str) -> str:
    """Return what the judged model did to a rung, in a word or two.

    Args:
        outcome: As in ``compare.json``.
    """
    return {
        "beaten": "beaten",
        "lost": "not beaten",
        "alike": "alike",
        "undefined": "n/a, beaten",
        "unknown": "n/a",
    }[outcome]


def methods(document: Mapping[str, Any]) -> str:
    """Say how the numbers of a comparison were made.

    Args:
        document: The content of ``compare.json``.
    """
    folds = len(document["folds"])
    rows = count(document["rows"], "test row")
    where = f"The {rows} of {count(folds, 'fold')} together" if folds > 1 else f"On {rows}"
    return (
        f"{where}. Every rung learned from the same training rows, save what is published. Small "
        "numbers are 95 % bootstrap intervals. A rung is beaten where the 95 % interval of its "
        "difference from the judged model, by a paired bootstrap over the same test rows, lies on "
        "the better side of 0; alike, where it holds 0. The numbers below the word are this "
        "difference, the judged model less the rung. All of this covers the choice of the test "
        "rows, not the randomness of the training."
    )


def _all(rungs: int) -> str:
    return "the one rung that was run" if rungs == 1 else f"all {rungs} rungs that were run"


def _failures(several: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    by = {
        outcome: [one["name"] for one in several if one["against"][key]["outcome"] == outcome]
        for outcome in ("lost", "alike", "unknown")
    }
    found = []
    if by["lost"]:
        found.append(f"On {SHORT[key]} it is behind {listing(by['lost'])}.")
    if by["alike"]:
        found.append(f"On {SHORT[key]} it cannot be told apart from {listing(by['alike'])}.")
    if by["unknown"]:
        found.append(f"Its {SHORT[key]} is not defined, so that it beats none on it.")
    return found
