"""The sentences of the report. Each takes numbers and gives words."""

import math

import numpy as np
from jaxtyping import Float

from xtalgraph.evidence.numbers import count, listing, percent, plain, to_interval, with_unit
from xtalgraph.evidence.run_record import Estimate
from xtalgraph.models.registry import ENCODERS

NAMES = {"mean": "the mean", "composition": "composition alone"}
"""How a sentence calls a baseline; others go by their own name."""


def called(model: str) -> str:
    """How a sentence calls a model: an architecture by the name of its class."""
    return ENCODERS[model].__name__ if model in ENCODERS else NAMES.get(model, model)


def error_in_words(estimate: Estimate, unit: str) -> str:
    """An error with its interval: ``0.043 eV/cell (95 % interval 0.041 to 0.046)``."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return with_unit(plain(estimate.value), unit)
    value, low, high = to_interval(estimate.value, estimate.low, estimate.high, digits=1)
    return f"{with_unit(value, unit)} (95\u00a0% interval {low} to {high})"


def headline(model: str, mae: Estimate, unit: str, crystals: str) -> str:
    """The error of a model, as a headline.

    Args:
        model: The model, as a sentence calls it.
        mae: Its mean absolute error on the test set.
        unit: Unit as declared; may be empty.
        crystals: The test set, as a sentence counts it.
    """
    if mae.value is None:
        return f"{model}: the error on {crystals} is not known"
    return f"{model}: mean absolute error {_short(mae, unit)} on {crystals}"


def _short(estimate: Estimate, unit: str) -> str:
    """A number with the digits that its interval leaves, without the interval."""
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return with_unit(plain(estimate.value), unit)
    return with_unit(to_interval(estimate.value, estimate.low, estimate.high, digits=1)[0], unit)


def verdict(
    model: str, crystals: int, kind: str, mae: Estimate, baselines: dict[str, Estimate], unit: str
) -> str:
    """The error of the model and how much smaller it is than those of the baselines.

    Args:
        model: Name of the model.
        crystals: How many are in the test set.
        kind: Kind of the target; errors of an atomic one are counted by site.
        mae: Mean absolute error of the model on the test set.
        baselines: The same of each baseline.
        unit: Unit as declared; may be empty.

    Returns:
        The sentence; it compares only with baselines whose interval lies above the model's.
    """
    where = count(crystals, "crystal") + " held out of training"
    if kind == "atomic":
        where = f"the sites of {where}"
    if mae.value is None:
        return f"On {where}, the error of {called(model)} is not known."
    sentence = f"On {where}, {called(model)} is off by {error_in_words(mae, unit)} on average"
    better = [
        f"{how_much} than {called(name)}"
        for name, baseline in sorted(baselines.items(), key=lambda item: -(item[1].value or 0.0))
        if compare(mae, baseline) == "better" and (how_much := times_better(mae, baseline))
    ]
    return f"{sentence}, {listing(better)}." if better else f"{sentence}."


def warnings(
    model: str,
    mae: Estimate,
    baselines: dict[str, Estimate],
    unit: str,
    measure: str = "error",
) -> list[str]:
    """One sentence for each baseline that the model is not significantly better than.

    Args:
        model: Name of the model.
        mae: Mean absolute error of the model on the test set.
        baselines: The same of each baseline.
        unit: Unit as declared; may be empty.
        measure: What the numbers are.

    Returns:
        The sentences; none where the model is significantly better than all.
    """
    sentences = []
    for name, baseline in baselines.items():
        relation = compare(mae, baseline)
        error = error_in_words(baseline, unit)
        if relation == "worse":
            sentences.append(
                f"{called(model)} is significantly worse than {called(name)}, whose {measure} is "
                f"{error}: the simpler model is the better choice."
            )
        elif relation == "alike":
            sentences.append(
                f"No significant difference between {called(model)} and {called(name)}, whose "
                f"{measure} is {error}: the intervals overlap. The command compare tests "
                "the two row by row, which shows smaller differences."
            )
        elif relation == "unknown":
            sentences.append(
                f"Whether {called(model)} is better than {called(name)} is not known: one of their "
                "errors is missing."
            )
    return [sentence[0].upper() + sentence[1:] for sentence in sentences]


def compare(model: Estimate, baseline: Estimate) -> str:
    """Compare two errors by their intervals; one without an interval is taken as exact.

    Args:
        model: Error of the model.
        baseline: Error of the baseline.

    Returns:
        ``better`` (its interval lies below the other's), ``worse`` (above), ``alike`` (they
        overlap), or ``unknown`` (one of them is not defined).
    """
    if model.value is None or baseline.value is None:
        return "unknown"
    if (model.value if model.high is None else model.high) < (
        baseline.value if baseline.low is None else baseline.low
    ):
        return "better"
    if (model.value if model.low is None else model.low) > (
        baseline.value if baseline.high is None else baseline.high
    ):
        return "worse"
    return "alike"


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


def ranking(spearman: Estimate, recalls: dict[str, Estimate], best: str, unit_of: str) -> str:
    """What the model is worth for picking the best candidates.

    Args:
        spearman: Rank correlation on the test set.
        recalls: Recall for each number of candidates picked, ``10``, ``100``, ``5%``.
        best: ``low``, ``high``, or empty where no direction is declared.
        unit_of: What is ranked, ``crystals`` or ``sites``.

    Returns:
        One or two sentences; empty where nothing is defined.
    """
    extreme = {"low": "lowest", "high": "highest"}.get(best, "best")
    picks = [
        f"{percent(recall.value)} of the {extreme} {_amount(number)}"
        for number, recall in recalls.items()
        if recall.value is not None
    ]
    sentences = []
    if picks:
        sentences.append(f"Ranking the {unit_of} by prediction finds {listing(picks)}.")
    if spearman.value is not None:
        sentences.append(f"The rank correlation (Spearman) is {plain(spearman.value)}.")
    return " ".join(sentences)


def residuals(residual: Float[np.ndarray, " points"], unit: str) -> str:
    """How large errors are: typical, rare, and whether there is a systematic part.

    Args:
        residual: Prediction minus target on the test set, in the unit.
        unit: Unit as declared; may be empty.

    Returns:
        Two sentences; empty where there are no errors.
    """
    residual = residual[np.isfinite(residual)]
    if len(residual) == 0:
        return ""
    sizes = np.abs(residual)
    half, rare = (with_unit(plain(float(np.quantile(sizes, q)), 2), unit) for q in (0.5, 0.95))
    mean = float(residual.mean())
    error = (
        float(residual.std(ddof=1)) / math.sqrt(len(residual)) if len(residual) > 1 else math.inf
    )
    if abs(mean) <= 2.0 * error:
        lean = "There is no systematic over- or underestimation."
    else:
        side = "high" if mean > 0.0 else "low"
        lean = f"On average the prediction is {with_unit(plain(abs(mean), 2), unit)} too {side}."
    return f"Half of the errors are below {half}, one in twenty is above {rare}. {lean}"


def training(epochs: int, kept: int | None, value: float, unit: str, time: str) -> str:
    """How long the training was, and which checkpoint was selected.

    Args:
        epochs: Number of epochs in the log.
        kept: Epoch of the selected checkpoint; None where the log does not say.
        value: Their validation error, in the unit; NaN where none was measured.
        unit: Unit as declared; may be empty.
        time: Duration in words; may be empty.

    Returns:
        One or two sentences.
    """
    sentence = f"{count(epochs, 'epoch')}{f' in {time}' if time else ''}."
    if kept is None or math.isnan(value):
        return f"{sentence} No validation error was measured."
    error = with_unit(plain(value), unit)
    return f"{sentence} Selected checkpoint: epoch {kept}, validation error {error}."


def unavailable(measures: list[str], test_size: int) -> str:
    """Why some numbers are n/a.

    Args:
        measures: Keys of the measures that some model does not have.
        test_size: How many values were predicted in the test set.

    Returns:
        The explanation; empty where nothing is missing.
    """
    reasons = []
    if any(measure in ("spearman", "kendall", "r2") for measure in measures):
        reasons.append("a correlation is not defined where all predictions or targets are equal")
    if any(measure.startswith("recall@") for measure in measures):
        reasons.append(
            f"a recall means nothing where more than half of the {test_size:,} there are would be "
            "picked, or where it was not declared whether low or high is best"
        )
    if any(measure in ("mae", "rmse") for measure in measures):
        reasons.append("an error is not defined where a prediction or target is missing")
    return f"n/a: {'; '.join(reasons)}." if reasons else ""


def rejections(rejected: int) -> str:
    """Whether rows were left out."""
    if rejected == 0:
        return "No row was rejected."
    verb = "was" if rejected == 1 else "were"
    return f"{count(rejected, 'row')} {verb} rejected and left out, for the reasons below."


def _amount(number: str) -> str:
    return number.replace("%", "\u00a0%")
