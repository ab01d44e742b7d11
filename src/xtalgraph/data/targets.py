"""What is predicted: a target declares its name, its unit and its kind."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from xtalgraph.conventions.errors import TargetError


class Kind(StrEnum):
    """How a property behaves when the cell is doubled."""

    EXTENSIVE = "extensive"
    """A total of the cell: doubles. A formation energy in eV per cell."""
    INTENSIVE = "intensive"
    """Stays. A band gap; an energy per atom."""
    ATOMIC = "atomic"
    """One value for each site. A charge, a magnetic moment."""


@dataclass(frozen=True)
class Target:
    """The declaration that travels with a model to every number that is printed.

    Args:
        name: The column it came from.
        kind: Extensive, intensive or atomic.
        unit: As it is to be printed; empty where there is none. Never guessed.
        best: Which end a search would want, ``low`` or ``high``; None where neither.
    """

    name: str
    kind: Kind
    unit: str = ""
    best: Literal["low", "high"] | None = "low"

    def __post_init__(self) -> None:
        if self.best not in ("low", "high", None):
            raise TargetError(f"best must be 'low' or 'high', got {self.best!r}")

    def as_dict(self) -> dict[str, Any]:
        """Return the declaration as plain values."""
        return {"name": self.name, "kind": str(self.kind), "unit": self.unit, "best": self.best}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Target":
        """Make a declaration from what `as_dict` returned."""
        return cls(**{**values, "kind": kind_named(values["kind"])})


def kind_named(name: str) -> Kind:
    """Return the kind of a name.

    Args:
        name: extensive, intensive or atomic.

    Raises:
        TargetError: If it is none of them.
    """
    if name not in set(Kind):
        raise TargetError(
            f"kind must be one of {', '.join(Kind)}, got {name!r}: extensive is a total of the "
            "cell (eV/cell), intensive does not grow with the cell (eV/atom, a band gap), atomic "
            "is one value for each site"
        )
    return Kind(name)
