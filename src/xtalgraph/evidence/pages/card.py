"""The record of a run as a Markdown page that people and search tools read."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xtalgraph.conventions.files import write_atomically

MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~$])")


def write_card(run: Path, record: Mapping[str, Any]) -> Path:
    """Write ``card.md``: a heading per section, a table of its fields beneath.

    Args:
        run: The run folder.
        record: Sections, each a mapping of field to value; a value outside a section becomes a
            row of a first table without heading. What stands in it is escaped.
    """
    path = run / "card.md"
    write_atomically(path, render_card(record))
    return path


def render_card(record: Mapping[str, Any]) -> str:
    """The card's text."""
    parts = ["# Record of this run"]
    for section, fields in sections(record):
        if section:
            parts.append(f"## {escape_markdown(section)}")
        rows = [f"| {escape_markdown(what)} | {escape_markdown(value)} |" for what, value in fields]
        parts.append("\n".join(["| what | value |", "| --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"


def sections(record: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The record as sections with fields in words; deeper mappings become dotted fields.

    Args:
        record: As in :func:`write_card`.

    Returns:
        Pairs of section and its fields; values outside a section come first under an empty name.
    """
    nested = {key: value for key, value in record.items() if isinstance(value, Mapping)}
    loose = [(key, in_words(value)) for key, value in record.items() if key not in nested]
    listed = [("", loose)] if loose else []
    return [*listed, *((key, _flat(fields)) for key, fields in nested.items())]


def in_words(value: Any) -> str:
    """A value of JSON as a person writes it: ``yes``, ``none``, ``0.001``, ``a, b, c``."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return ", ".join(in_words(item) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def escape_markdown(text: str) -> str:
    """Text in which no character means anything to Markdown or HTML, on one line."""
    return MARKDOWN.sub(r"\\\1", " ".join(text.split())).replace("&", "&amp;")


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            fields += _flat(value, f"{prefix}{key}.")
        else:
            fields.append((f"{prefix}{key}", in_words(value)))
    return fields
