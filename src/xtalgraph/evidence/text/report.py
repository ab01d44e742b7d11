"""The sentences of the report: numbers and classes side by side."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.evidence.numbers import count, listing, percent, plain, with_interval, with_unit
from xtalgraph.evidence.run_record import Estimate
from xtalgraph.metrics.bootstrap import Outcome
from xtalgraph.metrics.classification import confusion_counts
from xtalgraph.models.registry import ENCODERS

NAMES: Final = {
    "mean": "the mean",
    "composition": "composition alone",
    "fitted terms": "the fitted terms",
    "other calculation": "the other calculation, scaled",
    "pair potential": "the pair potential",
    "reference energies": "the reference energies",
}
"""How a sentence calls a baseline; others go by their own name."""
CLASS_CAPTIONS: Final = (
    "True positive rate over false positive rate for all thresholds; the dashed line is a random "
    "choice.",
    "Observed frequency over predicted probability; on the dashed line they agree. The bars are "
    "95 % intervals.",
    "Number of rows of each true and predicted class, and their share of the true class.",
)
"""Captions of the three figures of a classification."""
CLASS_MEASURES: Final = (
    "ROC-AUC is the probability that a row of class 1 has a higher predicted probability than one "
    "of class 0. Log loss and Brier score measure the probabilities themselves; the other measures "
    "use a threshold of 0.5."
)
"""What the measures of a classification are."""

NORMS: Final = (
    "The error of a tensor is the norm of the difference, √Σ (T̂ − T)² over all elements; the "
    "pictures show components."
)
"""What the errors of tensors are."""


def called(model: str) -> str:
    """How a sentence calls a model: an architecture by the name of its class."""
    return ENCODERS[model].__name__ if model in ENCODERS else NAMES.get(model, model)


def error_in_words(estimate: Estimate, unit: str) -> str:
    """An error with its interval: ``0.043 eV/cell (95 % interval 0.041 to 0.046)``."""
    value, interval = with_interval(estimate.value, estimate.low, estimate.high, digits=1)
    return with_unit(value, unit) + (f" (95\u00a0% interval {interval})" if interval else "")


def headline(
    model: str,
    error: Estimate,
    unit: str,
    crystals: str,
    measure: str = "mean absolute error",
    area: Estimate | None = None,
) -> str:
    """The error of a model, as a headline; of a classification after the ROC-AUC."""
    if error.value is None:
        return f"{model}: the error on {crystals} is not known"
    first = "" if area is None or area.value is None else f"ROC-AUC {plain(area.value)}, "
    value, _ = with_interval(error.value, error.low, error.high, digits=1)
    return f"{model}: {first}{measure} {with_unit(value, unit)} on {crystals}"


def verdict(
    model: str,
    test: str,
    error: Estimate,
    baselines: Mapping[str, tuple[Estimate, Outcome]],
    unit: str,
    measure: str = "mean absolute error",
    area: Estimate | None = None,
) -> str:
    """The error of the model, and how much smaller it is than those of the baselines.

    Args:
        model: Name of the model.
        test: The test set, as a sentence counts it.
        error: Of the model on the test set.
        baselines: For each the same error, and how the model compares with it.
        unit: Of the errors; may be empty.
        measure: What the errors are.
        area: ROC-AUC, known of a classification.
    """
    if error.value is None:
        return f"The error of {called(model)} on {test} is not known."
    first = ""
    if area is not None and area.value is not None:
        first = f"ROC-AUC of {error_in_words(area, '')} and a "
    sentence = f"{called(model)} has a {first}{measure} of {error_in_words(error, unit)} on {test}."
    better = [
        f"{called(name)} ({how_much})"
        for name, (baseline, outcome) in sorted(
            baselines.items(), key=lambda item: -(item[1][0].value or 0.0)
        )
        if outcome is Outcome.BETTER and (how_much := times_better(error, baseline))
    ]
    if not better:
        return _capital(sentence)
    return f"{_capital(sentence)} This is significantly better than {listing(better)}."


def warnings(
    model: str,
    baselines: Mapping[str, tuple[Estimate, Outcome]],
    unit: str,
    measure: str = "mean absolute error",
) -> list[str]:
    """One sentence for each baseline that the model is not significantly better than.

    Args:
        model: Name of the model.
        baselines: For each its error, and how the model compares with it.
        unit: Of the errors; may be empty.
        measure: What the errors are.
    """
    assessed, sentences = called(model), []
    for name, (baseline, outcome) in baselines.items():
        other = f"{called(name)} ({measure} {error_in_words(baseline, unit)})"
        if outcome is Outcome.WORSE:
            sentences.append(
                f"{assessed} is significantly worse than {other}. Use the simpler model instead."
            )
        elif outcome is Outcome.NO_DIFFERENCE:
            sentences.append(f"There is no significant difference between {assessed} and {other}.")
        elif outcome is Outcome.UNKNOWN:
            sentences.append(
                f"Whether {assessed} is significantly better than {other} was not tested; "
                "xtalgraph compare tests it."
            )
    return [_capital(sentence) for sentence in sentences]


def times_better(model: Estimate, baseline: Estimate) -> str:
    """By how much an error is smaller: ``13 times better``, ``2.4 times better``, ``18 % better``.

    Args:
        model: Error of the model.
        baseline: The larger error of the baseline.

    Returns:
        The words; ``far better`` where the model makes no error at all.
    """
    if not model.value or baseline.value is None:
        return "far better"
    ratio = baseline.value / model.value
    if ratio >= 9.95:
        return f"{ratio:,.0f} times better"
    if ratio >= 1.995:
        return f"{ratio:.1f}".removesuffix(".0") + " times better"
    return f"{percent(1.0 - 1.0 / ratio)} better"


def ranking(
    spearman: Estimate, recalls: Mapping[str, Estimate], best: str | None, rows: str
) -> str:
    """What the model is worth for picking the best candidates.

    Args:
        spearman: Rank correlation on the test set.
        recalls: Recall for each number of candidates picked, ``10``, ``100``, ``5 %``.
        best: ``low``, ``high``, or None where no direction is declared.
        rows: What is ranked, ``crystals`` or ``sites``.

    Returns:
        One or two sentences; empty where nothing is defined.
    """
    extreme = {"low": "lowest", "high": "highest"}.get(best or "", "best")
    picks = [
        f"{percent(recall.value)} of the {extreme} {number}"
        for number, recall in recalls.items()
        if recall.value is not None
    ]
    sentences = []
    if picks:
        sentences.append(f"Ranking the {rows} by prediction finds {listing(picks)}.")
    if spearman.value is not None:
        sentences.append(f"The rank correlation (Spearman) is {plain(spearman.value)}.")
    return " ".join(sentences)


def residuals(half: float, rare: float, mean: float, error: float, unit: str) -> str:
    """How large errors are: typical, rare, and whether there is a systematic part.

    Args:
        half: Median of their sizes, in the unit.
        rare: The size that 5 % of them exceed.
        mean: Mean of prediction minus target.
        error: Standard error of this mean; infinite for a single error.
        unit: Unit as declared; may be empty.
    """
    if abs(mean) <= 2.0 * error:
        systematic = "There is no systematic over- or underestimation."
    else:
        size = with_unit(plain(abs(mean), 2), unit)
        systematic = f"On average the predictions are {size} too {'high' if mean > 0 else 'low'}."
    return f"{sizes(half, rare, unit)} {systematic}"


def sizes(half: float, rare: float, unit: str) -> str:
    """How large errors are in the unit: the median of their sizes, and what 5 % of them exceed."""
    typical, large = (with_unit(plain(size, 2), unit) for size in (half, rare))
    return f"Half of the errors are below {typical}, and 5\u00a0% are above {large}."


def shares(
    target: Float[np.ndarray, " rows"],
    probability: Float[np.ndarray, " rows"],
    classes: tuple[str, str],
) -> str:
    """How frequent class 1 is in the test set, and how frequent it is predicted to be."""
    if not target.size:
        return ""
    true, predicted = (percent(float(column.mean())) for column in (target, probability))
    return (
        f"{true} of the test set are {classes[1]}; the mean predicted probability is {predicted}."
    )


def decisions(
    target: Float[np.ndarray, " rows"],
    probability: Float[np.ndarray, " rows"],
    classes: tuple[str, str],
) -> str:
    """How many are classified correctly with a threshold of 0.5."""
    if not target.size:
        return ""
    counts = confusion_counts(target, probability)
    right = [f"{counts[c, c]:,} of {counts[c].sum():,} {classes[c]}" for c in (1, 0)]
    return f"With a threshold of 0.5, {listing(right)} are classified correctly."


def training(epochs: int, selected: int | None, value: float, unit: str, time: str) -> str:
    """How long the training was, and which checkpoint was selected.

    Args:
        epochs: Number of epochs in the log.
        selected: Epoch of the selected checkpoint; None where the log does not say.
        value: Its validation error, in the unit; NaN where none was measured.
        unit: Unit as declared; may be empty.
        time: Duration in words; may be empty.
    """
    sentence = f"{count(epochs, 'epoch')}{f' in {time}' if time else ''}."
    if selected is None or math.isnan(value):
        return f"{sentence} No validation error was measured."
    error = with_unit(plain(value), unit)
    return f"{sentence} Selected checkpoint: epoch {selected}, validation error {error}."


def unavailable(measures: list[str], test_size: int) -> str:
    """Why some measures are n/a on a test set of that size."""
    reasons = []
    if {"spearman", "kendall", "r2"} & set(measures):
        reasons.append("a correlation is not defined where all predictions or targets are equal")
    if any(measure.startswith("recall@") for measure in measures):
        reasons.append(
            f"a recall is given only where at most half of the {test_size:,} values are picked and "
            "--best says whether low or high is best"
        )
    if {"mae", "rmse"} & set(measures):
        reasons.append("an error is not defined where a prediction or target is missing")
    if {"roc_auc", "balanced_accuracy"} & set(measures):
        reasons.append("the test set holds one class only")
    if "f1" in measures:
        reasons.append("F1 is not defined where class 1 neither occurs nor was predicted")
    if {"log_loss", "brier"} & set(measures):
        reasons.append(f"the test set has {count(test_size, 'row')}")
    return f"n/a: {'; '.join(reasons)}." if reasons else ""


def rejections(rejected: int) -> str:
    """Whether rows were left out."""
    if rejected == 0:
        return "No row was rejected."
    verb = "was" if rejected == 1 else "were"
    return f"{count(rejected, 'row')} {verb} rejected and left out, for the reasons below."


def test_rows(crystals: int, kind: str) -> str:
    """The test set, as a sentence counts it."""
    what = count(crystals, "test crystal")
    return f"the sites of {what}" if kind == "atomic" else what


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
