"""What is predicted: a target declares its name, its unit and its kind."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final, Literal

from xtalgraph.conventions.errors import TargetError
from xtalgraph.conventions.tensors import SCALAR, TensorType
from xtalgraph.graphs.graph import Scope

PER_CELL: Final = re.compile(
    r"(?:/|per)\s*\(?\s*(?:unit|super|simulation)?[\s_-]*cell\b", re.IGNORECASE
)
"""Where a unit says that it is one of the whole cell."""


class Kind(StrEnum):
    """How a property behaves when the cell is doubled."""

    EXTENSIVE = "extensive"
    """A total of the cell: doubles. A formation energy in eV per cell."""
    INTENSIVE = "intensive"
    """Stays. A band gap; an energy per atom."""
    ATOMIC = "atomic"
    """One value for each site. A charge, a magnetic moment."""


class Task(StrEnum):
    """Whether a property is a number or one of two classes."""

    REGRESSION = "regression"
    """A number with a unit."""
    CLASSIFICATION = "classification"
    """One of two classes, 0 and 1; what is predicted is the probability of class 1."""


@dataclass(frozen=True)
class Derivative:
    """Of what a target is the derivative: it is computed, and not learned by a head of its own.

    Args:
        of: The name of the energy.
        by: ``position``: the force on each atom, −∂E/∂r; ``strain``: the stress, ∂E/∂ε over the
            volume, positive in tension.

    Raises:
        TargetError: If it is neither.
    """

    of: str
    by: Literal["position", "strain"]

    def __post_init__(self) -> None:
        if self.by not in ("position", "strain"):
            raise TargetError(f"a derivative must be by 'position' or 'strain', got {self.by!r}")


_OF_DERIVATIVES: Final = {
    "position": (Kind.ATOMIC, TensorType(1)),
    "strain": (Kind.INTENSIVE, TensorType(2, "ij=ji")),
}
"""What kind of target and which tensor a derivative is."""


@dataclass(frozen=True)
class Target:
    """The declaration that travels with a model to every number that is printed.

    Args:
        name: The column it came from.
        kind: Extensive, intensive or atomic.
        unit: As it is to be printed; empty where there is none. Never guessed.
        best: Which end a search would want, ``low`` or ``high``; None where neither, as for
            classes and tensors, whatever is given.
        task: Regression or classification.
        classes: The labels of class 0 and of class 1, where they are not 0 and 1 or false and true.
        tensor: How a value turns with the crystal, and how many numbers it has.
        derivative: Of what it is the derivative, if it is one.

    Raises:
        TargetError: If the parts of the declaration contradict each other.
    """

    name: str
    kind: Kind
    unit: str = ""
    best: Literal["low", "high"] | None = "low"
    task: Task = Task.REGRESSION
    classes: tuple[str, str] | None = None
    tensor: TensorType = SCALAR
    derivative: Derivative | None = None

    def __post_init__(self) -> None:
        if self.best not in ("low", "high", None):
            raise TargetError(f"best must be 'low' or 'high', got {self.best!r}")
        if self.is_tensor:
            object.__setattr__(self, "best", None)
        if self.tensor.rank and self.tensor.copies > 1:
            raise TargetError(f"{self.name!r} must be one tensor, got {self.tensor.copies}")
        if self.is_class:
            self._check_class()
            object.__setattr__(self, "best", None)
        elif self.classes is not None:
            raise TargetError(
                f"classes {', '.join(self.classes)} were named for {self.name!r}, which is a "
                "number: say task classification"
            )
        if self.derivative is not None:
            kind, tensor = _OF_DERIVATIVES[self.derivative.by]
            if (self.kind, self.tensor) != (kind, tensor) or self.is_class:
                raise TargetError(
                    f"{self.name!r} is declared the derivative of {self.derivative.of!r} by "
                    f"{self.derivative.by}, which is {kind} and a tensor of rank {tensor.rank}: "
                    f"got {self.kind} and {self.tensor}"
                )

    @classmethod
    def derived(cls, name: str, unit: str, derivative: Derivative) -> "Target":
        """Return the derivative of an energy, of the kind and the tensor that it must have."""
        kind, tensor = _OF_DERIVATIVES[derivative.by]
        return cls(name, kind, unit, None, tensor=tensor, derivative=derivative)

    def _check_class(self) -> None:
        if self.kind is Kind.EXTENSIVE:
            raise TargetError(
                f"{self.name!r} is declared extensive, but a class does not add up over atoms, nor "
                "does it double with the cell: declare it intensive, or atomic for one class of "
                "each site"
            )
        if self.tensor.rank:
            raise TargetError(
                f"{self.name!r} is declared a class and a tensor of rank {self.tensor.rank}: a "
                "class does not turn with the crystal"
            )
        if self.unit:
            raise TargetError(f"a class has no unit, got {self.unit!r} for {self.name!r}")
        if self.classes is not None and len(set(self.classes)) != 2:
            raise TargetError(f"there must be two different classes, got {self.classes}")

    @property
    def unit_per_atom(self) -> str:
        """Unit of the target over the number of atoms, ``eV/atom`` of ``eV/cell`` or ``eV``."""
        match = PER_CELL.search(self.unit)
        if match:
            return f"{self.unit[: match.start()].strip()}/atom{self.unit[match.end() :]}"
        plain = self.unit and not re.search(r"[/\s]|per", self.unit)
        return f"{self.unit}/atom" if plain else f"{self.unit} per atom".strip()

    @property
    def scope(self) -> Scope:
        """To what a value belongs: to an atom, or to a crystal."""
        return Scope.ATOM if self.kind is Kind.ATOMIC else Scope.CRYSTAL

    @property
    def is_tensor(self) -> bool:
        """Whether it turns with the crystal and is learned by itself, as a derivative is not."""
        return self.tensor.rank > 0 and self.derivative is None

    @property
    def is_one_number(self) -> bool:
        """Whether there is one number for each crystal."""
        return self.scope is Scope.CRYSTAL and self.tensor.is_scalar

    @property
    def described(self) -> str:
        """What it is, for a message: ``intensive v in eV, a list of 3 numbers``."""
        unit = f" in {self.unit}" if self.unit else ""
        numbers = f", a list of {self.tensor.copies} numbers" if self.tensor.copies > 1 else ""
        tensor = f", a tensor of rank {self.tensor.rank}" if self.is_tensor else ""
        return f"{self.kind} {self.name}{unit}{numbers}{tensor}"

    @property
    def raw_unit(self) -> str:
        """Unit of what a model returns before it becomes a prediction: of a class log-odds."""
        return "log-odds" if self.is_class else self.unit

    @property
    def why_no_number(self) -> str:
        """Why it is not one number for each crystal; empty if it is."""
        if self.is_class:
            return f"{self.name!r} is a class"
        if self.scope is Scope.ATOM:
            return f"{self.name!r} has one for each site"
        if self.is_tensor:
            return f"{self.name!r} is a tensor"
        return "" if self.tensor.is_scalar else f"{self.name!r} has several"

    @property
    def why_no_interval(self) -> str:
        """Why its predictions cannot have an interval; empty if they can."""
        if self.is_class:
            return f"{self.name!r} is a class"
        if self.scope is Scope.ATOM:
            return f"{self.name!r} is of sites, whose errors depend on those of their crystal"
        if self.tensor.rank and not self.is_tensor:
            return f"{self.name!r} is a derivative, and its energy has none"
        return ""

    @property
    def why_no_variance(self) -> str:
        """Why no variance of its errors can be learned; empty if it can."""
        if self.is_tensor:
            return (
                f"{self.name!r} is a tensor, of which no variance is learned: the members of a run "
                "give a standard deviation. Take another training.loss than gaussian"
            )
        if self.is_class:
            return (
                f"{self.name!r} is a class, whose probability says how sure it is: it has no "
                "variance to learn. Take another training.loss than gaussian, or learn it in a run "
                "of its own"
            )
        return ""

    def shape(self, num_atoms: int) -> tuple[int, ...]:
        """Return the shape of the values of one crystal: rows, then that of the tensor."""
        return (num_atoms if self.scope is Scope.ATOM else 1, *self.tensor.shape)

    @property
    def is_class(self) -> bool:
        """Whether it is one of two classes."""
        return self.task is Task.CLASSIFICATION

    def as_dict(self) -> dict[str, Any]:
        """Return the declaration as plain values.

        What only some targets have is left out where a target has it not, so that an older
        xtalgraph reads the files of those that it knows.
        """
        plain = {"name": self.name, "kind": str(self.kind), "unit": self.unit, "best": self.best}
        usual = {field.name: field.default for field in fields(self)}
        further = {key: getattr(self, key) for key in _FURTHER if getattr(self, key) != usual[key]}
        return plain | {key: _FURTHER[key][0](value) for key, value in further.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Target":
        """Make a declaration from what `as_dict` returned; a `TargetError` if it cannot be."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise TargetError(
                f"a target has no {', '.join(sorted(unknown))}: it may have been declared by a "
                "newer xtalgraph"
            )
        given = {**values, "kind": kind_named(values["kind"])}
        given |= {key: make(given[key]) for key, (_, make) in _FURTHER.items() if key in given}
        return cls(**given)


