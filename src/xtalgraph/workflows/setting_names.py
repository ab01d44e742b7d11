"""Every setting by its name, and by those that other programs, habits and versions give it."""

import dataclasses
import difflib
import re
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, TypedDict, TypeVar

from xtalgraph.conventions.choices import Device, OnError
from xtalgraph.conventions.declarations import (
    Declared,
    Spelled,
    collected_keys,
    fields_of,
    keys_of,
)
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest
from xtalgraph.crystals.disorder import Disorder
from xtalgraph.models.generation.generator_settings import GeneratorConfig
from xtalgraph.training.pretraining_settings import ObjectiveName, PretrainingConfig
from xtalgraph.training.settings import FinetuningConfig, TrainingConfig
from xtalgraph.workflows.data_settings import DataConfig
from xtalgraph.workflows.model_settings import GraphConfig, ModelConfig

F = TypeVar("F", bound=Callable[..., Any])

SECTIONS: Final[Mapping[str, Any]] = {
    "data": DataConfig,
    "graph": GraphConfig,
    "model": ModelConfig,
    "training": TrainingConfig,
    "finetuning": FinetuningConfig,
    "pretraining": PretrainingConfig,
    "generator": GeneratorConfig,
}
"""What declares the settings of each section, but for those that stand for one choice only."""
_ALSO: Final[Mapping[str, str]] = {
    "batch": "batch_size",
    "bs": "batch_size",
    "channels": "width",
    "clip": "clip_norm",
    "conv_layers": "depth",
    "ema": "ema_decay",
    "gpu": "device",
    "hidden_dim": "width",
    "hidden_size": "width",
    "k": "max_neighbors",
    "layers": "depth",
    "lr": "learning_rate",
    "n_layers": "depth",
    "num_layers": "depth",
    "num_neighbors": "max_neighbors",
    "num_threads": "threads",
    "num_workers": "workers",
    "r_max": "cutoff",
    "radius": "cutoff",
    "test_ratio": "test_fraction",
    "test_size": "test_fraction",
    "val_ratio": "val_fraction",
    "val_size": "val_fraction",
    "wd": "weight_decay",
}
"""What a setting is called elsewhere, and here."""
_NEAR: Final = 0.75
"""Likeness, by difflib, from which on a name is taken for a misspelling."""


class PretrainOptions(TypedDict, total=False):
    """What `pretrain` takes."""

    objectives: Sequence[ObjectiveName] | ObjectiveName | None
    teacher: str | None
    model: str | None
    epochs: int | None
    seed: int | None
    device: Device | None
    on_error: OnError | None
    config: Annotated[str | Path | None, Spelled("C.yaml", text="File of settings.")]
    overrides: Annotated[Sequence[str], Spelled("a.b=c", text="Any setting; repeatable.")]


class TrainGeneratorOptions(TypedDict, total=False):
    """What `train_generator` takes."""

    split: Annotated[str | None, Spelled(default="formula")]
    fold: int | None
    folds: int | None
    epochs: Annotated[int | None, Spelled(default="225")]
    seed: int | None
    device: Device | None
    on_error: OnError | None
    config: Annotated[str | Path | None, Spelled("C.yaml", text="File of settings.")]
    overrides: Annotated[Sequence[str], Spelled("a.b=c", text="Any setting; repeatable.")]


class SharedOptions(TypedDict, total=False):
    """What every verb takes that trains: settings by the names of their options, and a file."""

    target: str | Sequence[str] | None
    kind: str | Sequence[str] | None
    task: str | Sequence[str] | None
    tensor: str | Sequence[str] | None
    unit: str | Sequence[str] | None
    best: str | Sequence[str] | None
    energy_key: str | None
    forces_key: str | None
    stress_key: str | None
    split: str | None
    folds: int | None
    epochs: int | None
    jobs: int | None
    device: Device | None
    on_error: OnError | None
    disorder: Disorder | None
    config: Annotated[str | Path | None, Spelled("C.yaml", text="File of settings.")]
    overrides: Annotated[Sequence[str], Spelled("a.b=c", text="Any setting; repeatable.")]


class TrialOptions(SharedOptions, total=False):
    """What `ablate` takes."""

    model: str | None


class SeededOptions(SharedOptions, total=False):
    """What `compare` takes, for one fold and seed."""

    fold: int | None
    seed: int | None


class TrainOptions(TrialOptions, total=False):
    """What `train` and `tune` take, for one fold and seed."""

    fold: int | None
    seed: int | None
    members: int | None


