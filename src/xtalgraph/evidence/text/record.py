"""The record of a run in words: its numbers as people read them, and what is true of every run."""

from collections.abc import Mapping
from typing import Any, Final

from xtalgraph.evidence.numbers import percent
from xtalgraph.evidence.text.division import about_drawing

_PARTS: Final = {"test": "test", "val": "validation"}
_CONVENTION: Final = (
    "all images within the cutoff; several edges per pair; edges to own images; vector = "
    "position[neighbor] + image @ cell - position[center]"
)
SELECTION: Final = (
    "the latest epoch whose validation error is larger than the smallest by at most one standard "
    "error of their difference over the validation rows"
)
"""The rule by which a checkpoint is selected, as the card and the documentation have it."""
_RULES: Final = {"one standard error": SELECTION, "last epoch": "the last epoch"}
_WORDS_FOR: Final = {"maximum neighbours": "no limit", "reduction tolerance, Å": "not reduced"}
"""Of settings of the graph, where they are none or zero."""


def record_in_words(
    record: Mapping[str, Any], division: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return ``record.json`` and ``split.json`` as sections of a page; what was in words stays."""
    told = {name: dict(fields) if isinstance(fields, Mapping) else fields
            for name, fields in record.items()}  # fmt: skip
    data, graph = told.get("Data", {}), told.get("Graph", {})
    for key, words in _DATA.items():
        if isinstance(data.get(key), Mapping):
            data[key] = words(data[key])
    if division.get("leaks"):
        data |= _counts(division)
    if "strategy" in graph:
        for key, absent in _WORDS_FOR.items():
            graph[key] = graph.get(key) or absent
        graph["periodic convention"] = _CONVENTION
        graph.setdefault("search algorithm", f"cell list, vesin {record['Versions']['vesin']}")
    if (training := told.get("Training", {})).get("selection") in _RULES:
        training["selection"] = _RULES[training["selection"]]
    return told


def _counts(division: Mapping[str, Any]) -> dict[str, str]:
    """Return what the parts of a split share."""
    fields = {}
    for leak in division["leaks"]["shared"]:
        share = percent(leak["rows"] / leak["of"]) if leak["of"] else "n/a"
        what = f"{_PARTS[leak['part']]} rows that share the {leak['shares']} with training"
        fields[what] = f"{leak['rows']} of {leak['of']} ({share})"
    fields["rows whose crystal is in another row too"] = str(division["leaks"]["repeated"]["rows"])
    order = division.get("order")
    if order is not None and order["correlation"] is not None:
        fields["rank correlation of target and row"] = f"{order['correlation']:.3f}"
    return fields


_DATA: Final = {
    "atoms per crystal": lambda n: f"{n['least']} to {n['most']}, mean {n['mean']:.1f}",
    "split": about_drawing,
    "subtracted from stresses, eV/atom over the volume": lambda virials: (
        f"Pulay stress of {', '.join(f'{name} {value:g}' for name, value in virials.items())}"
    ),
    "elements in training": lambda seen: ", ".join(f"{name} ({n})" for name, n in seen.items()),
}