_FURTHER: Final[Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]]] = {
    "task": (str, Task),
    "classes": (list, tuple),
    "tensor": (asdict, lambda values: TensorType(**values)),
    "derivative": (asdict, lambda values: Derivative(**values)),
}
"""What only some targets have: as a plain value, and back."""


def first_atomic(targets: Sequence[Target]) -> Target | None:
    """Return the first target that has values for atoms, None where there is none."""
    return next((target for target in targets if target.scope is Scope.ATOM), None)


def why_not_ordered(cells: object, targets: Sequence[Target]) -> str:
    """Return why a crystal that was ordered has no value of some targets; empty where it has.

    Args:
        cells: How many cells of its file the ordered crystal holds; None if it was not ordered.
        targets: What is predicted.
    """
    larger = isinstance(cells, int | float) and cells > 1
    extensive = [target.name for target in targets if target.kind is Kind.EXTENSIVE]
    if not larger or not extensive:
        return ""
    return (
        f"the ordering has {cells:g} times the cell of the file, for which the total "
        f"{', '.join(map(repr, extensive))} is meant: predict it for each atom, declared "
        "intensive, or take --disorder mix"
    )


def kind_named(name: str) -> Kind:
    """Return the kind of a name; a `TargetError` if it is not extensive, intensive or atomic."""
    if name not in set(Kind):
        raise TargetError(
            f"kind must be one of {', '.join(Kind)}, got {name!r}: extensive is a total of the "
            "cell (eV/cell), intensive does not grow with the cell (eV/atom, a band gap), atomic "
            "is one value for each site"
        )
    return Kind(name)
