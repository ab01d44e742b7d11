"""How good standard deviations, intervals and novelty are, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xtalgraph.evidence.numbers import count, percent, plain, with_unit
from xtalgraph.evidence.text.sentence import Sentence

_FEW: Final = 10
"""With fewer test rows than this nothing is reported of the standard deviation."""
_FEW_CRYSTALS: Final = 20
"""With fewer test crystals, or fewer flags than a quarter of it, novelty is not reported."""


def about_copies(copies: Sequence[Sequence[int]]) -> str:
    """Say that members of an ensemble are copies, and what that does."""
    pairs = ", ".join(f"{second + 1} of {first + 1}" for first, second in copies)
    return (
        f"Some members are copies of others: {pairs}. Their predictions are equal, so the ensemble "
        "standard deviation is too small. Train them again."
    )


def about_uncertainty(facts: Mapping[str, Any], unit: str) -> list[Sentence]:
    """Say how good the standard deviations and intervals of a target are."""
    sentences = []
    if facts.get("copies"):
        sentences.append(Sentence(about_copies(facts["copies"]), alarm=True))
    if facts.get("std"):
        sentences += _about_std(facts["std"], facts["members"], bool(facts.get("learned")))
    if facts.get("intervals"):
        sentences.append(_about_intervals(facts["intervals"], unit))
    return sentences


def _about_std(facts: Mapping[str, Any], members: int, learned: bool) -> list[Sentence]:
    rank, area, chance = (
        facts[key] for key in ("rank_of_errors", "sparsification_area", "sparsification_chance")
    )
    if rank is None or area is None or facts["rows"] < _FEW:
        return []
    name = "predicted standard deviation" if learned else "ensemble standard deviation"
    of = f" of the {members} members" if members > 1 else ""
    gain = 1 - area / chance if chance else 0.0
    worth = (
        f"Sorting by it removes errors {percent(gain)} as well as sorting by the errors themselves."
        if gain > 0
        else "Sorting by it is no better than a random order."
    )
    correlation = f"The rank correlation of the {name}{of} and the error is {plain(rank, 2)}."
    sentences = [Sentence(f"{correlation} {worth}")]
    ratio = facts["error_over_std"]
    if ratio is not None:
        meaning = (
            "1 would be calibrated"
            if learned
            else "use it to rank predictions, not as the size of the error"
        )
        sentences.append(
            Sentence(
                f"The root mean square error is {plain(ratio, 2)} times the root mean square {name}"
                f": {meaning}."
            )
        )
    return sentences


def _about_intervals(facts: Mapping[str, Any], unit: str) -> Sentence:
    held, expected = facts["coverage"], facts["expected"]
    text = (
        f"{held['count']:,} of {count(held['rows'], 'test target')} "
        f"({percent(held['value'], 3)}; 95\u00a0% interval {_range(held)}) lie within their "
        f"{percent(facts['level'])} prediction intervals, whose mean width is "
        f"{with_unit(plain(facts['sharpness']), unit)}."
    )
    usual = f"{_range(expected)} would be expected"
    if held["value"] < expected["low"]:
        return Sentence(
            f"{text} This is too few, as {usual}: the test part differs from the "
            f"{facts['calibrating']} crystals that calibrated the intervals, which are too narrow.",
            alarm=True,
        )
    if held["value"] > expected["high"]:
        return Sentence(f"{text} This is more than {usual}: the intervals are too wide.")
    return Sentence(f"{text} This is as expected ({_range(expected)}).")


def _range(interval: Mapping[str, Any]) -> str:
    return f"{plain(100 * interval['low'])} to {percent(interval['high'], 3)}"


def about_novelty(facts: Mapping[str, Any]) -> list[Sentence]:
    """Say how new the test crystals are, and whether that finds the failures."""
    rows, flagged = facts.get("rows", 0), facts.get("flagged", 0)
    if rows < _FEW_CRYSTALS:
        return []
    text = f"{flagged:,} of {rows:,} test crystals are unlike the training crystals"
    if min(flagged, rows - flagged) >= _FEW_CRYSTALS // 4 and facts["error_others"]:
        ratio = facts["error_flagged"] / facts["error_others"]
        text += f"; the error on them is {plain(ratio, 2)} times that on the others"
    sentences = [Sentence(f"{text}.")]
    embedding, composition = (facts["auroc"].get(key) for key in ("embedding", "composition"))
    if embedding is not None and composition is not None:
        sentences.append(
            Sentence(
                f"A crystal among the {percent(facts['worst'])} with the largest errors is farther "
                f"from the training part than another crystal with a probability of "
                f"{percent(embedding)} (distance of embeddings) and {percent(composition)} "
                "(distance of compositions). A random ranking would give 50\u00a0%."
            )
        )
    return sentences
