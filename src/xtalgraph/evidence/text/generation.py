"""The sentences of an assessment of generated crystals."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from xtalgraph.evidence.numbers import count, listing, percent, plain, seconds
from xtalgraph.metrics.bootstrap import FEWEST_PAIRS

_LENGTH: Final = "(V/N)^⅓"
MEASURES: Final[Mapping[str, tuple[str, str, str]]] = {
    "match_rate_1": (
        "match rate, one draw",
        "%",
        "held-out crystals that the first draw for them matches",
    ),
    "match_rate": ("match rate, all draws", "%", "held-out crystals that some draw matches"),
    "rmse_1": ("RMSE, one draw", _LENGTH, "mean distance of the atoms of these matches"),
    "rmse": ("RMSE, best draw", _LENGTH, "the same of the best draw"),
    "metre": (
        "METRe",
        "%",
        "different held-out crystals that some first draw matches, for whichever",
    ),
    "crmse": (
        "cRMSE",
        _LENGTH,
        "mean distance to the best of these; without a match it counts 0.5",
    ),
    "valid": ("valid", "%", "draws without overlapping atoms and with an ordinary density"),
    "neutral": ("neutral", "%", "whose ions can have a total charge of zero, or metals"),
    "unique": ("unique", "%", "of up to five valid draws for a crystal, those that differ"),
    "novel": ("novel", "%", "valid first draws that are no training crystal"),
    "density": ("density", "g/cm³", "Wasserstein distance to the held-out crystals"),
    "volume": ("volume per atom", "Å³", "the same"),
    "elements": ("number of elements", "", "the same; 0, since compositions are given"),
    "energy": ("energy", "eV/atom", "median of the predicted energy above the held-out crystal"),
}
"""Of each measure its name, its unit and what it is."""


def factor_of(key: str) -> float:
    """Return by what a measure is multiplied where it is shown: 100 for shares."""
    return 100.0 if MEASURES[key][1] == "%" else 1.0


def headline(document: Mapping[str, Any]) -> str:
    """Say how many held-out crystals the model and the baselines draw."""
    model, *others = document["sources"]
    beside = listing(
        [f"{other['name']} {percent(other['match_rate_1']['value'])}" for other in others]
    )
    return (
        f"{percent(model['match_rate_1']['value'])} of {document['held_out']:,} held-out crystals "
        f"matched by one draw of the model ({beside})"
    )


def lead(document: Mapping[str, Any]) -> str:
    """Say what was drawn, and how long it took."""
    times = [
        f"{source['name']} up to {count(source['draws'], 'draw')} in {seconds(source['seconds'])}"
        for source in document["sources"]
    ]
    return (
        f"Crystals with the atoms of {document['held_out']:,} held-out crystals, of which "
        f"{document['different']:,} differ: for each {listing(times)} for all. A match is one of "
        "pymatgen's StructureMatcher with ltol 0.3, stol 0.5 and 10°, at equal volume."
    )


def warnings(document: Mapping[str, Any]) -> Sequence[str]:
    """Say which baselines the model is not significantly better than, and other limits."""
    model = document["sources"][0]
    few = document["held_out"] < FEWEST_PAIRS
    sentences = []
    for name, compared in document["compared"].items():
        if compared["low"] is not None and (few or compared["low"] <= 0):
            points, low, high = (
                plain(100 * compared[key], 2) for key in ("difference", "low", "high")
            )
            worse = not few and compared["high"] < 0
            sentences.append(
                f"The model is {'' if worse else 'not '}significantly "
                f"{'worse' if worse else 'better'} than the baseline {name}: {points} "
                f"points of the match rate of one draw (95 % interval {low} to {high})."
            )
    shared = document["shared_compositions"]
    if shared:
        sentences.append(
            f"{shared:,} held-out crystals have the composition of a training crystal, so some may "
            "have been seen in another form."
        )
    if model["valid"]["value"] < 0.9:
        sentences.append(
            f"{percent(1 - model['valid']['value'])} of the draws have overlapping atoms or an "
            "extraordinary density."
        )
    return sentences
