"""Every setting by its name, and by those that other programs, habits and versions give it."""

import difflib
import functools
from collections.abc import Mapping
from typing import Any, Final

from xtalgraph.conventions.declarations import Declared, fields_of
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest
from xtalgraph.graphs.strategies import STRATEGIES
from xtalgraph.models.registry import ENCODERS
from xtalgraph.models.upgrades import RENAMED_SETTINGS
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.data_settings import DataConfig
from xtalgraph.workflows.model_settings import GraphConfig, ModelConfig

SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "data": {"": DataConfig},
    "graph": {"": GraphConfig, **STRATEGIES},
    "model": {"": ModelConfig, **{name: cls.Config for name, cls in ENCODERS.items()}},
    "training": {"": TrainingConfig},
}
"""The dataclasses that declare the settings of each section; some stand for one choice only."""
SECTIONS: Final = tuple(SETTINGS)
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


def settings_called(name: str) -> list[str]:
    """Return the settings that are probably meant by a name, with their sections.

    Args:
        name: As it was written, also as an option.

    Example:
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

    Example:
        >>> setting_meant("batch_size"), setting_meant("model.lr"), setting_meant("model.depth")
        ('training.batch_size', 'training.learning_rate', None)
    """
    _, dot, key = path.rpartition(".")
    names = _by_key().get(_called_here(key), ()) if dot else tuple(settings_called(path))
    return None if not names or path in names else names[0]


def _called_here(key: str) -> str:
    """Return what a key that has another name elsewhere, or had one before, is called."""
    for old, new in RENAMED_SETTINGS.items():
        if key == old.rpartition(".")[2]:
            return new.rpartition(".")[2]
    return _ALSO.get(key, key)


def check_names(sections: Mapping[str, Mapping[str, Any]], source: str = "") -> None:
    """Refuse sections that are not known, and settings that stand in another section.

    Args:
        sections: Section to key to value.
        source: Of the settings, for messages, as ``settings.yaml: ``.

    Raises:
        ConfigError: With the right name.
    """
    for section, settings in sections.items():
        if section not in SETTINGS:
            raise ConfigError(f"{source}unknown section {section!r}{nearest(section, SETTINGS)}")
        for key in settings:
            meant = setting_meant(f"{section}.{key}")
            if meant is not None:
                raise ConfigError(f"{source}unknown key {section}.{key}; did you mean {meant!r}?")


def path_of_option(name: str) -> str:
    """Return the setting for which an option stands, with its section.

    Args:
        name: Of the option, in Python.

    Raises:
        ConfigError: If it stands for none; the message names the setting that is probably meant.

    Example:
        >>> path_of_option("model"), path_of_option("epochs")
        ('model.name', 'training.epochs')
    """
    if name == "model":
        return "model.name"
    for section in ("data", "training"):
        if name in fields_of(SETTINGS[section][""]):
            return f"{section}.{name}"
    meant = settings_called(name)
    hint = f'; it is a setting: write overrides=["{meant[0]}=VALUE"]' if meant else ""
    raise ConfigError(f"no option {name!r}{hint}")


def setting(path: str) -> Declared:
    """Return the declaration of a setting of ``data``, ``training``, or of all graphs or models.

    Args:
        path: With its section.
    """
    section, _, key = path.partition(".")
    return fields_of(SETTINGS[section][""])[key]


@functools.cache
def _by_key() -> dict[str, tuple[str, ...]]:
    """Return every setting of any section by its key alone."""
    found: dict[str, dict[str, None]] = {}
    for section, classes in SETTINGS.items():
        for cls in classes.values():
            for key in fields_of(cls):
                found.setdefault(key, {})[f"{section}.{key}"] = None
    return {key: tuple(names) for key, names in found.items()}
