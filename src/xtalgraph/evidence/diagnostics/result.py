"""What a diagnostic found: a number, the threshold it is held against, a verdict and its words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure


class Verdict(StrEnum):
    """How a number is judged."""

    OK = "ok"
    """Within its threshold."""
    ALARM = "alarm"
    """Beyond its threshold: to be looked at before the model is used."""
    SHOWN = "shown"
    """There is no threshold that could be defended; it is for the reader to judge."""
    NOT_APPLICABLE = "not applicable"
    """The question makes no sense here, and the words say why."""


@dataclass(frozen=True)
class Picture:
    """A picture of a finding; the file has this name, as SVG and PNG."""

    name: str
    """File name without suffix."""
    shows: str
    """What is to be seen, for the caption and for readers who do not see."""
    small: bool = False
    """Whether it stands in a row of small ones."""


@dataclass(frozen=True, kw_only=True)
class DiagnosticResult:
    """The answer of one diagnostic, in plain values that go to JSON and back."""

    name: str
    """By which it is asked for."""
    title: str
    """Heading."""
    verdict: Verdict
    """How it is judged."""
    says: str
    """What it means, in sentences."""
    measure: str = ""
    """What the number is."""
    number: float | None = None
    """The number; None where there is none."""
    unit: str = ""
    """Its unit."""
    threshold: float | None = None
    """Where the alarm begins; None where it is not judged."""
    side: str = "from"
    """On which side of it: ``from`` it on, ``above`` it, or ``below``."""
    reason: str = ""
    """Why the threshold is where it is."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Further numbers, and those from which the pictures are drawn."""
    pictures: tuple[Picture, ...] = ()
    """What is drawn."""
    head: tuple[str, ...] = ()
    """Head of a table; empty where there is none."""
    rows: tuple[tuple[str, ...], ...] = ()
    """Its cells."""

    @property
    def limit(self) -> str:
        """The threshold in words, ``below 0.01``; empty where there is none."""
        return "" if self.threshold is None else f"{self.side} {self.threshold:.3g}"

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; what is not a finite number is None."""
        values: dict[str, Any] = _plain(vars(self) | {"pictures": [vars(p) for p in self.pictures]})
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DiagnosticResult":
        """Make a finding from what `as_dict` returned."""
        given = dict(values)
        given["verdict"] = Verdict(given["verdict"])
        given["pictures"] = tuple(Picture(**one) for one in given["pictures"])
        given["head"] = tuple(given["head"])
        given["rows"] = tuple(tuple(row) for row in given["rows"])
        return cls(**given)


class Examined(NamedTuple):
    """A finding with its pictures, before they are files."""

    result: DiagnosticResult
    """What was found."""
    figures: Mapping[str, Figure] = {}
    """By the names of its pictures."""


def not_applicable(name: str, title: str, why: str) -> Examined:
    """Return the finding of a diagnostic that makes no sense here.

    Args:
        name: Of the diagnostic.
        title: Its heading.
        why: The reason, a sentence.
    """
    result = DiagnosticResult(name=name, title=title, verdict=Verdict.NOT_APPLICABLE, says=why)
    return Examined(result)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Verdict):
        return str(value)
    return value