def with_settings(function: F) -> F:
    """Write what a function takes as ``**options`` into its docstring, from the declarations."""
    lines = []
    for key in keys_of(collected_keys(function)):
        is_setting = key.name not in ("config", "overrides")
        text = setting(path_of_option(key.name)).text if is_setting else key.text
        lines += textwrap.wrap(f"{key.name}: {text}", 84, subsequent_indent="    ")
    described = textwrap.indent("\n".join(lines), " " * 8)
    function.__doc__ = re.sub(r" {8}\*\*options: .*\n", described + "\n", function.__doc__ or "")
    return function


def settings_of_choices() -> dict[str, dict[str, Any]]:
    """Return the dataclasses that declare settings, by section and choice; "" for every choice."""
    from xtalgraph.graphs.strategies import STRATEGIES
    from xtalgraph.models.registry import ENCODERS

    settings: dict[str, dict[str, Any]] = {name: {"": cls} for name, cls in SECTIONS.items()}
    settings["graph"] |= STRATEGIES
    settings["model"] |= {name: encoder.Config for name, encoder in ENCODERS.items()}
    return settings


def settings_called(name: str) -> list[str]:
    """Return the settings that are probably meant by a name, with their sections.

    >>> settings_called("--lr"), settings_called("batch-size"), settings_called("depht")
    (['training.learning_rate'], ['training.batch_size'], ['model.depth'])
    >>> settings_called("--nonsense")
    []
    """
    word = name.lstrip("-").replace("-", "_").lower()
    close = difflib.get_close_matches(_called_here(word), _by_key(), n=1, cutoff=_NEAR)
    return list(_by_key()[close[0]]) if close else []


def setting_meant(path: str) -> str | None:
    """Return the setting that a name without its section, or with another one, probably means.

    Args:
        path: As it was written before the ``=`` of an override.

    Returns:
        None where the name is right, or a misspelling within its section.

    >>> setting_meant("batch_size"), setting_meant("model.lr"), setting_meant("model.depth")
    ('training.batch_size', 'training.learning_rate', None)
    """
    _, dot, key = path.rpartition(".")
    if path in _by_key().get(key, ()):
        return None
    names = _by_key().get(_called_here(key), ()) if dot else tuple(settings_called(path))
    return None if not names or path in names else names[0]


def _called_here(key: str) -> str:
    """Return what a key that has another name elsewhere, or had one before, is called."""
    from xtalgraph.models.upgrades import RENAMED_SETTINGS

    for old, new in RENAMED_SETTINGS.items():
        if key == old.rpartition(".")[2]:
            return new.rpartition(".")[2]
    return _ALSO.get(key, key)


def check_names(sections: Mapping[str, Mapping[str, Any]], source: str = "") -> None:
    """Refuse unknown sections, and settings of another one; a `ConfigError` has the right name."""
    for section, settings in sections.items():
        if section not in SECTIONS:
            raise ConfigError(f"{source}unknown section {section!r}{nearest(section, SECTIONS)}")
        for key in settings:
            meant = setting_meant(f"{section}.{key}")
            if meant is not None:
                raise ConfigError(f"{source}unknown key {section}.{key}; did you mean {meant!r}?")


def path_of_option(name: str) -> str:
    """Return the setting for which an option of Python stands, with section, or a `ConfigError`.

    >>> path_of_option("model"), path_of_option("epochs")
    ('model.name', 'training.epochs')
    """
    if name == "model":
        return "model.name"
    for section in ("data", "training", "pretraining"):
        if name in fields_of(SECTIONS[section]):
            return f"{section}.{name}"
    meant = settings_called(name)
    hint = f'; it is a setting: write overrides=["{meant[0]}=VALUE"]' if meant else ""
    raise ConfigError(f"no option {name!r}{hint}")


def setting(path: str) -> Declared:
    """Return the declaration of a setting that stands for every choice."""
    section, _, key = path.partition(".")
    return fields_of(SECTIONS[section])[key]


def _by_key() -> dict[str, tuple[str, ...]]:
    """Return every setting of any section by its key alone, those of added encoders too."""
    paths: dict[str, dict[str, None]] = {}
    for section, classes in settings_of_choices().items():
        for cls in classes.values():
            for field in dataclasses.fields(cls):
                paths.setdefault(field.name, {})[f"{section}.{field.name}"] = None
    return {key: tuple(names) for key, names in paths.items()}
