"""The options of a command, laid over its configuration file."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from xtalgraph.data.catalogue import Dataset
from xtalgraph.workflows.config import merge, read_yaml
from xtalgraph.workflows.prepare import resolve_source

_PLACES: Final[dict[str, tuple[str, str]]] = {
    "model": ("model", "name"),
    "epochs": ("training", "epochs"),
    "seed": ("training", "seed"),
}
"""Section and key of each option that is not of the section ``data`` under its own name."""


def gather_options(
    data: Any,
    options: Mapping[str, Any],
    config: str | Path | None,
    overrides: Sequence[str],
) -> tuple[Any, Dataset | None, dict[str, dict[str, Any]]]:
    """Put together what a command was told, and what is known of its data set.

    Args:
        data: A file, folder, table, DataFrame or list of crystals, or the name of a known data set.
        options: As `xtalgraph.workflows.train.train` takes them; None where nothing was said.
        config: YAML file with the sections data, graph, model, training.
        overrides: Dotted settings, which win over everything else.

    Returns:
        What to read, what the catalogue says of it, and the sections of the configuration.

    Raises:
        ConfigError: If the file or an override cannot be read.
    """
    path = str(data) if isinstance(data, str | Path) else f"<{type(data).__name__} in memory>"
    laid: dict[str, dict[str, Any]] = {"data": {"path": path}}
    for name, said in options.items():
        section, key = _PLACES.get(name, ("data", name))
        plain = said if said is None or isinstance(said, str | int) else list(said)
        laid.setdefault(section, {})[key] = plain
    base = read_yaml(Path(config)) if config is not None else {}
    sections = merge(base, laid, overrides)
    source, known = resolve_source(data)
    _fill_in(sections["data"], known)
    return source, known, sections


def _fill_in(section: dict[str, Any], known: Dataset | None) -> None:
    """Take what was not said about the target from what is known of the data set."""
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
