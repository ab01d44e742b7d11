"""Whether two crystals are the same structure, and how far their atoms are apart, by pymatgen."""

from collections.abc import Hashable, Sequence
from typing import Any, Final, final

import numpy as np
from jaxtyping import Int

from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.convert import to_primitive
from xtalgraph.crystals.crystal import Crystal

SITE_TOLERANCE: Final = 0.5
"""Root mean square distance of a match, below which it lies, in units of (V/N)^(1/3)."""
MATCH: Final = {"ltol": 0.3, "stol": SITE_TOLERANCE, "angle_tol": 10.0}
"""Tolerances of a match with a reference, those of all published match rates."""
SAME: Final = {"ltol": 0.2, "stol": 0.3, "angle_tol": 5.0}
"""Tolerances of two structures that count as one: pymatgen's own."""


@final
class StructureMatches:
    """Compares crystals with pymatgen's ``StructureMatcher``; reduces each crystal once.

    Volumes are made equal before, so a match says nothing about the density. Crystals that overlap
    or have no volume match nothing.

    Args:
        tolerances: `MATCH` or `SAME`.
    """

    def __init__(self, tolerances: dict[str, float]) -> None:
        from pymatgen.core.structure_matcher import StructureMatcher

        reduced = {"primitive_cell": False, "attempt_supercell": False, "scale": True}
        self._matcher = StructureMatcher(**tolerances, **reduced)
        self._known: dict[int, tuple[Crystal, Any]] = {}

    def key(self, crystal: Crystal) -> Hashable:
        """Return what crystals share that may match: the atoms of the primitive cell.

        Args:
            crystal: Repeating in all directions.

        Returns:
            None for a crystal that matches nothing.
        """
        structure = self._reduced(crystal)
        return None if structure is None else structure.composition.formula

    def distance(self, first: Crystal, second: Crystal) -> float:
        """Return the root mean square distance of the atoms of two crystals laid on each other.

        Args:
            first: A crystal.
            second: Another one.

        Returns:
            In units of (V/N)^(1/3), without unit; infinite where they do not match.

        >>> salt = Crystal.from_fractional(
        ...     2.8 * (1 - np.eye(3)), np.array([[0.0] * 3, [0.5] * 3]), np.array([11, 17])
        ... )
        >>> wider = salt.moved(1.1 * salt.cell, 1.1 * salt.positions)
        >>> StructureMatches(MATCH).distance(salt, wider)
        0.0
        """
        pair = self._comparable(first, second)
        match = None if pair is None else self._tried(self._matcher.get_rms_dist, *pair)
        return np.inf if match is None else round(float(match[0]), 9)

    def same(self, first: Crystal, second: Crystal) -> bool:
        """Whether two crystals match, in the faster way.

        Args:
            first: A crystal.
            second: Another one.
        """
        pair = self._comparable(first, second)
        return pair is not None and bool(
            self._tried(self._matcher.fit, *pair, skip_structure_reduction=True)
        )

    def representatives(self, crystals: Sequence[Crystal]) -> Int[np.ndarray, " crystals"]:
        """Return for each crystal the first one that is the same.

        Args:
            crystals: Some crystals; those that match nothing are alone.

        Returns:
            Places in the list; a crystal that is the first of its kind has its own.
        """
        firsts: dict[Hashable, list[int]] = {}
        representative = np.arange(len(crystals))
        for row, crystal in enumerate(crystals):
            others = firsts.setdefault(self.key(crystal), [])
            match = next((other for other in others if self.same(crystals[other], crystal)), row)
            representative[row] = match
            if match == row:
                others.append(row)
        return representative

    def _comparable(self, first: Crystal, second: Crystal) -> tuple[Any, Any] | None:
        if self.key(first) is None or self.key(first) != self.key(second):
            return None
        return self._reduced(first), self._reduced(second)

    def _reduced(self, crystal: Crystal) -> Any:
        """Return the primitive cell in Niggli's form, or None."""
        if id(crystal) not in self._known:
            structure = None
            if find_problem(crystal, isolated=np.inf) is None:
                structure = self._tried(to_primitive, crystal)
            self._known[id(crystal)] = crystal, structure  # the crystal keeps its id
        return self._known[id(crystal)][1]

    @staticmethod
    def _tried(function: Any, *arguments: Any, **options: Any) -> Any:
        """Return what pymatgen finds; None where it fails on a cell that it cannot reduce."""
        try:
            return function(*arguments, **options)
        except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError):
            return None
