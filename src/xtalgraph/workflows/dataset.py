"""Crystals with their targets, some of which may be missing."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.data.conditions import ATOMS_ALONE, Conditions
from xtalgraph.data.states import States
from xtalgraph.data.table import CrystalTable


@dataclass(frozen=True, eq=False)
class Dataset:
    """Crystals with their targets."""

    table: CrystalTable
    """The crystals; rows without any target are among the rejected."""
    values: tuple[Float[np.ndarray, "_ *columns"], ...]
    """For each crystal an array: one value, or one for each atom if the target is atomic. Of
    several targets a column for each, NaN where the label is missing."""
    conditions: Conditions = ATOMS_ALONE
    """Which columns of the table are the state of a crystal; every crystal has one."""

    def reject(self, reasons: Mapping[int, str]) -> "Dataset":
        """Return what is left when some of the crystals are rejected.

        Args:
            reasons: Why, by the place of the crystal.
        """
        kept = (values for place, values in enumerate(self.values) if place not in reasons)
        return Dataset(self.table.reject(reasons), tuple(kept), self.conditions)

    @property
    def states(self) -> States | None:
        """What is known of each crystal beside its atoms; None where no columns are declared."""
        if not self.conditions:
            return None
        columns = self.table.columns[list(self.conditions.columns)]
        return self.conditions.states_of(columns.to_dict("records"))

    def content_hash(self) -> str:
        """Return the SHA-256 of crystals, targets and states."""
        digest = hashlib.sha256(self.table.content_hash().encode())
        for values in self.values:
            digest.update(values.astype("<f8").tobytes())
        states = self.states
        if states is not None:
            digest.update(states.to_bytes())
        return digest.hexdigest()

    def known(self, column: int) -> Bool[np.ndarray, " crystals"]:
        """Return which crystals have a label in a column."""
        return np.array([not np.isnan(values[:, column]).any() for values in self.values])

    def of_column(self, column: int) -> tuple["Dataset", Int[np.ndarray, " known"]]:
        """Return the crystals that have a label in a column, with it alone, and their places.

        Args:
            column: Its number.
        """
        places = np.flatnonzero(self.known(column))
        values = tuple(self.values[i][:, column] for i in places)
        return Dataset(self.table.select(places), values, self.conditions), places


def values_of(dataset: Dataset, crystals: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the targets of some crystals, one after the other."""
    return np.concatenate([dataset.values[int(i)] for i in crystals] or [np.zeros(0)])
