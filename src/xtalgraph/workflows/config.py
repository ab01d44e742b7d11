"""The configuration of a run: one schema, from YAML, options and dotted overrides."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Fraction, Range, check_ranges
from xtalgraph.conventions.settings import nearest, settings_from
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.data.conditions import Conditions
from xtalgraph.data.division import Division, parse_division
from xtalgraph.data.splits import check_fractions
from xtalgraph.data.targets import Kind, Target, Task, components_of, kind_named
from xtalgraph.models.registry import DEFAULT
from xtalgraph.models.spec import LARGEST_TOLERANCE, ModelSpec, default_reduction_tolerance
from xtalgraph.training.settings import TrainingConfig

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
SECTIONS: Final[tuple[str, ...]] = ("data", "graph", "model", "training")


@dataclass(frozen=True)
class DataConfig:
    """What is learned from, and how it is divided."""

    path: str
    """File, folder or table; or the name of a data set of the catalogue."""
    target: list[str] | str
    """Column to predict; or a list of them. What follows is then for all, or a list as long."""
    kind: list[_KIND] | _KIND = "intensive"
    """How the target behaves when the cell is doubled."""
    task: list[_TASK] | _TASK = "regression"
    """Whether the target is a number or one of two classes."""
    classes: list[str] | None = None
    """The labels of class 0 and of class 1; without them 0 and 1 or false and true."""
    size: list[VectorSize | None] | VectorSize | None = None
    """How many numbers each row has, where the column holds lists; null: one number, no list."""
    unit: list[str] | str = ""
    """Unit of the target, as it is to be printed."""
    best: list[_END] | _END = "low"
    """Which end of the target counts as best in the recall of the top k."""
    state: list[str] | str | None = None
    """Columns of numbers that a model may read as the state of a crystal, such as its temperature;
    null for none."""
    fidelity: str | None = None
    """Column that names the method by which the label was found, for a model that reads it."""
    fidelities: list[str] | None = None
    """The methods that it may name."""
    split: str = "random"
    """How the crystals are divided, see docs/splits.md: random, folds, formula, element:O."""
    fold: FoldNumber | None = None
    """The test fold."""
    folds: FoldCount | None = None
    """How many folds are drawn; null takes those that the data have."""
    inner_fold: FoldNumber | None = None
    """The inner fold that validates, in nested cross-validation."""
    inner_folds: FoldCount | None = None
    """How many inner folds are drawn from what is not in the test."""
    val_fraction: Fraction = 0.1
    """Part of all that chooses the epoch; of what is not in the test where that is given."""
    test_fraction: Fraction = 0.1
    """Part of all crystals in the test, where it is not given by the split."""
    calibration_fraction: Fraction = 0.0
    """Part of the training part that is set aside to calibrate intervals; 0 for no intervals."""
    disorder: Disorder = "refuse"
    """Crystals whose sites hold several species or are empty in part: ``refuse`` them, ``mix`` the
    species of a site by occupancy, or take the most probable ordering (``order``)."""
    on_error: Literal["raise", "skip"] = "raise"
    """Whether a row that cannot be used stops the training before it starts."""
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
        said = {key: self._for_each(key, names) for key in _OF_TARGETS}
        found: list[Target] = []
        for place, name in enumerate(names):
            task = Task(said["task"][place])
            is_class = task is Task.CLASSIFICATION
            named = (self.classes[0], self.classes[1]) if self.classes and is_class else None
            kind = kind_named(said["kind"][place])
            best = said["best"][place]
            target = Target(name, kind, said["unit"][place], best, task, named)
            size = said["size"][place]
            found += [target] if size is None else components_of(target, size)
        if self.classes is not None and not any(target.is_class for target in found):
            raise ConfigError(
                f"data.classes names {', '.join(self.classes)}, but no target is a class: say "
                "--task classification"
            )
        return tuple(found)

    def conditions(self) -> Conditions:
        """Return which columns are the state of a crystal.

        Raises:
            ConfigError: If a column is named twice, or of ``fidelity`` and ``fidelities`` one is
                missing.
        """
        state = [self.state] if isinstance(self.state, str) else self.state or []
        return Conditions(tuple(state), self.fidelity or "", tuple(self.fidelities or ()))

    def _for_each(self, key: str, names: list[str]) -> list[Any]:
        said = getattr(self, key)
        if not isinstance(said, list):
            return [said] * len(names)
        if len(said) != len(names):
            raise ConfigError(
                f"data.{key} must be one value for all of {', '.join(names)}, or {len(names)} "
                f"values in their order, got {said}"
            )
        return said


@dataclass(frozen=True)
class GraphConfig:
    """What is done with a graph beside finding neighbours; keys of the section ``graph``."""

    reduction_tolerance: Annotated[float, Range(0, LARGEST_TOLERANCE, "Å")]
    """Distances this close are merged, Å; 0 leaves the graph as it is."""

    def __post_init__(self) -> None:
        check_ranges(self, "graph")


_NEUTRAL: Final = {
    "data": frozenset({"store", "workers", "memory_gb"}),
    "training": frozenset({"jobs"}),
}
"""Keys on which no number depends; a run goes on with others."""
CALIBRATION_FRACTION: Final = 0.1
"""Part of the training part that is set aside where intervals are asked for and no more is said."""
_LATER: Final = {
    ("data", "calibration_fraction"): 0.0,
    ("data", "disorder"): "refuse",
    ("training", "members"): 1,
    ("training", "snapshots"): False,
    ("training", "capture"): False,
}
"""Keys that older runs do not have, and the value with which a run is what it was without them."""


@dataclass(frozen=True)
class RunConfig:
    """A resolved configuration."""

    data: DataConfig
    """What is learned from."""
    spec: ModelSpec
    """Sections ``graph`` and ``model``."""
    training: TrainingConfig
    """How it is learned."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """What is predicted."""
        return self.spec.targets

    @classmethod
    def from_sections(cls, sections: Mapping[str, Mapping[str, Any]]) -> "RunConfig":
        """Check the sections and fill in every default.

        Args:
            sections: ``data``, ``graph``, ``model``, ``training``; each may be left out but data.

        Raises:
            ConfigError: On an unknown section or key, or a value that cannot be.
        """
        for section in sections:
            if section not in SECTIONS:
                raise ConfigError(f"unknown section {section!r}{nearest(section, SECTIONS)}")
        for needed in ("path", "target"):
            if sections.get("data", {}).get(needed) is None:
                raise ConfigError(f"data.{needed} is missing: say what to learn from, and --target")
        data = settings_from(DataConfig, sections["data"], "data")
        graph = dict(sections.get("graph", {}))
        model = dict(sections.get("model", {}))
        target, *further = data.declared()
        encoder = str(model.pop("name", DEFAULT))
        beside = {"reduction_tolerance": default_reduction_tolerance(encoder, target)}
        own = [field.name for field in fields(GraphConfig)]
        beside |= {key: graph.pop(key) for key in own if key in graph}
        training = settings_from(TrainingConfig, sections.get("training", {}), "training")
        spec = ModelSpec(
            encoder=encoder,
            readout=str(model.pop("readout", "auto")),
            settings=model,
            strategy=str(graph.pop("strategy", "hybrid")),
            strategy_settings=graph,
            target=target,
            beside=tuple(further),
            conditions=data.conditions(),
            variance=training.variance,
            disorder=data.disorder,
            **asdict(settings_from(GraphConfig, beside, "graph")),
        )
        check_intervals(data, spec.targets)
        return cls(data, spec, training)

    def sections(self) -> dict[str, dict[str, Any]]:
        """Return the four sections as plain values, every default written out."""
        return {
            "data": asdict(self.data),
            "graph": {
                "strategy": self.spec.strategy,
                **self.spec.strategy_settings,
                **{field.name: getattr(self.spec, field.name) for field in fields(GraphConfig)},
            },
            "model": {
                "name": self.spec.encoder,
                "readout": self.spec.readout,
                **self.spec.settings,
            },
            "training": asdict(self.training),
        }

    def deciding(self) -> dict[str, dict[str, Any]]:
        """Return the sections without what changes no bit: stores and processes.

        What is left out, too, is a setting that was added later and says nothing new, so that runs
        begun before it go on.
        """
        sections = self.sections()
        for section, neutral in _NEUTRAL.items():
            sections[section] = {k: v for k, v in sections[section].items() if k not in neutral}
        for (section, key), same in _LATER.items():
            if sections[section][key] == same:
                del sections[section][key]
        return sections

    def to_yaml(self) -> str:
        """Return the YAML from which the same configuration is read."""
        return yaml.safe_dump(self.sections(), sort_keys=False, allow_unicode=True)


def check_intervals(data: DataConfig, targets: Sequence[Target]) -> None:
    """Refuse intervals where none of the targets can have one.

    Args:
        data: Whether rows are set aside for them.
        targets: What is predicted.

    Raises:
        ConfigError: If there are only classes, or sites.
    """
    if data.calibration_fraction and not any(has_intervals(target) for target in targets):
        raise ConfigError(
            "data.calibration_fraction sets crystals aside to calibrate intervals, which a class "
            "has not, nor a site, whose errors depend on those of its crystal: set it to 0"
        )


def has_intervals(target: Target) -> bool:
    """Whether intervals can be calibrated for a target: one number for each crystal."""
    return not target.is_class and target.kind is not Kind.ATOMIC


def read_yaml(path: Path) -> dict[str, dict[str, Any]]:
    """Read the sections of a configuration file.

    Args:
        path: The file.

    Raises:
        ConfigError: If it is not a mapping of sections.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(document, dict) or not all(
        isinstance(section, dict | None) for section in document.values()
    ):
        raise ConfigError(f"{path} must hold the sections {', '.join(SECTIONS)}, each a mapping")
    return {str(name): dict(section or {}) for name, section in document.items()}


