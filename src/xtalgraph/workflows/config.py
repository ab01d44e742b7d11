"""The configuration of a run: one schema, from YAML, options and dotted overrides."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from xtalgraph.conventions.declarations import fields_of
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest, settings_from
from xtalgraph.conventions.tensors import SCALAR, TensorType
from xtalgraph.conventions.voigt import NAMED
from xtalgraph.data.conditions import Conditions
from xtalgraph.data.dataset import Dataset, read_dataset
from xtalgraph.data.potential_labels import LabelKeys
from xtalgraph.data.potential_targets import potential_targets
from xtalgraph.data.targets import Target, Task, kind_named
from xtalgraph.models.delta import delta_target
from xtalgraph.models.spec import ModelSpec, default_reduction_tolerance
from xtalgraph.training.objective import Objective
from xtalgraph.training.pretraining_settings import PretrainingConfig
from xtalgraph.training.self_supervised import targets_of
from xtalgraph.training.settings import (
    FROM_SCRATCH,
    FinetuningConfig,
    TrainingConfig,
    check_epochs,
)
from xtalgraph.workflows.data_settings import DataConfig
from xtalgraph.workflows.model_settings import GraphConfig, ModelConfig
from xtalgraph.workflows.potential_defaults import with_potential_defaults
from xtalgraph.workflows.setting_names import SECTIONS, check_names, setting_meant

_NEUTRAL: Final = {
    "data": frozenset({"store", "workers", "memory_gb"}),
    "training": frozenset({"jobs"}),
}
"""Keys on which no number depends; a run goes on with others."""
_OF_TARGETS: Final = ("kind", "unit", "best", "task", "size")
CALIBRATION_FRACTION: Final = 0.1
"""Part of the training part that is set aside where intervals are asked for and none is given."""


@dataclass(frozen=True)
class RunConfig:
    """A resolved configuration."""

    data: DataConfig
    """What is learned from."""
    spec: ModelSpec
    """Sections ``graph`` and ``model``."""
    training: TrainingConfig
    """How it is learned."""
    finetuning: FinetuningConfig = FROM_SCRATCH
    """From which run it starts, if from one."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """What is predicted."""
        return self.spec.targets

    @classmethod
    def from_sections(cls, sections: Mapping[str, Mapping[str, Any]]) -> "RunConfig":
        """Check the sections and fill in every default.

        Args:
            sections: ``data``, ``graph``, ``model``, ``training``, ``finetuning``; each may be left
                out but data.

        Raises:
            ConfigError: On an unknown section or key, or a value that cannot be.
        """
        check_names(sections)
        if "generator" in sections:
            raise ConfigError(
                "the section generator is for `xtalgraph train-generator`: leave it out"
            )
        for needed in ("path", "target"):
            if sections.get("data", {}).get(needed) is None:
                raise ConfigError(f"data.{needed} is missing: say what to learn from, and --target")
        sections = with_potential_defaults(sections)
        pretraining = _pretraining(sections)
        data = settings_from(DataConfig, sections["data"], "data")
        graph = dict(sections.get("graph", {}))
        model = dict(sections.get("model", {}))
        targets = declared_targets(data)
        chosen = settings_from(ModelConfig, _taken(ModelConfig, model), "model")
        built = settings_from(GraphConfig, _taken(GraphConfig, graph), "graph")
        training = settings_from(TrainingConfig, sections.get("training", {}), "training")
        tolerance = built.reduction_tolerance
        if tolerance is None:
            tolerance = default_reduction_tolerance(chosen.name, targets)
        spec = ModelSpec(
            encoder=chosen.name,
            readout=_readout(chosen.readout, targets),
            settings=model,
            strategy=built.strategy,
            strategy_settings=graph,
            reduction_tolerance=tolerance,
            targets=targets,
            conditions=declared_conditions(data),
            variance=training.variance,
            disorder=data.disorder,
            terms=chosen.named_terms,
            reference_energies=chosen.reference_energies,
            pretraining={} if pretraining is None else pretraining.as_dict(),
        )
        _check_intervals(data, spec.targets)
        _check_pulay_stress(data, spec.targets)
        _check_delta(data, spec.targets)
        learned = spec.targets if pretraining is None else targets_of(pretraining)
        Objective.of(learned, training)  # refuses weights of other targets
        check_epochs(training, fitted=spec.has_fitted_terms)
        _check_snapshots(data, training)
        begun = settings_from(FinetuningConfig, sections.get("finetuning", {}), "finetuning")
        return cls(data, spec, training, begun)

    def sections(self) -> dict[str, dict[str, Any]]:
        """Return the sections as plain values, every default written out."""
        readouts = list(self.spec.readouts)
        given = self.spec.reference_energies
        terms = {name: dict(settings) for name, settings in self.spec.terms.items()}
        return {
            "data": asdict(self.data),
            "graph": {
                "strategy": self.spec.strategy,
                **self.spec.strategy_settings,
                "reduction_tolerance": self.spec.reduction_tolerance,
            },
            "model": {
                "name": self.spec.encoder,
                "readout": readouts[0] if len(set(readouts)) == 1 else readouts,
                **({"terms": terms} if terms else {}),
                **({"reference_energies": given} if given else {}),
                **self.spec.settings,
            },
            "training": asdict(self.training),
            # Left out where nothing was fine-tuned, as older runs have it.
            **({"finetuning": asdict(self.finetuning)} if self.finetuning.parent else {}),
            **({"pretraining": dict(self.spec.pretraining)} if self.spec.pretraining else {}),
        }

    def deciding(self) -> dict[str, dict[str, Any]]:
        """Return the sections without what changes no bit: stores and processes."""
        sections = self.sections()
        for section, neutral in _NEUTRAL.items():
            sections[section] = {k: v for k, v in sections[section].items() if k not in neutral}
        return sections

    def to_yaml(self) -> str:
        """Return the YAML from which the same configuration is read."""
        return yaml.safe_dump(self.sections(), sort_keys=False, allow_unicode=True)


def _pretraining(sections: Mapping[str, Mapping[str, Any]]) -> PretrainingConfig | None:
    """Return how is learned without labels; None where there are targets."""
    if "pretraining" not in sections:
        if sections["data"]["target"] == []:
            raise ConfigError("data.target must name at least one column, got an empty list")
        return None
    if sections["data"]["target"]:
        raise ConfigError(
            "the section pretraining is for `xtalgraph pretrain`, which learns no target: leave "
            "it out"
        )
    return settings_from(PretrainingConfig, sections["pretraining"], "pretraining")


def _readout(given: list[str] | str, targets: Sequence[Target]) -> str | tuple[str, ...]:
    if isinstance(given, str):
        return given
    if len(given) != len(targets):
        raise ConfigError(
            f"model.readout must be one name for all targets, or one for each of "
            f"{', '.join(target.name for target in targets)} in their order, got {given}"
        )
    return tuple(given)


def _taken(cls: Any, section: dict[str, Any]) -> dict[str, Any]:
    """Take the keys of a dataclass out of a section."""
    return {key: section.pop(key) for key in fields_of(cls) if key in section}


def _check_intervals(data: DataConfig, targets: Sequence[Target]) -> None:
    """Refuse intervals where none of the targets can have one."""
    if data.calibration_fraction and all(target.why_no_interval for target in targets):
        raise ConfigError(
            "data.calibration_fraction sets crystals aside to calibrate intervals, which a class "
            "has not, nor a site, whose errors depend on those of its crystal: set it to 0"
        )


def read_yaml(path: Path) -> dict[str, dict[str, Any]]:
    """Read the sections of a configuration file; a `ConfigError` if it is no mapping of them."""
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
    """Apply an override in place, ``training.epochs=50``, value in YAML; else a `ConfigError`."""
    path, equals, value = override.partition("=")
    section, dot, key = path.strip().partition(".")
    meant = setting_meant(path.strip())
    if meant is not None:
        raise ConfigError(f"--set {override}: no setting {path.strip()!r}; did you mean {meant!r}?")
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
    """Lay options that were given over the sections of a file, and dotted overrides over both."""
    merged = {name: dict(section) for name, section in base.items()}
    for name, section in options.items():
        given = {key: value for key, value in section.items() if value is not None}
        merged.setdefault(name, {}).update(given)
    for override in overrides:
        apply_override(merged, override)
    return merged


def declared_targets(data: DataConfig) -> tuple[Target, ...]:
    """Return the declarations of the targets; a list of settings has one for each of them.

    A `ConfigError` if a list has another length, a `TargetError` if a target contradicts itself.
    """
    names = data.target if isinstance(data.target, list) else [data.target]
    of_potential = potential_targets(names)
    if of_potential is not None:
        return of_potential
    columns = [_for_each(data, key, names) for key in _OF_TARGETS]
    targets: list[Target] = []
    tensors = _declared_tensors(data, names)
    for name, kind, unit, best, word, size in zip(names, *columns, strict=True):
        task = Task(word)
        is_class = task is Task.CLASSIFICATION
        classes = (data.classes[0], data.classes[1]) if data.classes and is_class else None
        tensor = tensors.get(name, SCALAR)
        if size is not None and tensor.rank:
            raise ConfigError(f"data.size is for lists of invariants, and {name!r} is a tensor")
        tensor = tensor if size is None else TensorType(copies=size)
        targets.append(Target(name, kind_named(kind), unit, best, task, classes, tensor))
    if data.classes is not None and not any(target.is_class for target in targets):
        raise ConfigError(
            f"data.classes names {', '.join(data.classes)}, but no target is a class: say "
            "--task classification"
        )
    return tuple(targets)


def _check_pulay_stress(data: DataConfig, targets: Sequence[Target]) -> None:
    """Refuse to subtract from stresses where there are none."""
    derivatives = [target.derivative for target in targets if target.derivative is not None]
    if data.pulay_stress and all(derivative.by != "strain" for derivative in derivatives):
        raise ConfigError(
            "data.pulay_stress is subtracted from the stresses of a potential: learn them, with "
            "--target stress, or leave it out"
        )


def _check_delta(data: DataConfig, targets: Sequence[Target]) -> None:
    """Refuse another calculation of what has none, and a choice of members without it."""
    if data.delta is not None:
        delta_target(targets)
    elif data.delta_members != "all":
        raise ConfigError("data.delta_members goes with the column of a calculation, data.delta")


def _check_snapshots(data: DataConfig, training: TrainingConfig) -> None:
    """Refuse members that start from the one before, and learn another quantity."""
    if training.snapshots and "half" in (data.delta_members, training.members_with_terms):
        raise ConfigError(
            "training.snapshots start from the member before, which here learns another quantity"
        )


def label_keys(data: DataConfig) -> LabelKeys:
    """Return which columns are the labels of a potential, and what their stresses have too much."""
    return LabelKeys(data.energy_key, data.forces_key, data.stress_key, data.pulay_stress)


def read_labelled(source: Any, config: RunConfig, *, progress: bool) -> Dataset:
    """Read crystals of another source, and their labels, as a configuration says of its own."""
    data, conditions = config.data, config.spec.conditions
    keys, disorder = label_keys(data), data.disorder
    return read_dataset(
        source, config.targets, conditions, keys=keys, progress=progress, disorder=disorder
    )


def declared_conditions(data: DataConfig) -> Conditions:
    """Return which columns are conditions of a crystal; a `ConfigError` if one is named twice."""
    given = data.conditions
    columns = [given] if isinstance(given, str) else given or []
    fidelities = tuple(data.fidelities or ())
    return Conditions(tuple(columns), data.fidelity or "", fidelities, data.delta or "")


def _declared_tensors(data: DataConfig, names: Sequence[str]) -> dict[str, TensorType]:
    """Return the tensors among the targets by their names, from ``NAME`` or ``COL=NAME``."""
    given = [data.tensor] if isinstance(data.tensor, str) else data.tensor or []
    tensors = {}
    for word in given:
        column, equals, name = word.rpartition("=")
        if name not in NAMED:
            raise ConfigError(f"data.tensor must be one of {', '.join(NAMED)}, got {name!r}")
        if not equals and len(given) + len(names) > 2:
            raise ConfigError(
                f"data.tensor must say of which target {name!r} is, as {names[0]}={name}"
            )
        column = column if equals else names[0]
        if column not in names:
            raise ConfigError(
                f"data.tensor names {column!r}, which is no target{nearest(column, names)}"
            )
        tensors[column] = NAMED[name]
    return tensors


def _for_each(data: DataConfig, key: str, names: list[str]) -> list[Any]:
    given = getattr(data, key)
    if not isinstance(given, list):
        return [given] * len(names)
    if len(given) != len(names):
        raise ConfigError(
            f"data.{key} must be one value for all of {', '.join(names)}, or {len(names)} "
            f"values in their order, got {given}"
        )
    return given
