"""What older versions wrote, as this one reads it: one step from each format to the next."""

from collections.abc import Callable, Mapping
from typing import Any, Final

FORMAT: Final = 6
"""Of the files of a run, as they are written now."""
RENAMED_SETTINGS: Final[Mapping[str, str]] = {
    "data.state": "data.conditions",
    "graph.fold_tolerance": "graph.reduction_tolerance",
}
"""Settings that an older version called otherwise: ``section.key``, old and new."""


def upgrade_model(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``model.json`` as the current format has it.

    Args:
        document: What the file holds, of any format up to the current one.
    """
    upgraded = dict(document)
    for version in range(int(upgraded["format"]), FORMAT):
        upgraded = _STEPS.get(version, dict)(upgraded) | {"format": version + 1}
    return upgraded


def upgrade_sections(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the sections of ``config.yaml`` with the current names of the settings.

    Args:
        sections: ``data``, ``graph``, ``model`` and ``training`` of a run.
    """
    renamed: dict[str, dict[str, Any]] = {}
    for section, settings in sections.items():
        names = {key: RENAMED_SETTINGS.get(f"{section}.{key}") for key in settings}
        renamed[section] = {
            key if names[key] is None else str(names[key]).partition(".")[2]: value
            for key, value in settings.items()
        }
    return renamed


def _from_5(document: Mapping[str, Any]) -> dict[str, Any]:
    """Symmetry reduction was called folding."""
    model = dict(document["model"])
    if "fold_tolerance" in model:
        model["reduction_tolerance"] = model.pop("fold_tolerance")
    return {**document, "model": model}


_STEPS: Final[Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {5: _from_5}
