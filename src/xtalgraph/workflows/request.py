"""What was asked to be trained: data and settings, before every default is filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.catalogue import KnownDataset, known_source, resolve_source
from xtalgraph.models.registry import DEFAULT, ENCODERS
from xtalgraph.workflows.claim import is_run, saved_sections
from xtalgraph.workflows.config import RunConfig, merge, read_yaml
from xtalgraph.workflows.potential_defaults import with_potential_defaults
from xtalgraph.workflows.preflight import check_source
from xtalgraph.workflows.setting_names import SECTIONS, check_names, path_of_option


@dataclass(frozen=True, eq=False)
class Request:
    """What was asked to be trained."""

    data: Any
    """What is to be read: a path, the name of a known data set, or something in memory."""
    known: KnownDataset | None
    """What the catalogue says of it."""
    sections: Mapping[str, Mapping[str, Any]]
    """The settings that were given, by section."""

    @classmethod
    def of(cls, data: Any, options: Mapping[str, Any]) -> "Request":
        """Lay options over the file of settings, and dotted overrides over both.

        Args:
            data: A file, folder, table, DataFrame or list of crystals, or the name of a known one.
            options: Settings by the names of their options, ``config`` and ``overrides``.

        Raises:
            ConfigError: If the file of settings cannot be read, there is no such option, or an
                override is malformed.
            InputError: If there is no such file or data set.
        """
        settings = dict(options)
        file, overrides = settings.pop("config", None), settings.pop("overrides", None) or ()
        given: dict[str, dict[str, Any]] = {}
        for name, value in settings.items():
            section, _, key = path_of_option(name).partition(".")
            given.setdefault(section, {})[key] = list(value) if isinstance(value, tuple) else value
        named = str(data) if isinstance(data, str | Path) else f"<{type(data).__name__} in memory>"
        given.setdefault("data", {})["path"] = named
        base = {} if file is None else _settings_of(Path(file))
        check_names(base, f"{file}: ")
        sections = merge(base, given, overrides)
        check_source(data)
        known = known_source(data)
        _fill_in(sections["data"], known)
        return cls(data, known, sections)

    @cached_property
    def source(self) -> Any:
        """What is read: a path, or something in memory; a known data set is fetched now."""
        return resolve_source(self.data)[0]

    def recommended(self) -> "Request":
        """Return the same, with the recommended number of members if none was asked for.

        What names no architecture is refused where the settings are resolved.
        """
        sections = self.sections
        if sections["data"].get("target") is not None:
            sections = with_potential_defaults(sections)
        encoder = ENCODERS.get(sections.get("model", {}).get("name", DEFAULT))
        members = {} if encoder is None else {"members": encoder.recommended.members}
        training = members | dict(self.sections.get("training", {}))
        return replace(self, sections={**self.sections, "training": training})

    def config(self, changes: Mapping[str, Any] | None = None) -> RunConfig:
        """Fill in all defaults, after changes as ``model.depth`` to 4; else a `ConfigError`."""
        sections = {name: dict(section) for name, section in self.sections.items()}
        for dotted, value in (changes or {}).items():
            section, dot, key = dotted.partition(".")
            if not (dot and section and key):
                raise ConfigError(
                    f"a setting is named section.key, as in training.epochs, with a section of "
                    f"{', '.join(SECTIONS)}; got {dotted!r}"
                )
            sections.setdefault(section, {})[key] = value
        return RunConfig.from_sections(sections)


def _settings_of(file: Path) -> dict[str, dict[str, Any]]:
    """Read a file of settings; that of a run as today's names have it, whichever wrote it."""
    of_run = file.name == "config.yaml" and is_run(file.parent)
    return saved_sections(file.parent) if of_run else read_yaml(file)


def _fill_in(section: dict[str, Any], known: KnownDataset | None) -> None:
    """Take what was not given about the target from what is known of the data set."""
    if known is None:
        return
    section.setdefault("target", known.target)
    if section["target"] == known.target:
        section.setdefault("kind", known.kind)
        section.setdefault("task", known.task)
        if section["task"] == "regression":
            section.setdefault("unit", known.unit)
        if known.best is not None:
            section.setdefault("best", known.best)
