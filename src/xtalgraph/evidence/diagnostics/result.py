"""What a diagnostic measured: a verdict, the number behind it, and all numbers of its figure."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np

Number: TypeAlias = float | None
"""None where it is not defined, as JSON has it."""


class Verdict(StrEnum):
    """How a number compares with its threshold."""

    OK = "ok"
    """Within its threshold."""
    ALARM = "alarm"
    """Beyond its threshold: to be looked at before the model is used."""
    SHOWN = "shown"
    """No threshold can be justified; the reader decides."""
    NOT_APPLICABLE = "not applicable"
    """It cannot be measured here; the numbers are a `NotApplicable`."""


class Reason(StrEnum):
    """Why a diagnostic cannot be measured."""

    FEW_CRYSTALS = "few crystals"
    FEW_TEST_CRYSTALS = "few test crystals"
    FEW_TRAINING_CRYSTALS = "few training crystals"
    FEW_CHANGED_CRYSTALS = "few changed crystals"
    ONE_COMPOSITION = "one composition"
    ONE_VALUE = "one value"
    SHORT_CUTOFF = "short cutoff"
    NO_PAIR_AT_THE_CUTOFF = "no pair at the cutoff"
    NO_GRAPH = "no graph"
    NO_LAYERS = "no layers"
    EQUAL_ATOMS = "equal atoms"
    NO_FORCES = "no forces"
    ONE_MEMBER = "one member"
    FEW_ATOMS = "few atoms"


@dataclass(frozen=True)
class NotApplicable:
    """The numbers of a diagnostic that cannot be measured."""

    reason: Reason
    available: int | float | None = None
    """How many there are of what is needed, or how large it is."""
    needed: int | float | None = None
    """How many are needed."""


@dataclass(frozen=True)
class Quantity:
    """What is compared: the target, of an extensive one its value per atom."""

    name: str
    """Of the target."""
    unit: str
    """In which values are compared; may be empty."""
    label_unit: str
    """Of the labels as they stand in the file; may be empty."""


@dataclass(frozen=True)
class DiagnosticResult:
    """What one diagnostic measured."""

    name: str
    """By which it is asked for."""
    verdict: Verdict
    """How the number compares with the threshold."""
    numbers: Any
    """A dataclass of plain values: that of the diagnostic, or `NotApplicable`."""
    number: float | None = None
    """The number that is compared; None where there is none."""
    threshold: float | None = None
    """Where the alarm begins; None where there is no verdict."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; what is not a finite number is None."""
        return plain_values({**vars(self), "numbers": asdict(self.numbers)})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], numbers: type[Any]) -> "DiagnosticResult":
        """Make a result from what `as_dict` returned."""
        verdict, given = Verdict(values["verdict"]), dict(values["numbers"])
        if verdict is Verdict.NOT_APPLICABLE:
            numbers, given["reason"] = NotApplicable, Reason(given["reason"])
        return cls(**{**values, "verdict": verdict, "numbers": numbers(**given)})


def not_applicable(
    name: str,
    reason: Reason,
    available: int | float | None = None,
    needed: int | float | None = None,
) -> DiagnosticResult:
    """Return the result of a diagnostic that cannot be measured."""
    return DiagnosticResult(name, Verdict.NOT_APPLICABLE, NotApplicable(reason, available, needed))


def alarm_if(condition: bool | np.bool_) -> Verdict:
    """Return the alarm if the condition holds, and that all is well if not."""
    return Verdict.ALARM if condition else Verdict.OK


def plain_values(value: Any) -> Any:
    """Return what JSON can hold: lists, numbers and texts; None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): plain_values(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return plain_values(value.tolist())
    if isinstance(value, list | tuple):
        return [plain_values(entry) for entry in value]
    if isinstance(value, np.generic):
        return plain_values(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, StrEnum) else value
