"""What older versions wrote, as this one reads it: one step from each format to the next."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final

import pandas as pd
from torch import Tensor

FORMAT: Final = 7
"""Of the files of a run, as they are written now."""
RENAMED_SETTINGS: Final[Mapping[str, str]] = {
    "data.state": "data.conditions",
    "graph.fold_tolerance": "graph.reduction_tolerance",
}
"""Settings that an older version called otherwise: ``section.key``, old and new."""


def upgrade_model(document: Mapping[str, Any], weights: Collection[str] = ()) -> dict[str, Any]:
    """Return ``model.json`` as the current format has it.

    Args:
        document: What the file holds, of any format up to the current one.
        weights: Names of the weights beside it. Before format 6 they alone tell which readout a
            model has whose document says ``auto``.
    """
    upgraded = dict(document) | {"model": dict(document["model"])}
    for version in range(int(upgraded["format"]), FORMAT):
        if version in _STEPS:
            _STEPS[version].model(upgraded, weights)
        upgraded["format"] = version + 1
    return upgraded


def upgrade_weights(
    weights: Mapping[str, Tensor], document: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Return ``model.safetensors`` with the current names of the weights."""
    named = {_RENAMED_WEIGHTS.get(name, name): value for name, value in weights.items()}
    for version in range(int(document["format"]), FORMAT):
        if version in _STEPS:
            renamed = _STEPS[version].weight(document["model"])
            named = {renamed(name): value for name, value in named.items()}
    return named


