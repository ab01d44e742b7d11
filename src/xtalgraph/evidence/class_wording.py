"""The sentences of the report on classes. Each takes numbers and gives words."""

from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.evidence.numbers import count, listing, percent, plain
from xtalgraph.evidence.run_record import Estimate
from xtalgraph.evidence.wording import called, compare, error_in_words, times_better
from xtalgraph.metrics.classification import confusion_counts

CAPTIONS: Final = (
    "What is found, and what is wrongly taken for it, as the threshold falls; the dashed line is "
    "a random choice.",
    "Of what gets the probability p a share p should be so: the dashed line. The bars are 95 % "
    "intervals.",
    "The number of each true class that is taken for each, and its share of the true class.",
)
"""Captions of the three figures."""


def headline(model: str, area: Estimate, loss: Estimate, crystals: str) -> str:
    """The errors of a model, as a headline.

    Args:
        model: The model, as a sentence calls it.
        area: Its ROC-AUC on the test set.
        loss: Its log loss on the test set.
        crystals: The test set, as a sentence counts it.
    """
    if loss.value is None:
        return f"{model}: the error on {crystals} is not known"
    first = "" if area.value is None else f"ROC-AUC {plain(area.value)}, "
    return f"{model}: {first}log loss {plain(loss.value)} on {crystals}"


def verdict(
    model: str,
    crystals: int,
    kind: str,
    area: Estimate,
    loss: Estimate,
    baselines: dict[str, Estimate],
) -> str:
    """What came out, in one sentence.

    Args:
        model: Name of the model.
        crystals: How many are in the test set.
        kind: Kind of the target; classes of an atomic one are those of sites.
        area: ROC-AUC of the model on the test set.
        loss: Log loss of the model on the test set.
        baselines: Log loss of each baseline.

    Returns:
        The sentence; it compares only with baselines whose interval lies above the model's.
    """
    where = count(crystals, "crystal") + " held out of training"
    if kind == "atomic":
        where = f"the sites of {where}"
    if loss.value is None:
        return f"On {where}, the error of {called(model)} is not known."
    parts = [f"its log loss is {error_in_words(loss, '')}"]
    if area.value is not None:
        parts.insert(0, f"{called(model)} has a ROC-AUC of {error_in_words(area, '')}")
    else:
        parts[0] = f"{called(model)} has a log loss of {error_in_words(loss, '')}"
    better = [
        f"{how_much} than {called(name)}"
        for name, baseline in sorted(baselines.items(), key=lambda item: -(item[1].value or 0.0))
        if compare(loss, baseline) == "better" and (how_much := times_better(loss, baseline))
    ]
    sentence = f"On {where}, {'; '.join(parts)}"
    return f"{sentence}, {listing(better)}." if better else f"{sentence}."


def shares(
    target: Float[np.ndarray, " rows"],
    probability: Float[np.ndarray, " rows"],
    classes: tuple[str, str],
) -> str:
    """How frequent class 1 is in the test set, and how frequent it is said to be.

    Args:
        target: True classes, 0 or 1.
        probability: Predicted probability of class 1.
        classes: What the classes are called.

    Returns:
        One sentence; empty for no rows.
    """
    if not target.size:
        return ""
    true, said = percent(float(target.mean())), percent(float(probability.mean()))
    return f"{true} of the test set are {classes[1]}; the mean predicted probability is {said}."


def decisions(
    target: Float[np.ndarray, " rows"],
    probability: Float[np.ndarray, " rows"],
    classes: tuple[str, str],
) -> str:
    """How many are classified correctly with a threshold of 0.5.

    Args:
        target: True classes, 0 or 1.
        probability: Predicted probability of class 1.
        classes: What the classes are called.

    Returns:
        One sentence; empty for no rows.
    """
    if not target.size:
        return ""
    counts = confusion_counts(target, probability)
    right = [f"{counts[c, c]:,} of {counts[c].sum():,} {classes[c]}" for c in (1, 0)]
    return f"With a threshold of 0.5, {listing(right)} are classified correctly."


def unavailable(measures: list[str], test_size: int) -> str:
    """Why some numbers are n/a.

    Args:
        measures: Keys of the measures that some model does not have.
        test_size: How many values were predicted in the test set.

    Returns:
        The explanation; empty where nothing is missing.
    """
    reasons = []
    if {"roc_auc", "balanced_accuracy"} & set(measures):
        reasons.append("it takes both classes in the test set to tell them apart")
    if "f1" in measures:
        reasons.append("F1 is not defined where class 1 neither is there nor was predicted")
    if {"log_loss", "brier"} & set(measures):
        reasons.append(f"there are {test_size:,} rows")
    return f"n/a: {'; '.join(reasons)}." if reasons else ""