def apply_override(sections: dict[str, dict[str, Any]], override: str) -> None:
    """Apply one dotted override, ``training.epochs=50``; the value is read as YAML.

    Args:
        sections: Changed in place.
        override: As written after --set.

    Raises:
        ConfigError: If it is not of that form.
    """
    path, equals, value = override.partition("=")
    section, dot, key = path.strip().partition(".")
    if not (equals and dot and section and key):
        raise ConfigError(f"--set takes section.key=value, as in training.epochs=50: {override!r}")
    if section not in SECTIONS:
        raise ConfigError(f"--set {override}: no section {section!r}{nearest(section, SECTIONS)}")
    try:
        sections.setdefault(section, {})[key] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {override}: {value!r} is not a YAML value") from error


def merge(
    base: Mapping[str, Mapping[str, Any]],
    options: Mapping[str, Mapping[str, Any]],
    overrides: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Lay options over a file, and overrides over both.

    Args:
        base: Sections of a file.
        options: Sections from options; a value of None was not given.
        overrides: Dotted overrides.
    """
    merged = {name: dict(section) for name, section in base.items()}
    for name, section in options.items():
        given = {key: value for key, value in section.items() if value is not None}
        merged.setdefault(name, {}).update(given)
    for override in overrides:
        apply_override(merged, override)
    return merged