def upgrade_sections(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the sections of ``config.yaml`` with the current names of the settings.

    The file has no format: what it lacks is what its version did.
    """
    upgraded: dict[str, dict[str, Any]] = {}
    for section, settings in sections.items():
        current = {key: RENAMED_SETTINGS.get(f"{section}.{key}", f".{key}") for key in settings}
        named = {current[key].partition(".")[2]: value for key, value in settings.items()}
        upgraded[section] = named
    upgraded.setdefault("graph", {}).setdefault("reduction_tolerance", 0.0)
    return upgraded


def upgrade_division(document: Mapping[str, Any], model: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``split.json`` as the current format has it."""
    upgraded = {key: model[key] for key in ("data_sha256",) if key in model} | dict(document)
    if "how" in upgraded:  # a sentence, which stays one
        upgraded["drawn"] = {"kind": upgraded.pop("how")}
    return upgraded


def upgrade_verification(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``verify.json`` as the current format has it; what was a sentence stays one."""
    upgraded = dict(document)
    if "refused" in upgraded:
        upgraded["unsupported"] = [structure["id"] for structure in upgraded.pop("refused")]
    return upgraded


def upgrade_intervals(
    document: Mapping[str, Any], sizes: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    """Return ``intervals.json`` as the current format has it.

    Before format 7 each number of a list was calibrated for itself, and the scores stay by number.
    """
    upgraded = {
        name: {_RENAMED_IN_INTERVALS.get(key, key): value for key, value in written.items()}
        for name, written in document.items()
    }
    for name, size in sizes.items():
        numbers = [upgraded.pop(f"{name}[{n}]", {}) for n in range(size)]
        if all(numbers):
            columns = {key: [n[key] for n in numbers] for key in ("floor", "by_std", "scores")}
            columns["scores"] = list(zip_longest(*columns["scores"]))
            upgraded[name] = columns if size > 1 else numbers[0]
    return upgraded


def upgrade_training_set(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``training_set.safetensors``, its arrays or its metadata, with the current names."""
    return {_RENAMED_IN_TRAINING_SET.get(name, name): value for name, value in values.items()}


def upgrade_metrics(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``metrics.json`` as the current format has it, with one entry for each target."""
    if document.get("format") == FORMAT:
        return dict(document)
    by_name = document.get("targets")
    if by_name is None:  # one target, whose entry was the document
        by_name = {document["target"]["name"]: document} if "target" in document else {}
    keys = ("target", "splits", "models", "uncertainty", "novelty")
    targets = {
        name: {key: entry[key] for key in keys if key in entry} for name, entry in by_name.items()
    }
    for entry in targets.values():
        if "target" in entry:  # the numbers of a list keep the metrics of their own
            entry["target"] = {k: v for k, v in entry["target"].items() if k != "component"}
        if "spread" in entry.get("uncertainty", {}):
            uncertainty = dict(entry["uncertainty"])
            std = dict(uncertainty.pop("spread"))
            std["error_over_std"] = std.pop("error_over_spread", None)
            entry["uncertainty"] = uncertainty | {"std": std}
        if "latent" in entry.get("novelty", {}).get("auroc", {}):
            auroc = dict(entry["novelty"]["auroc"])
            auroc = {"embedding": auroc.pop("latent"), **auroc}
            entry["novelty"] = {**entry["novelty"], "auroc": auroc}
    top = {key: document[key] for key in ("model", "splits") if key in document}
    return {"format": FORMAT, **top, "targets": targets}


def upgrade_log(row: Mapping[str, str]) -> dict[str, str]:
    """Return a row of ``log.csv`` with the current names of the columns."""
    return {"selected" if name == "kept" else name: value for name, value in row.items()}


def upgrade_worst(document: Any, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return ``worst.json`` as the current format has it, by target."""
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
        columns = {column.removesuffix(f":{name}"): column for column in table.columns}
        wanted = ("id", "split", "site", "target", "prediction", "spread", "lower", "upper", "unit")
        kept = {key: table[columns[key]] for key in wanted if key in columns}
        if "spread" in kept:
            kept["std"] = kept.pop("spread")
        tables[name] = pd.DataFrame(kept)
    return tables


def _from_5(document: dict[str, Any], weights: Collection[str]) -> None:
    """What was not used was left out; the first target stood apart, and one readout was for all."""
    document.update({key: value for key, value in _UNUSED.items() if key not in document})
    model = document["model"] = _UNUSED_OF_MODEL | document["model"]
    model["targets"] = [model.pop("target"), *model.pop("beside")]
    model["reduction_tolerance"] = model.pop("fold_tolerance")
    readout = model.pop("readout")
    model["readouts"] = [
        _readout_of_5(target["kind"], number, weights) if readout == "auto" else readout
        for number, target in enumerate(model["targets"])
    ]


def _readout_of_5(kind: str, number: int, weights: Collection[str]) -> str:
    """Return which readout ``auto`` was, of the target of a number."""
    if kind != "intensive":
        return {"extensive": "sum", "atomic": "atom"}[kind]
    head = f"beside.{number - 1}.readout" if number else "readout"
    pooling = {name for name in weights if name.startswith(f"{head}.pooling.")}
    if not pooling:
        return "mean"
    return "attention" if any(".score." in name for name in pooling) else "set2set"


def _targets_before_7(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the targets of a model in the order of its heads, each number of a list for itself."""
    if "targets" in model:
        return list(model["targets"])
    return [model["target"], *model.get("beside", ())]


def _numbers_of_lists(targets: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Return of each target before format 7 its head in format 7, and its number there."""
    heads: list[tuple[int, int]] = []
    for target in targets:
        number = int(target.get("component", {}).get("index", 0))
        head = heads[-1][0] + (number == 0) if heads else 0
        heads.append((head, number))
    return heads


def _from_6(document: dict[str, Any], weights: Collection[str]) -> None:
    """Each number of a list was a target of its own."""
    model = document["model"]
    numbers = _numbers_of_lists(model["targets"])
    first = [n for n, (_, number) in enumerate(numbers) if number == 0]
    model["targets"] = [_whole(model["targets"][n]) for n in first]
    model["readouts"] = [model["readouts"][n] for n in first]


def _whole(target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the list of which a target before format 7 was the first number."""
    whole = dict(target)
    component = whole.pop("component", None)
    if component is None:
        return whole
    return {**whole, "name": component["column"], "tensor": {"copies": component["size"]}}


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


def _weights_of_7(model: Mapping[str, Any]) -> Callable[[str], str]:
    """Return what gives the name of a weight in format 7, which has one head for a list."""
    numbers = _numbers_of_lists(_targets_before_7(model))

    def renamed(name: str) -> str:
        if not name.startswith("heads."):
            return name
        _, before, part, number, rest = name.split(".", 4)
        head, first = numbers[int(before)]
        return f"heads.{head}.{part}.{first + int(number)}.{rest}"

    return renamed


@dataclass(frozen=True)
class _Step:
    """What changes from a format to the next."""

    model: Callable[[dict[str, Any], Collection[str]], None]
    """Changes ``model.json`` in place, given the names of the weights."""
    weight: Callable[[Mapping[str, Any]], Callable[[str], str]]
    """From the model as it was written to what gives a weight its new name."""


_UNUSED: Final[Mapping[str, Any]] = {"members": 1, "manifest": False}
_UNUSED_OF_MODEL: Final[Mapping[str, Any]] = {
    "beside": (),
    "fold_tolerance": 0.0,
    "conditions": {"numbers": [], "fidelity": "", "fidelities": []},
    "variance": False,
    "disorder": "refuse",
}
"""What ``model.json`` left out before format 6, of a model that has it not."""
_STEPS: Final[Mapping[int, _Step]] = {
    5: _Step(_from_5, lambda _: _weight_of_6),
    6: _Step(_from_6, _weights_of_7),
}
"""What changes from a format to the next. 2 to 5 only added what a model may have:
classes and several targets; temperature, pressure and several members; a learned variance;
disorder."""
_RENAMED_IN_INTERVALS: Final = {"by_spread": "by_std"}
_RENAMED_WEIGHTS: Final = {
    "states.mean": "condition_scaler.mean",
    "states.spread": "condition_scaler.std",
}
_RENAMED_IN_TRAINING_SET: Final = {
    before: name
    for name, before in (
        ("embedding", "latent"),
        ("embedding_threshold", "latent_threshold"),
        ("compositions", "piles"),
    )
}
