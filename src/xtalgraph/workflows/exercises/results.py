"""What an exercise found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtalgraph.conventions.documents import write_json
from xtalgraph.conventions.files import make_folder


@dataclass(frozen=True, eq=False)
class DiagnosticResults:
    """What an exercise found, in words and in numbers."""

    text: str
    """For the terminal."""
    document: Mapping[str, Any]
    """The numbers, as in ``exercise-N.json``."""
    pages: Sequence[Path] = ()
    """Pages to look at."""


def write_results(number: int, out: Path, results: DiagnosticResults) -> DiagnosticResults:
    """Write ``exercise-N.json``.

    Args:
        number: Of the exercise.
        out: Folder.
        results: What was found.

    Returns:
        The same.
    """
    make_folder(out)
    write_json(out / f"exercise-{number}.json", results.document)
    return results
