"""What older versions wrote, as this one reads it: one step from each format to the next."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pandas as pd
from torch import Tensor

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


def upgrade_weights(weights: Mapping[str, Tensor], version: int) -> dict[str, Tensor]:
    """Return ``model.safetensors`` with the current names of the weights.

    Args:
        weights: What the file holds, by name.
        version: The format of ``model.json``.
    """
    return {_weight_of_6(name) if version < 6 else name: one for name, one in weights.items()}


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


def upgrade_metrics(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``metrics.json`` as the current format has it, with one entry for each target.

    Args:
        document: What the file holds, of any format up to the current one.
    """
    if document.get("format") == FORMAT:
        return dict(document)
    each = document.get("targets")
    if each is None:  # one target, whose entry was the document
        each = {document["target"]["name"]: document} if "target" in document else {}
    keys = ("target", "splits", "models", "uncertainty", "novelty")
    targets = {name: {key: one[key] for key in keys if key in one} for name, one in each.items()}
    for one in targets.values():
        if "spread" in one.get("uncertainty", {}):
            uncertainty = dict(one["uncertainty"])
            std = dict(uncertainty.pop("spread"))
            std["error_over_std"] = std.pop("error_over_spread", None)
            one["uncertainty"] = uncertainty | {"std": std}
        if "latent" in one.get("novelty", {}).get("auroc", {}):
            auroc = dict(one["novelty"]["auroc"])
            auroc = {"embedding": auroc.pop("latent"), **auroc}
            one["novelty"] = {**one["novelty"], "auroc": auroc}
    top = {key: document[key] for key in ("model", "splits") if key in document}
    return {"format": FORMAT, **top, "targets": targets}


def upgrade_log(row: Mapping[str, str]) -> dict[str, str]:
    """Return a row of ``log.csv`` with the current names of the columns.

    Args:
        row: As it was written.
    """
    return {"selected" if name == "kept" else name: value for name, value in row.items()}


def upgrade_worst(document: Any, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return ``worst.json`` as the current format has it, by target.

    Args:
        document: What the file holds, of any format up to the current one.
        names: Of the targets.
    """
    return {names[0]: document} if isinstance(document, list) else dict(document)


def upgrade_predictions(table: pd.DataFrame, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return ``predictions.csv``, of all targets, as a table for each.

    Args:
        table: As it was before format 6: one target had ``prediction``, several
            ``prediction:NAME``, and so on.
        names: Of the targets.
    """
    tables = {}
    for name in names:
        own = {column.removesuffix(f":{name}"): column for column in table.columns}
        wanted = ("id", "split", "site", "target", "prediction", "spread", "lower", "upper", "unit")
        found = {key: table[own[key]] for key in wanted if key in own}
        if "spread" in found:
            found["std"] = found.pop("spread")
        tables[name] = pd.DataFrame(found)
    return tables


def _from_5(document: Mapping[str, Any]) -> dict[str, Any]:
    """Symmetry reduction was called folding; the first target stood apart from the others."""
    model = dict(document["model"])
    model["targets"] = [model.pop("target"), *model.pop("beside", [])]
    if "fold_tolerance" in model:
        model["reduction_tolerance"] = model.pop("fold_tolerance")
    return {**document, "model": model}


def _weight_of_6(name: str) -> str:
    """Return the name of a weight in format 6, which has a head for each target."""
    part, _, rest = name.partition(".")
    if part in ("readout", "scaler"):
        return f"heads.0.{part}s.0.{rest}"
    if part not in ("beside", "deviations"):
        return name
    number, of_head, rest = rest.split(".", 2)
    if part == "deviations":
        return f"heads.{number}.deviations.0.{of_head}.{rest}"
    return f"heads.{int(number) + 1}.{of_head}s.0.{rest}"


_STEPS: Final[Mapping[int, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {5: _from_5}
