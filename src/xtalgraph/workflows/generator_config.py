"""The configuration of the training of a generator."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

import yaml

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import settings_from
from xtalgraph.models.generation.generator_settings import GeneratorConfig
from xtalgraph.training.flow_matching import TARGETS
from xtalgraph.training.objective import Objective
from xtalgraph.training.settings import TrainingConfig, check_epochs
from xtalgraph.workflows.data_settings import DataConfig
from xtalgraph.workflows.setting_names import check_names

_USUAL: Final[Mapping[str, Mapping[str, Any]]] = {
    "data": {"split": "formula"},
    "training": {"epochs": 225, "batch_size": 128, "learning_rate": 2e-3},
}
"""Where nothing else is given."""
_READ: Final = ("path", "split", "fold", "folds", "val_fraction", "test_fraction", "on_error")
"""Settings of the data that serve crystals without labels."""
_NEUTRAL: Final = ("store", "workers", "memory_gb")
"""Those that no number depends on."""
_OF_LABELS: Final = (
    "members",
    "snapshots",
    "refit",
    "capture",
    "compile",
    "loss",
    "per_atom",
    "relative",
)
"""Settings of the training that do not."""


@dataclass(frozen=True)
class GeneratorRunConfig:
    """A resolved configuration."""

    data: DataConfig
    """What is learned from, and how it is divided."""
    network: GeneratorConfig
    """The section ``generator``."""
    training: TrainingConfig
    """How it is learned."""

    @classmethod
    def from_sections(cls, sections: Mapping[str, Mapping[str, Any]]) -> "GeneratorRunConfig":
        """Check the sections and fill in every default.

        Args:
            sections: ``data``, ``generator`` and ``training``; all but data may be left out.

        Raises:
            ConfigError: On another section, an unknown key, one that is for labels, or a value that
                cannot be.
        """
        check_names(sections)
        for name in sections:
            if name not in ("data", "generator", "training"):
                raise ConfigError(f"a generator has no section {name}: leave it out")
        data = {**_USUAL["data"], "target": [], **sections["data"]}
        made = cls(
            settings_from(DataConfig, data, "data"),
            settings_from(GeneratorConfig, sections.get("generator", {}), "generator"),
            settings_from(
                TrainingConfig, {**_USUAL["training"], **sections.get("training", {})}, "training"
            ),
        )
        usual = DataConfig(path="", target=[])
        labels = [key.name for key in fields(DataConfig) if key.name not in (*_READ, *_NEUTRAL)]
        for section, given, default, names in (
            ("data", made.data, usual, labels),
            ("training", made.training, TrainingConfig(), _OF_LABELS),
        ):
            for name in names:
                if getattr(given, name) != getattr(default, name):
                    raise ConfigError(
                        f"{section}.{name} is for models with a target: leave it out, got "
                        f"{getattr(given, name)!r}"
                    )
        Objective.of(TARGETS, made.training)  # refuses weights of others
        check_epochs(made.training, fitted=False)
        return made

    def sections(self) -> dict[str, dict[str, Any]]:
        """Return the sections as plain values, every default written out."""
        data = {name: getattr(self.data, name) for name in _READ}
        training = {k: v for k, v in asdict(self.training).items() if k not in _OF_LABELS}
        return {"data": data, "generator": asdict(self.network), "training": training}

    def deciding(self) -> dict[str, dict[str, Any]]:
        """Return the sections without what changes no bit."""
        sections = self.sections()
        del sections["training"]["jobs"]
        return sections

    def to_yaml(self) -> str:
        """Return the YAML from which the same configuration is read."""
        return yaml.safe_dump(self.sections(), sort_keys=False, allow_unicode=True)
