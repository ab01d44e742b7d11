"""Every entry, from the bottom to the top."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest
from xtalgraph.models.registry import ENCODERS
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.leaderboard.baselines import BaselineEntry, CompositionNetworkEntry
from xtalgraph.workflows.leaderboard.descriptors import descriptor_entries
from xtalgraph.workflows.leaderboard.entry import LeaderboardEntry
from xtalgraph.workflows.leaderboard.external_models import external_entries
from xtalgraph.workflows.leaderboard.own_models import OwnModelEntry
from xtalgraph.workflows.leaderboard.potentials import potential_entries
from xtalgraph.workflows.leaderboard.published import published_entries


def own_entries(models: Sequence[str], members: int | None = None) -> list[LeaderboardEntry]:
    """Return our architectures of some names.

    Args:
        models: Names in the registry, the assessed one first.
        members: How many of each are trained; None for as many as `train` does.

    Raises:
        ConfigError: If a name is not known, or given twice.
    """
    for name in models:
        if name not in ENCODERS:
            raise ConfigError(f"unknown model {name!r}{nearest(name, ENCODERS)}")
    if len(set(models)) < len(models):
        raise ConfigError(f"each model may be named once, got {', '.join(models)}")
    return [
        OwnModelEntry(name, ENCODERS[name].recommended.members if members is None else members)
        for name in models
    ]


def _baselines() -> list[LeaderboardEntry]:
    return [
        BaselineEntry("mean"),
        BaselineEntry("composition"),
        CompositionNetworkEntry(),
        *descriptor_entries(),
        *external_entries(),
    ]


BASELINES: Final = (
    "mean",
    "composition",
    "composition-mlp",
    "prdf-ridge",
    "prdf-forest",
    "acsf-ridge",
    "acsf-forest",
    "soap-ridge",
    "soap-forest",
    "pyg-cgconv",
    "pyg-schnet",
    "pyg-dimenet++",
)
"""The name of every baseline, from the bottom to the top."""


def entries_of(only: Sequence[str] | None, published: str | Path | None) -> list[LeaderboardEntry]:
    """Return the entries that a model is compared with, from the bottom to the top.

    Args:
        only: Names of those that are wanted; None for all.
        published: A table of predictions, see `published_entries`.

    Raises:
        ConfigError: If a name is not known.
        InputError: If the table cannot be read.
    """
    for name in only or ():
        if name not in BASELINES:
            raise ConfigError(f"unknown baseline {name!r}{nearest(name, BASELINES)}")
    kept = [entry for entry in _baselines() if only is None or entry.name in only]
    return kept + (published_entries(published) if published is not None else [])


def compared_with(
    config: RunConfig,
    baselines: Sequence[str] | None,
    published: str | Path | None,
    calculators: Sequence[str],
) -> list[LeaderboardEntry]:
    """Return what a model is compared with, from the bottom to the top.

    Args:
        config: Of the model.
        baselines: Names of those that are wanted; None for all.
        published: A table of predictions, see `published_entries`.
        calculators: Names of calculators of ASE, with which a potential is compared.

    Raises:
        ConfigError: If a name is not known, or the model cannot be compared with that.
        InputError: If the table cannot be read.
    """
    if not config.spec.is_potential:
        if calculators:
            raise ConfigError(
                "calculator is compared with a potential: learn forces or a stress, as by "
                "--target energy --target forces"
            )
        return entries_of(baselines, published)
    if published is not None:
        raise ConfigError("a table of published predictions holds no forces: leave out published")
    return potential_entries(baselines, calculators)
