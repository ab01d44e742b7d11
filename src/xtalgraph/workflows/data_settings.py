"""The section ``data`` of a configuration: what is learned from, and how it is divided."""

from dataclasses import dataclass
from typing import Annotated, Literal

from xtalgraph.conventions.choices import OnError
from xtalgraph.conventions.declarations import Spelled
from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Fraction, Range, check_ranges
from xtalgraph.crystals.disorder import Disorder

_KIND = Literal["extensive", "intensive", "atomic"]
_TASK = Literal["regression", "classification"]
_END = Literal["low", "high"]
VectorSize = Annotated[int, Range(1, 10_000)]
"""How many numbers a row has."""
FoldNumber = Annotated[int, Range(0, 1_000_000)]
"""A fold, counted from 0."""
FoldCount = Annotated[int, Range(2, 1_000_000)]
"""How many folds are drawn."""


@dataclass(frozen=True)
class DataConfig:
    """What is learned from, and how it is divided."""

    path: str
    """File, folder or table; or the name of a data set of the catalogue: the argument DATA."""
    target: Annotated[list[str] | str, Spelled("COL")]
    """Column to predict; repeat for several. With several, what follows is given once for all of
    them or once for each."""
    kind: list[_KIND] | _KIND = "intensive"
    """Proportional to the cell, independent of it, or one for each atom. A total energy is
    extensive, an energy per atom or a band gap intensive, a magnetic moment of each site atomic."""
    task: list[_TASK] | _TASK = "regression"
    """A number, or one of two classes."""
    classes: list[str] | None = None
    """The labels of class 0 and of class 1; without them 0 and 1 or false and true."""
    size: list[VectorSize | None] | VectorSize | None = None
    """How many numbers each row has, where the column holds lists; null: one number, no list."""
    tensor: Annotated[list[str] | str | None, Spelled("NAME")] = None
    """Kind of tensor, such as dielectric, elastic. Of several targets COL=NAME declares one. See
    docs/tensors.md for all names, and how labels are read."""
    unit: Annotated[list[str] | str, Spelled("UNIT")] = ""
    """Unit of the target, for tables and figures."""
    energy_key: Annotated[str | None, Spelled("COL")] = None
    """Column of the energies of a potential."""
    forces_key: Annotated[str | None, Spelled("COL")] = None
    """Column of the forces."""
    stress_key: Annotated[str | None, Spelled("COL")] = None
    """Column of the stress or virial."""
    pulay_stress: dict[str, float] | None = None
    """Virial of each element that stresses have too much, eV/atom, as in ``{Cu: 0.19}``: it is
    subtracted over the volume. See docs/potentials.md."""
    best: list[_END] | _END = "low"
    """Best end of the target, for top-k recall."""
    conditions: list[str] | str | None = None
    """Columns of numbers that are conditions of a crystal, such as its temperature, for a model
    that reads them; null for none."""
    fidelity: str | None = None
    """Column that names the method of each label, for a model that reads it."""
    fidelities: list[str] | None = None
    """The methods that this column may name."""
    delta: Annotated[str | None, Spelled("COL")] = None
    """Column with another calculation of the target, of an extensive target for each atom: the
    model learns the difference. See docs/delta-learning.md."""
    delta_members: Literal["all", "half"] = "all"
    """Which members learn the difference; of ``half`` every second, and the last of several, learn
    the target itself."""
    split: Annotated[str, Spelled("SPLIT")] = "random"
    """random, folds, formula, chemsys, prototype, structure, group:COL, element:O, anion:N,
    family:nitride, target:high, time:COL or column:COL. See docs/splits.md."""
    fold: Annotated[FoldNumber | None, Spelled("K")] = None
    """The test fold, counted from 0."""
    folds: FoldCount | None = None
    """Number of folds to draw. null takes those of the data: a column ``fold``, or the official
    ones of Matbench."""
    inner_fold: FoldNumber | None = None
    """The inner fold that validates, in nested cross-validation."""
    inner_folds: FoldCount | None = None
    """Number of inner folds to draw from the rows outside the test part."""
    val_fraction: Fraction = 0.1
    """Validation part, as a fraction of all rows; of the rows outside the test part where the split
    gives that."""
    test_fraction: Fraction = 0.1
    """Test part, as a fraction of all rows, where the split does not give it."""
    calibration_fraction: Fraction = 0.0
    """Part of the training part that is set aside to calibrate intervals; 0 for no intervals,
    ``--intervals`` for 0.1."""
    disorder: Disorder = "refuse"
    """Crystals with mixed or partly empty sites. ``refuse`` them, ``mix`` the species of a site by
    occupancy, or take the most probable ordering (``order``), see docs/disorder.md."""
    on_error: OnError = "raise"
    """Rows that cannot be used: stop (raise), or leave them out (skip)."""
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
        unknown = [name for name in self.pulay_stress or {} if name not in ATOMIC_NUMBERS]
        if unknown:
            raise ConfigError(f"data.pulay_stress: {unknown[0]!r} is no element")
        self._check_division()

    def _check_division(self) -> None:
        """Refuse folds without a split that has them, and a split that needs folds without them."""
        from xtalgraph.data.division import parse_division

        division = parse_division(self.split)
        if self.fold is not None and not division.has_folds:
            raise ConfigError(
                "data.fold goes with a split that has folds, such as 'folds' or 'formula', got "
                f"split {self.split!r} and fold {self.fold}"
            )
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
        drawn = division.has_folds or division.kind in ("random", "time", "target")
        self._check_parts(self.fold is None and drawn)

    def _check_parts(self, by_fraction: bool) -> None:
        """Refuse folds that are not there, and fractions that leave nothing to train on."""
        from xtalgraph.data.splits import check_fractions

        for name, fold, folds in (
            ("fold", self.fold, self.folds),
            ("inner_fold", self.inner_fold, self.inner_folds),
        ):
            if fold is not None and folds is not None and fold >= folds:
                raise ConfigError(
                    f"data.{name} must be at least 0 and less than data.{name}s, {folds}, got "
                    f"{fold}"
                )
        if by_fraction:
            check_fractions(self.val_fraction, self.test_fraction)
