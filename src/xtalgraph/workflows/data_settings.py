"""The section ``data`` of a configuration: what is learned from, and how it is divided."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from xtalgraph.conventions.choices import OnError
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Fraction, Range, check_ranges
from xtalgraph.conventions.tensors import SCALAR, TensorType
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.data.conditions import Conditions
from xtalgraph.data.division import Division, parse_division
from xtalgraph.data.splits import check_fractions
from xtalgraph.data.targets import Target, Task, kind_named

_KIND = Literal["extensive", "intensive", "atomic"]
_TASK = Literal["regression", "classification"]
_END = Literal["low", "high"]
VectorSize = Annotated[int, Range(1, 10_000)]
"""How many numbers a row has."""
FoldNumber = Annotated[int, Range(0, 1_000_000)]
"""A fold, counted from 0."""
FoldCount = Annotated[int, Range(2, 1_000_000)]
"""How many folds are drawn."""
_OF_TARGETS: Final = ("kind", "unit", "best", "task", "size")


@dataclass(frozen=True)
class DataConfig:
    """What is learned from, and how it is divided."""

    path: str
    """File, folder or table; or the name of a data set of the catalogue: the argument DATA."""
    target: Annotated[list[str] | str, Spelled("COL")]
    """Column to predict; repeat for several. With several, what follows is given once for all of
    them or once for each."""
    kind: list[_KIND] | _KIND = "intensive"
    """When the cell is doubled, the target is doubled (extensive), the same (intensive), or one
    value for each atom (atomic). A total energy is extensive, an energy per atom or a band gap
    intensive, a magnetic moment of each site atomic."""
    task: list[_TASK] | _TASK = "regression"
    """A number, or one of two classes."""
    classes: list[str] | None = None
    """The labels of class 0 and of class 1; without them 0 and 1 or false and true."""
    size: list[VectorSize | None] | VectorSize | None = None
    """How many numbers each row has, where the column holds lists; null: one number, no list."""
    unit: Annotated[list[str] | str, Spelled("UNIT")] = ""
    """Unit of the target, as it is to be printed."""
    best: list[_END] | _END = "low"
    """Best end of the target, for top-k recall."""
    conditions: list[str] | str | None = None
    """Columns of numbers that are conditions of a crystal, such as its temperature, for a model
    that reads them; null for none."""
    fidelity: str | None = None
    """Column that names the method by which the label was found, for a model that reads it."""
    fidelities: list[str] | None = None
    """The methods that it may name."""
    split: Annotated[str, Spelled("SPLIT")] = "random"
    """random, folds, formula, chemsys, prototype, group:COL, element:O, anion:N, family:nitride,
    target:high, time:COL or column:COL. See docs/splits.md."""
    fold: Annotated[FoldNumber | None, Spelled("K")] = None
    """The test fold, counted from 0."""
    folds: FoldCount | None = None
    """How many folds are drawn. null takes those of the data: a column ``fold``, or the official
    ones of Matbench."""
    inner_fold: FoldNumber | None = None
    """The inner fold that validates, in nested cross-validation."""
    inner_folds: FoldCount | None = None
    """How many inner folds are drawn from what is not in the test."""
    val_fraction: Fraction = 0.1
    """Part of all that chooses the epoch; of what is not in the test where that is given."""
    test_fraction: Fraction = 0.1
    """Part of all crystals in the test, where it is not given by the split."""
    calibration_fraction: Fraction = 0.0
    """Part of the training part that is set aside to calibrate intervals; 0 for no intervals,
    ``--intervals`` for 0.1."""
    disorder: Disorder = "refuse"
    """Crystals with mixed or partly empty sites. ``refuse`` them, ``mix`` the species of a site by
    occupancy, or take the most probable ordering (``order``), see docs/disorder.md."""
    on_error: OnError = "raise"
    """Rows that cannot be used: stop, or leave them out."""
    store: bool = True
    """Keep the graphs in the cache, and take them from there the next time."""
    workers: Annotated[int, Range(1, 1024)] | None = None
    """Processes that build the graphs; null takes one for every 8,000 crystals, up to the cores."""
    memory_gb: Annotated[float, Range(0, 1_000_000, "GB")] = 4.0
    """Graphs of up to this size are held in memory, larger ones are read batch by batch, GB."""

    def __post_init__(self) -> None:
        check_ranges(self, "data")
        if self.classes is not None and len(self.classes) != 2:
            raise ConfigError(
                "data.classes must name class 0 and then class 1, as in "
                f"data.classes=[insulator, metal], got {self.classes}"
            )
        division = parse_division(self.split)
        if self.fold is not None and not division.has_folds:
            raise ConfigError(
                "data.fold goes with a split that has folds, such as 'folds' or 'formula', got "
                f"split {self.split!r} and fold {self.fold}"
            )
        if self.target == []:
            raise ConfigError("data.target must name at least one column, got an empty list")
        if self.fold is None and (division.kind == "folds" or self.folds is not None):
            raise ConfigError(
                f"data.fold is missing: say which fold is the test, --fold K, for split "
                f"{self.split!r}"
            )
        if self.fold is not None and self.folds is None and division.kind != "folds":
            raise ConfigError(
                f"data.folds is missing: say how many folds are drawn, --folds K, for split "
                f"{self.split!r}"
            )
        if (self.inner_fold is None) != (self.inner_folds is None) or (
            self.inner_fold is not None and self.fold is None
        ):
            raise ConfigError(
                "data.inner_fold, data.inner_folds and data.fold go together, got "
                f"{self.inner_fold}, {self.inner_folds} and {self.fold}"
            )
        self._check_parts(division)

    def _check_parts(self, division: Division) -> None:
        """Refuse folds that are not there, and fractions that leave nothing to train on."""
        for name, fold, folds in (
            ("fold", self.fold, self.folds),
            ("inner_fold", self.inner_fold, self.inner_folds),
        ):
            if fold is not None and folds is not None and fold >= folds:
                raise ConfigError(
                    f"data.{name} must be at least 0 and less than data.{name}s, {folds}, got "
                    f"{fold}"
                )
        if self.fold is None and (
            division.has_folds or division.kind in ("random", "time", "target")
        ):
            check_fractions(self.val_fraction, self.test_fraction)

    def declared(self) -> tuple[Target, ...]:
        """Return the declarations of the targets.

        Raises:
            ConfigError: If a list is not as long as that of the targets.
            TargetError: If the parts of a declaration contradict each other.
        """
        names = self.target if isinstance(self.target, list) else [self.target]
        columns = [self._for_each(key, names) for key in _OF_TARGETS]
        targets: list[Target] = []
        for name, kind, unit, best, word, size in zip(names, *columns, strict=True):
            task = Task(word)
            is_class = task is Task.CLASSIFICATION
            classes = (self.classes[0], self.classes[1]) if self.classes and is_class else None
            tensor = SCALAR if size is None else TensorType(copies=size)
            targets.append(Target(name, kind_named(kind), unit, best, task, classes, tensor))
        if self.classes is not None and not any(target.is_class for target in targets):
            raise ConfigError(
                f"data.classes names {', '.join(self.classes)}, but no target is a class: say "
                "--task classification"
            )
        return tuple(targets)

    def declared_conditions(self) -> Conditions:
        """Return which columns are conditions of a crystal.

        Raises:
            ConfigError: If a column is named twice, or of ``fidelity`` and ``fidelities`` one is
                missing.
        """
        given = self.conditions
        columns = [given] if isinstance(given, str) else given or []
        return Conditions(tuple(columns), self.fidelity or "", tuple(self.fidelities or ()))

    def _for_each(self, key: str, names: list[str]) -> list[Any]:
        given = getattr(self, key)
        if not isinstance(given, list):
            return [given] * len(names)
        if len(given) != len(names):
            raise ConfigError(
                f"data.{key} must be one value for all of {', '.join(names)}, or {len(names)} "
                f"values in their order, got {given}"
            )
        return given
