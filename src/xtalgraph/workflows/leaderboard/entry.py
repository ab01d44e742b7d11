"""What an entry of the leaderboard is, and what it is given."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.data.dataset import Dataset, Divided
from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Target
from xtalgraph.evidence.leaderboard import EntryResult, Fold, assess_entries
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.executor import Session
from xtalgraph.workflows.prepared import Preparations


class Level(StrEnum):
    """How much an entry knows, from the bottom to the top."""

    MEAN = "mean"
    """How large values are."""
    REFERENCE = "reference energies"
    """Of a potential: the energies of the elements."""
    PAIRS = "pair potential"
    """Of a potential: the distances of pairs of atoms."""
    COMPOSITION = "composition"
    """The formula."""
    DESCRIPTORS = "structure descriptors"
    """Fixed features of the structure."""
    PUBLIC = "public models"
    """What others offer: networks run here, or predictions they published."""
    OWN = "own models"
    """Architectures of xtalgraph: the one that is assessed, and others beside it."""


@dataclass(frozen=True, eq=False)
class Case:
    """One fold of a comparison, the same for every entry."""

    preparations: Preparations
    """What the trainings of the comparison share."""
    config: RunConfig
    """Settings of the assessed model, with the fold."""
    divided: Divided
    folder: Path
    session: Session
    """How the entries are run."""

    @property
    def dataset(self) -> Dataset:
        """Crystals and labels."""
        return self.divided.dataset

    @property
    def split(self) -> Split:
        """The parts."""
        return self.divided.split

    @property
    def target(self) -> Target:
        """What is predicted."""
        return self.config.targets[0]

    @property
    def test_ids(self) -> list[str]:
        """The ids of the test part, in its order."""
        return [self.dataset.table.ids[i] for i in self.split.test.tolist()]

    @property
    def where(self) -> str:
        """The fold in the name of a file."""
        fold = self.config.data.fold
        return "split" if fold is None else f"fold-{fold}"

    def labels(self, crystals: Int[np.ndarray, " crystals"]) -> Float[np.ndarray, "rows *shape"]:
        """Return the labels of some crystals, one after the other."""
        return self.dataset.labels.of(self.target.name, crystals)


class LeaderboardEntry(ABC):
    """Something that a model is compared with.

    Args:
        name: As in the table; fit for the name of a folder.
        level: How much it knows.
        **details: Names and numbers that say what it is, beside the name.
    """

    def __init__(self, name: str, level: Level, **details: str | int) -> None:
        self.name = name
        self.level = level
        self.details = details

    def as_dict(self) -> dict[str, Any]:
        """Return name, level and details as plain values."""
        return {"name": self.name, "level": str(self.level), "details": self.details}

    def shares(self, case: Case) -> str:
        """Return the name of some work that it does; what has the same name runs in one process."""
        return f"{self.name} {case.where}"

    @abstractmethod
    def why_not(self, case: Case) -> str:
        """Return why it cannot be run here and what to do about it; empty if it can."""

    @abstractmethod
    def settings(self, case: Case) -> dict[str, Any]:
        """Return what decides its predictions beside data, split and target, in plain values."""

    @abstractmethod
    def run(self, case: Case) -> EntryResult:
        """Learn from the training part, and predict the test part."""


def entry_documents(
    folds: Sequence[Fold],
    results: Mapping[LeaderboardEntry, Sequence[EntryResult]],
    assessed: LeaderboardEntry,
    target: Target,
    **options: Any,
) -> list[dict[str, Any]]:
    """Return what each entry is and what was measured, as ``compare.json`` holds it."""
    by_name = {entry.name: predictions for entry, predictions in results.items()}
    measured = assess_entries(folds, by_name, assessed.name, target, **options)
    return [
        {**entry.as_dict(), "assessed": entry is assessed, **measured[entry.name]}
        for entry in results
    ]


def why_not_a_number_of_crystals(target: Target, what: str) -> str:
    """Return why a target is no number for each crystal; `what` is the subject of the sentence."""
    reason = target.why_no_number
    return f"{what} one number for each crystal, and {reason}" if reason else ""


def why_not_mixtures(case: Case, what: str) -> str:
    """Return why crystals have not one atom on each site; `what` is the subject of the sentence."""
    mixed = sum(crystal.occupancies is not None for crystal in case.dataset.table.crystals)
    if mixed == 0:
        return ""
    return f"{what} one atom on each site, and {mixed} crystals have disordered sites"
