"""The configuration of a run: one schema, from YAML, options and dotted overrides."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest, settings_from
from xtalgraph.data.division import parse_division
from xtalgraph.data.targets import Target, kind_named
from xtalgraph.models.spec import ModelSpec, default_fold_tolerance
from xtalgraph.training.settings import TrainingConfig

SECTIONS: Final[tuple[str, ...]] = ("data", "graph", "model", "training")


@dataclass(frozen=True)
class DataConfig:
    """What is learned from, and how it is divided."""

    path: str
    """File, folder or table; or the name of a data set of the catalogue."""
    target: str
    """Column to predict."""
    kind: Literal["extensive", "intensive", "atomic"] = "intensive"
    """How the target behaves when the cell is doubled."""
    unit: str = ""
    """Unit of the target, as it is to be printed."""
    best: Literal["low", "high"] = "low"
    """Which end of the target counts as best in the recall of the top k."""
    split: str = "random"
    """How the crystals are divided, see docs/splits.md: random, folds, formula, element:O."""
    fold: int | None = None
    """The test fold."""
    folds: int | None = None
    """How many folds are drawn; null takes those that the data have."""
    inner_fold: int | None = None
    """The inner fold that validates, in nested cross-validation."""
    inner_folds: int | None = None
    """How many inner folds are drawn from what is not in the test."""
    val_fraction: float = 0.1
    """Part of all that chooses the epoch; of what is not in the test where that is given."""
    test_fraction: float = 0.1
    """Part of all crystals in the test, where it is not given by the split."""
    on_error: Literal["raise", "skip"] = "raise"
    """Whether a row that cannot be used stops the training before it starts."""

    def __post_init__(self) -> None:
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


@dataclass(frozen=True)
class GraphConfig:
    """What is done with a graph beside finding neighbours; keys of the section ``graph``."""

    fold_tolerance: float
    """Distances this close are merged, Å; 0 leaves the graph as it is."""


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
    def target(self) -> Target:
        """What is predicted."""
        return self.spec.target

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
        target = Target(data.target, kind_named(data.kind), data.unit, data.best)
        encoder = str(model.pop("name", "cgcnn"))
        beside = {"fold_tolerance": default_fold_tolerance(encoder, target)}
        own = [field.name for field in fields(GraphConfig)]
        beside |= {key: graph.pop(key) for key in own if key in graph}
        spec = ModelSpec(
            encoder=encoder,
            readout=str(model.pop("readout", "auto")),
            settings=model,
            strategy=str(graph.pop("strategy", "hybrid")),
            strategy_settings=graph,
            target=target,
            **asdict(settings_from(GraphConfig, beside, "graph")),
        )
        training = settings_from(TrainingConfig, sections.get("training", {}), "training")
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

    def to_yaml(self) -> str:
        """Return the YAML from which the same configuration is read."""
        return yaml.safe_dump(self.sections(), sort_keys=False, allow_unicode=True)


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
