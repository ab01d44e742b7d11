"""What a classical structure descriptor is."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np
from jaxtyping import Float32
from scipy.sparse import csr_array

from xtalgraph.crystals.crystal import Crystal

Rows: TypeAlias = Float32[np.ndarray, "crystals features"] | csr_array
"""A row of features for each crystal; sparse where almost all of them are zero."""
AtomRows: TypeAlias = Float32[np.ndarray, "atoms features"]
"""A row of features for each atom of some crystals, one crystal after the other."""


class Descriptor(ABC):
    """Fixed features of whole crystals: nothing of them is learned.

    They do not change with the choice of the cell: a supercell has the features of its primitive
    cell, the mean over its atoms. A subclass is a frozen dataclass of its settings.
    """

    name: ClassVar[str]
    """Short name, as in tables."""
    version: ClassVar[int] = 1
    """Raised where the same settings give other features, or the files that keep them differ."""

    @abstractmethod
    def check(self) -> None:
        """Find out whether what it needs is installed.

        Raises:
            MissingExtraError: If it is not.
        """

    @abstractmethod
    def describe(self, crystals: Sequence[Crystal], elements: Sequence[int]) -> Rows:
        """Return the features of crystals.

        Args:
            crystals: What to describe; more than none.
            elements: Atomic numbers that occur in the whole set, ascending; the columns depend on
                them.
        """

    def settings(self) -> dict[str, Any]:
        """Return everything that decides the features but the crystals, in plain values."""
        plain: dict[str, Any] = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {"descriptor": self.name, "version": self.version, **plain}


class AtomDescriptor(Descriptor):
    """Fixed features of atoms; a crystal has their mean."""

    @abstractmethod
    def describe_atoms(self, crystals: Sequence[Crystal]) -> AtomRows:
        """Return the features of the atoms of crystals.

        Args:
            crystals: What to describe; more than none.
        """

    def describe(self, crystals: Sequence[Crystal], elements: Sequence[int]) -> Rows:
        """Return the mean over the atoms of each crystal; the elements decide nothing."""
        return mean_of_atoms(self.describe_atoms(crystals), crystals)


def mean_of_atoms(
    rows: AtomRows, crystals: Sequence[Crystal]
) -> Float32[np.ndarray, "crystals features"]:
    """Return the mean row of each crystal."""
    ends = np.cumsum([crystal.num_atoms for crystal in crystals])
    parts = np.split(rows, ends[:-1])
    return np.stack([part.mean(axis=0) for part in parts])
