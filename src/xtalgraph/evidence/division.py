"""The part of the report that says how the data was divided, and what the parts share."""

from typing import Final

from xtalgraph.evidence.markup import Content, paragraph, section, table
from xtalgraph.evidence.numbers import percent
from xtalgraph.evidence.run_record import RunRecord

_SHARES: Final = {
    "formula": "the reduced formula",
    "prototype": "prototype and elements",
    "structure": "the structure itself",
}
_PARTS: Final = {"test": "test", "val": "validation"}


def division_alarms(record: RunRecord) -> list[str]:
    """What of the division makes the errors look better or worse than they are, in sentences.

    Args:
        record: The run.
    """
    return [_sentence(one["text"]) for one in record.division.get("said", []) if one["alarm"]]


def division_section(record: RunRecord) -> str:
    """The section, empty where the run folder says nothing of its division.

    Args:
        record: The run.
    """
    division = record.division
    shared = division.get("leaks", {}).get("shared", [])
    found = {(leak["part"], leak["shares"]): leak for leak in shared}
    parts = [part for part in _PARTS if (part, "formula") in found]
    rows: list[list[Content]] = []
    for shares, words in _SHARES.items():
        cells = (found[part, shares] for part in parts)
        shown = [f"{leak['rows']:,} ({percent(leak['rows'] / leak['of'])})" for leak in cells]
        rows.append([words, *shown])
    head = ["shared with a training row", *(f"{_PARTS[part]} rows" for part in parts)]
    said = [paragraph(_sentence(one["text"])) for one in division.get("said", [])]
    return section(
        "division",
        "How the data was divided",
        [
            paragraph(_sentence(division["how"]) if division else ""),
            table(head, rows, "numbers") if rows else "",
            *said,
        ],
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
