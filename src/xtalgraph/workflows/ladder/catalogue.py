"""Every rung, from the bottom to the top."""

from collections.abc import Sequence
from pathlib import Path

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.settings import nearest
from xtalgraph.models.registry import ENCODERS
from xtalgraph.workflows.ladder.baseline_rungs import BaselineRung, CompositionNetworkRung
from xtalgraph.workflows.ladder.descriptor_rungs import descriptor_rungs
from xtalgraph.workflows.ladder.own_rungs import OwnRung
from xtalgraph.workflows.ladder.peer_rungs import peer_rungs
from xtalgraph.workflows.ladder.published_rungs import published_rungs
from xtalgraph.workflows.ladder.rung import Rung


def own_rungs(models: Sequence[str], members: int | None = None) -> list[Rung]:
    """Return our architectures of some names.

    Args:
        models: Names in the registry, the judged one first.
        members: How many of each are trained; None for as many as `train` does.

    Raises:
        ConfigError: If a name is not known, or said twice.
    """
    for name in models:
        if name not in ENCODERS:
            raise ConfigError(f"unknown model {name!r}{nearest(name, ENCODERS)}")
    if len(set(models)) < len(models):
        raise ConfigError(f"each model may be named once, got {', '.join(models)}")
    rungs: list[Rung] = []
    for name in models:
        count = ENCODERS[name].advised_members if members is None else members
        mean = f"the mean of {count} members, " if count > 1 else ""
        role = "the assessed model." if name == models[0] else "with its own defaults."
        description = f"{ENCODERS[name].__name__} of xtalgraph, {mean}{role}"
        rungs.append(OwnRung(name, description, count))
    return rungs


def rungs_of(only: Sequence[str] | None, published: str | Path | None) -> list[Rung]:
    """Return the rungs that a model is compared with, from the bottom to the top.

    Args:
        only: Names of those that are wanted; None for all.
        published: A table of predictions, see `published_rungs`.

    Raises:
        ConfigError: If a name is not known.
        InputError: If the table cannot be read.
    """
    rungs: list[Rung] = [
        BaselineRung("mean"),
        BaselineRung("composition"),
        CompositionNetworkRung(),
        *descriptor_rungs(),
        *peer_rungs(),
    ]
    names = [rung.name for rung in rungs]
    for name in only or ():
        if name not in names:
            raise ConfigError(f"unknown rung {name!r}{nearest(name, names)}")
    kept = [rung for rung in rungs if only is None or rung.name in only]
    return kept + (published_rungs(published) if published is not None else [])
