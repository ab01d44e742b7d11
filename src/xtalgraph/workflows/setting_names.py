"""Settings by the names that other programs and habits give them: ``lr``, ``--batch-size``."""

import dataclasses
import difflib
import functools
from collections.abc import Mapping
from typing import Any, Final

from xtalgraph.graphs.strategies import STRATEGIES
from xtalgraph.models.registry import ENCODERS
from xtalgraph.training.settings import TrainingConfig
from xtalgraph.workflows.config import DataConfig, GraphConfig

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
    known = _by_key()
    close = difflib.get_close_matches(_ALSO.get(word, word), known, n=1, cutoff=_NEAR)
    return list(known[close[0]]) if close else []


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
    names = _by_key().get(_ALSO.get(key, key), ()) if dot else tuple(settings_called(path))
    return None if not names or path in names else names[0]


@functools.cache
def _by_key() -> dict[str, tuple[str, ...]]:
    """Return every setting of any section by its key alone."""
    sections: dict[str, list[Any]] = {
        "data": [DataConfig],
        "graph": [GraphConfig, *STRATEGIES.values()],
        "model": [encoder.Config for encoder in ENCODERS.values()],
        "training": [TrainingConfig],
    }
    found: dict[str, dict[str, None]] = {
        "strategy": {"graph.strategy": None},
        "readout": {"model.readout": None},
    }
    for section, classes in sections.items():
        for cls in classes:
            for field in dataclasses.fields(cls):
                found.setdefault(field.name, {})[f"{section}.{field.name}"] = None
    return {key: tuple(names) for key, names in found.items()}
