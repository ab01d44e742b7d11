"""What a entry of the leaderboard is, and what it is given."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from xtalgraph.data.catalogue import KnownDataset
from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Kind, Target
from xtalgraph.training.reporting import Report, silent
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.dataset import Dataset
from xtalgraph.workflows.split_work import SplitWork


class Level(StrEnum):
    """How much a entry knows, from the bottom to the top."""

    MEAN = "mean"
    """How large values are."""
    COMPOSITION = "composition"
    """The formula."""
    DESCRIPTORS = "structure descriptors"
    """Fixed features of the structure."""
    PUBLIC = "public models"
    """What others offer: networks run here, or predictions they published."""
    OWN = "own models"
    """Architectures of xtalgraph: the one that is judged, and others beside it."""


@dataclass(frozen=True, eq=False)
class Case:
    """One fold of a comparison, the same for every entry."""

    source: Any
    """What is read."""
    known: KnownDataset | None
    """What the catalogue says of it."""
    config: RunConfig
    """Settings of the judged model, with the fold."""
    dataset: Dataset
    """Crystals and targets."""
    split: Split
    """The parts."""
    data_hash: str
    """SHA-256 of crystals and targets."""
    folder: Path
    """Of the comparison."""
    progress: bool
    """Whether to show progress bars."""
    work: SplitWork
    """What the trainings of the comparison share."""
    report: Report = silent
    """Told how far a entry has come."""

    @property
    def target(self) -> Target:
        """What is predicted."""
        return self.config.spec.target

    @property
    def where(self) -> str:
        """The fold in the name of a file."""
        fold = self.config.data.fold
        return "split" if fold is None else f"fold-{fold}"


@dataclass(frozen=True, eq=False)
class Said:
    """What a entry says of the test crystals of one fold."""

    values: Sequence[Float[np.ndarray, " _"]]
    """Predictions of each, in the order of the test part; of an atomic target one for each atom."""
    seconds: float | None
    """Time to learn and predict; None where somebody else did."""
    parameters: int | None
    """Numbers that were fitted; None where these do not count what was learned, as of trees."""


class LeaderboardEntry(ABC):
    """Something that a model is compared with.

    Args:
        name: As in the table; fit for the name of a folder.
        level: How much it knows.
        description: One sentence.
    """

    def __init__(self, name: str, level: Level, description: str) -> None:
        self.name = name
        self.level = level
        self.description = description

    def shares(self, case: Case) -> str:
        """Return the name of some work that it does; what has the same name runs in one process.

        Args:
            case: The fold.
        """
        return f"{self.name} {case.where}"

    @abstractmethod
    def why_not(self, case: Case) -> str:
        """Return why it cannot be run here and what to do about it; empty if it can."""

    @abstractmethod
    def settings(self, case: Case) -> dict[str, Any]:
        """Return what decides its predictions beside data, split and target, in plain values."""

    @abstractmethod
    def run(self, case: Case) -> Said:
        """Learn from the training part, and predict the test part."""


def why_not_a_number_of_crystals(target: Target, what: str) -> str:
    """Return why something that learns a number for each crystal does not serve a target.

    Args:
        target: What is predicted.
        what: Says what cannot be used, as the subject of the sentence.
    """
    if target.kind is Kind.ATOMIC:
        return f"{what} one number for each crystal, and {target.name!r} has one for each site"
    if target.is_class:
        return f"{what} numbers, and {target.name!r} is a class"
    return ""


def why_not_mixtures(case: Case, what: str) -> str:
    """Return why something that reads one atom on each site does not serve the crystals.

    Args:
        case: Its crystals.
        what: Says what cannot be used, as the subject of the sentence.
    """
    mixed = sum(one.occupancies is not None for one in case.dataset.table.crystals)
    if mixed == 0:
        return ""
    return f"{what} one atom on each site, and {mixed} crystals have disordered sites"
