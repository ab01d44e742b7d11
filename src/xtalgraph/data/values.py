"""Values of several targets for many crystals: labels, and in the same shape predictions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from xtalgraph.conventions.errors import TargetError
from xtalgraph.data.targets import Target
from xtalgraph.graphs.graph import Scope

Crystals = Sequence[int] | Int[np.ndarray, " chosen"]
"""Numbers of some crystals, in the order in which they are wanted."""


@dataclass(frozen=True, eq=False)
class Values:
    """One array for each target, by its name.

    Args:
        targets: What the values are of; each name once.
        arrays: For each target one row for each crystal, or for each atom, crystal by crystal, if
            the target is atomic. NaN where a value is missing.
        num_atoms: Of each crystal.

    Raises:
        TargetError: If an array is missing, or has not the rows of its target.
    """

    targets: tuple[Target, ...]
    arrays: Mapping[str, Float[np.ndarray, "rows *shape"]]
    num_atoms: Int[np.ndarray, " crystals"]

    def __post_init__(self) -> None:
        names = [target.name for target in self.targets]
        if sorted(names) != sorted(self.arrays):
            raise TargetError(
                f"the values must be of {', '.join(sorted(names))}, got those of "
                f"{', '.join(sorted(self.arrays))}"
            )
        for target in self.targets:
            rows, wanted = len(self.arrays[target.name]), len(self.num_atoms)
            if target.scope is Scope.ATOM:
                wanted = int(self.num_atoms.sum())
            if rows != wanted:
                raise TargetError(f"{target.name!r} must have {wanted} rows, got {rows}")

    def __len__(self) -> int:
        """Return the number of crystals."""
        return len(self.num_atoms)

    def __getitem__(self, name: str) -> Float[np.ndarray, "rows *shape"]:
        """Return the array of a target."""
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the targets, in their order."""
        return (target.name for target in self.targets)

    def target(self, name: str) -> Target:
        """Return the declaration of a target."""
        return next(target for target in self.targets if target.name == name)

    def rows(self, name: str, crystals: Crystals) -> Int[np.ndarray, " rows"]:
        """Return the rows of a target that belong to some crystals, crystal by crystal."""
        chosen = np.asarray(crystals, dtype=np.int64)
        if self.target(name).scope is Scope.CRYSTAL:
            return chosen
        counts = self.num_atoms[chosen]
        starts = np.repeat(self._first_atom[chosen], counts)
        return starts + np.arange(len(starts)) - np.repeat(np.cumsum(counts) - counts, counts)

    def of(self, name: str, crystals: Crystals) -> Float[np.ndarray, "rows *shape"]:
        """Return the values of a target for some crystals, one after the other."""
        return self.arrays[name][self.rows(name, crystals)]

    def known(self, name: str) -> Bool[np.ndarray, " crystals"]:
        """Return which crystals have a value of a target, of all their atoms if it is atomic."""
        values = self.arrays[name]
        missing = np.isnan(values).reshape(len(values), -1).any(axis=1)
        if self.target(name).scope is Scope.CRYSTAL:
            return ~missing
        ends = np.append(0, np.cumsum(missing))
        last = self._first_atom + self.num_atoms
        return np.asarray(ends[last] == ends[self._first_atom])

    def select(self, crystals: Crystals) -> "Values":
        """Return the values of some crystals, in the given order."""
        chosen = np.asarray(crystals, dtype=np.int64)
        arrays = {name: self.of(name, chosen) for name in self}
        return Values(self.targets, arrays, self.num_atoms[chosen])

    @classmethod
    def concatenated(cls, parts: Sequence["Values"]) -> "Values":
        """Return the values of several lists of crystals, one after the other."""
        arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        num_atoms = np.concatenate([part.num_atoms for part in parts])
        return cls(parts[0].targets, arrays, num_atoms)

    def only(self, name: str) -> "Values":
        """Return the values of one target alone."""
        return Values((self.target(name),), {name: self.arrays[name]}, self.num_atoms)

    @cached_property
    def _first_atom(self) -> Int[np.ndarray, " crystals"]:
        return np.asarray(np.cumsum(self.num_atoms) - self.num_atoms)
