"""How the parts of a split were drawn, in words."""

from collections.abc import Callable, Mapping
from typing import Any, Final


def about_drawing(drawn: Mapping[str, Any]) -> str:
    """Say how the parts of a split were drawn, so that they can be drawn again.

    Args:
        drawn: `xtalgraph.data.splits.Split.drawn`; of a run before it was taken apart the words
            themselves under ``kind``.

    >>> about_drawing({"kind": "random", "test": 0.2, "validation": 0.1, "seed": 0})
    'random, 0.2 test, 0.1 validation, seed 0'
    """
    text = _KINDS[drawn["kind"]](drawn) if drawn["kind"] in _KINDS else str(drawn["kind"])
    if "seed" in drawn:
        text += f", seed {drawn['seed']}"
    if "calibration" in drawn:
        groups = _by(drawn, "calibration_groups")
        text += f"; {drawn['calibration']:g} of the training part{groups} calibrates intervals"
    return f"{text}, rows with {drawn['labelled']}" if "labelled" in drawn else text


def _by(drawn: Mapping[str, Any], key: str = "groups") -> str:
    return f" by {drawn[key]}" if drawn.get(key) else ""


def _random(drawn: Mapping[str, Any]) -> str:
    whole = ", groups whole in all parts" if "groups" in drawn else ""
    sizes = f"{drawn['test']:g} test, {drawn['validation']:g} validation"
    return f"random{_by(drawn)}, {sizes}{whole}"


def _fold(drawn: Mapping[str, Any]) -> str:
    made = ""
    if "given" in drawn:
        made = ", as given," if drawn["given"] else f", drawn{_by(drawn)},"
    text = f"fold {drawn['fold']} of {drawn['folds']}{made} for the test"
    if "inner_fold" in drawn:
        inner = f"inner fold {drawn['inner_fold']} of {drawn['inner_folds']}"
        return f"{text}, {inner}{_by(drawn)} for validation"
    return f"{text}, {_of_the_rest(drawn)}"


def _held_out(drawn: Mapping[str, Any]) -> str:
    by, name = drawn["by"], drawn["name"]
    what = f"of the anion family {name}" if by == "family" else f"with the {by} {name}"
    return f"test: all crystals {what}; {_of_the_rest(drawn)}"


def _of_the_rest(drawn: Mapping[str, Any]) -> str:
    return f"{drawn['validation']:g} of the rest{_by(drawn)} validation"


def _extreme(drawn: Mapping[str, Any]) -> str:
    by = drawn["by"]
    if by == "time":
        by += f", column {drawn['column']}"
        by += f", read as {drawn['order']}" if drawn["order"] else ""
    end = {"high": "highest", "low": "lowest"}[drawn["end"]]
    return (
        f"test: {end} {drawn['test']:g} by {by}, validation: the {drawn['validation']:g} next to "
        "it; rows of equal value together"
    )


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "random": _random,
    "fold": _fold,
    "held out": _held_out,
    "extreme": _extreme,
    "column": lambda drawn: f"column {drawn['column']}",
}
