"""The points of a sweep: every combination of some values of some settings."""

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.request import Request

_FIXED: Final = {
    "data.path": "each data set is an ablation of its own",
    "data.target": "each target is an ablation of its own",
    "data.fold": "give the folds with --fold 0,1,2: they are repetitions, and are averaged",
    "training.seed": "give the seeds with --seed 0,1,2: they are repetitions, and are averaged",
}
"""What is not swept, and what to do instead."""


@dataclass(frozen=True)
class Sweep:
    """A setting and the values that it is given."""

    key: str
    """Dotted: ``model.depth``."""
    values: tuple[Any, ...]
    """In the order in which they are shown."""

    def __post_init__(self) -> None:
        if self.key in _FIXED:
            raise ConfigError(f"{self.key} is not swept: {_FIXED[self.key]}")
        if not self.values:
            raise ConfigError(f"the sweep of {self.key} has no value: say {self.key}=1,2,3")

    @classmethod
    def parse(cls, text: str) -> "Sweep":
        """Read ``model.depth=2,3,4``; each value as YAML, lists in brackets; else a `ConfigError`.

        >>> Sweep.parse("model.depth=2,3")
        Sweep(key='model.depth', values=(2, 3))
        """
        key, equals, values = text.partition("=")
        if not (equals and "." in key):
            raise ConfigError(
                f"--sweep takes section.key=value,value, as in model.depth=2,3,4: {text!r}"
            )
        try:
            return cls(key.strip(), tuple(yaml.safe_load(f"[{values}]")))
        except yaml.YAMLError as error:
            raise ConfigError(
                f"--sweep {text}: {values!r} is not a list of YAML values, as in 2,3,4"
            ) from error


@dataclass(frozen=True)
class Point:
    """One training of a sweep."""

    settings: Mapping[str, Any]
    """The swept settings."""
    fold: int | None
    """The test fold, where there are folds."""
    seed: int
    """Seed of the split, the initial weights and the order."""
    config: RunConfig

    @property
    def key(self) -> str:
        """Eight hexadecimal digits of the SHA-256 of all settings that decide the numbers."""
        decided = json.dumps(self.config.deciding(), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(decided.encode()).hexdigest()[:8]

    @property
    def name(self) -> str:
        """A name for its folder, readable first, and unmistakable by its end."""
        text = "_".join(f"{key.rpartition('.')[2]}={value}" for key, value in self._values.items())
        return f"{re.sub(r'[^A-Za-z0-9_=.+-]', '-', text)[:80]}_{self.key}"

    def __str__(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in self._values.items())

    @property
    def _values(self) -> dict[str, Any]:
        """What makes it differ from the other points."""
        fold = {} if self.fold is None else {"fold": self.fold}
        return {**self.settings, **fold, "seed": self.seed}


def points_of(
    request: Request, sweeps: Sequence[Sweep], folds: Sequence[int], seeds: Sequence[int]
) -> list[Point]:
    """Return every combination, the first setting slowest, folds and seeds fastest.

    Args:
        request: The settings that all points share.
        sweeps: What differs.
        folds: Test folds; empty takes that of the request.
        seeds: Empty takes that of the request.

    Raises:
        ConfigError: On an unknown setting, a value that cannot be, or two points that are one.
    """
    keys = [sweep.key for sweep in sweeps]
    if not keys:
        raise ConfigError("nothing is swept: say --sweep section.key=value,value")
    if len(set(keys)) < len(keys):
        raise ConfigError(f"each setting is swept once, got {', '.join(keys)}")
    of_folds: list[dict[str, Any]] = [{"data.fold": fold} for fold in folds] or [{}]
    of_seeds: list[dict[str, Any]] = [{"training.seed": seed} for seed in seeds] or [{}]
    repeats = [fold | seed for fold in of_folds for seed in of_seeds]
    points: dict[str, Point] = {}
    for values in itertools.product(*(sweep.values for sweep in sweeps)):
        settings = dict(zip(keys, values, strict=True))
        for repeat in repeats:
            config = request.config(settings | repeat)
            point = Point(settings, config.data.fold, config.training.seed, config)
            if point.key in points:
                raise ConfigError(
                    f"two points of the sweep are the same: {points[point.key]} and {point}"
                )
            points[point.key] = point
    return list(points.values())
