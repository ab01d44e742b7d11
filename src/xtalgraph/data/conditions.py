"""What a model reads of a crystal beside its atoms: columns of a table, and their values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.limits import LARGEST_NUMBER
from xtalgraph.conventions.settings import nearest
from xtalgraph.graphs.graph import Graph

G = TypeVar("G", bound=Graph)


@dataclass(frozen=True, eq=False)
class ConditionValues:
    """The conditions of some crystals, in their order."""

    numbers: Float[Tensor, "crystals numbers"]
    """Numbers such as temperature and pressure, in their own units; then that of the column
    ``delta``, if there is one."""
    fidelity: Int[Tensor, " crystals"]
    """Of the method by which the label was found; −1 where it is not known."""

    def __len__(self) -> int:
        return len(self.fidelity)

    def select(
        self, crystals: Int[Tensor, " chosen"] | Int[np.ndarray, " chosen"]
    ) -> "ConditionValues":
        """Return those of some of the crystals, in the given order."""
        chosen = torch.as_tensor(crystals, dtype=torch.long)
        return ConditionValues(self.numbers[chosen], self.fidelity[chosen])

    def attach(self, graph: G) -> G:
        """Return the graph of the same crystals with their conditions."""
        return graph.replace(conditions=self.numbers, fidelity=self.fidelity)

    def to_bytes(self) -> bytes:
        """Return all of it, little-endian."""
        return self.numbers.numpy().astype("<f8").tobytes() + self.fidelity.numpy().tobytes()


@dataclass(frozen=True)
class Conditions:
    """Columns that a model reads as conditions of a crystal, and passes to what it predicts.

    Args:
        numbers: Columns of numbers, such as temperature or pressure.
        fidelity: Column that names the method by which the label of a row was found; '' for none.
        fidelities: The names that it may hold.
        delta: Column with another calculation of the target, of which the model learns the
            difference; '' for none. No encoder reads it.

    Raises:
        ConfigError: If a column is named twice, or of ``fidelity`` and ``fidelities`` one is
            missing.

    >>> hot = Conditions(("temperature",), "method", ("PBE", "HSE"))
    >>> hot.values_of([{"temperature": 300, "method": "HSE"}]).fidelity
    tensor([1])
    >>> hot.problem({"method": "HSE"})
    "there is no 'temperature', which the model reads as a condition"
    """

    numbers: tuple[str, ...] = ()
    fidelity: str = ""
    fidelities: tuple[str, ...] = ()
    delta: str = ""

    def __post_init__(self) -> None:
        if len(set(self.columns)) < len(self.columns):
            listed = ", ".join(self.columns)
            raise ConfigError(
                "each column of data.conditions, data.fidelity and data.delta may be named once, "
                f"got {listed}"
            )
        if bool(self.fidelity) != bool(self.fidelities):
            raise ConfigError(
                "data.fidelity and data.fidelities go together, as in data.fidelity=method and "
                f"data.fidelities=[PBE, HSE], got {self.fidelity!r} and {list(self.fidelities)}"
            )
        if self.fidelities and len(set(self.fidelities)) < max(2, len(self.fidelities)):
            raise ConfigError(
                "data.fidelities must name at least two methods, each once, got "
                f"{list(self.fidelities)}"
            )

    def __bool__(self) -> bool:
        return bool(self.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        return (*self.scalars, self.fidelity) if self.fidelity else self.scalars

    @property
    def scalars(self) -> tuple[str, ...]:
        """The columns of `ConditionValues.numbers`."""
        return (*self.numbers, self.delta) if self.delta else self.numbers

    @property
    def encoded(self) -> tuple[str, ...]:
        """The columns that the encoder reads."""
        return tuple(name for name in self.columns if name != self.delta)

    def problem(self, values: Mapping[Any, Any]) -> str | None:
        """Return why a row has not all conditions; None if it has."""
        for name in self.columns:
            if values.get(name) is None or str(values[name]) in ("", "nan", "<NA>"):
                role = (
                    "the other calculation of the target" if name == self.delta else "a condition"
                )
                return f"there is no {name!r}, which the model reads as {role}"
        for name in self.scalars:
            number = _number(values[name])
            if not math.isfinite(number):
                return f"{name!r} must be a finite number, got {values[name]!r}"
            if abs(number) > LARGEST_NUMBER:
                return f"{name!r} must be at most {LARGEST_NUMBER:g} in size, got {number:g}"
        if self.fidelity:
            fidelity = str(values[self.fidelity])
            if fidelity not in self.fidelities:
                known = nearest(fidelity, self.fidelities)
                return f"{self.fidelity!r} is no method that the model knows: {fidelity!r}{known}"
        return None

    def expect(self, values: ConditionValues | None, crystals: int) -> None:
        """Refuse conditions that are not there, or not those of so many crystals."""
        if self and (values is None or len(values) != crystals):
            raise InputError(
                f"the model reads the conditions {', '.join(self.columns)}: give those of all "
                f"{crystals} crystals, as spec.conditions.values_of(rows) does"
            )

    def values_of(self, rows: Sequence[Mapping[Any, Any]]) -> ConditionValues:
        """Return the conditions of rows, each by column; an `InputError` if one lacks any."""
        for row, values in enumerate(rows):
            problem = self.problem(values)
            if problem is not None:
                raise InputError(f"row {row}: {problem}")
        numbers = [[_number(values[name]) for name in self.scalars] for values in rows]
        fidelity = [
            self.fidelities.index(str(values[self.fidelity])) if self.fidelity else -1
            for values in rows
        ]
        return ConditionValues(
            torch.tensor(numbers, dtype=torch.float64).reshape(len(rows), len(self.scalars)),
            torch.tensor(fidelity, dtype=torch.long),
        )

    def for_features(self, values: ConditionValues | None, crystals: int) -> ConditionValues | None:
        """Return values for a model of which only the features are wanted.

        Args:
            values: What its encoder reads of some crystals, and perhaps more; None for nothing.
            crystals: Number of the crystals.

        Returns:
            The same with 0 in the column ``delta``, which no encoder reads; None where nothing is
            read.
        """
        if not self:
            return None
        values = values or ATOMS_ALONE.values_of([{}] * crystals)
        numbers = values.numbers[:, : len(self.numbers)]
        if self.delta:
            numbers = torch.cat([numbers, numbers.new_zeros(crystals, 1)], dim=1)
        return ConditionValues(numbers, values.fidelity)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "numbers": list(self.numbers),
            "fidelity": self.fidelity,
            "fidelities": list(self.fidelities),
            # Left out where there is none, as older runs have it.
            **({"delta": self.delta} if self.delta else {}),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Conditions":
        """Make what `as_dict` returned."""
        known = tuple(values["numbers"]), values["fidelity"], tuple(values["fidelities"])
        return cls(*known, values.get("delta", ""))


ATOMS_ALONE: Final = Conditions()
"""Nothing is read of a crystal but its atoms."""


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan
