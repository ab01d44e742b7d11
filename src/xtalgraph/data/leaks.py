"""Crystals that are in a table more than once, and what the parts of a split share."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final, Literal, final

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.composition import composition_key
from xtalgraph.crystals.convert import to_primitive
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.splits import Split
from xtalgraph.graphs.distance_lists import DistanceLists
from xtalgraph.graphs.prototype import find_prototype

DUPLICATE_TOLERANCE: Final = 0.1
"""Largest difference of two distances in crystals that count as the same, Å: atoms may have moved
by half of it. What that means on real sets is in docs/splits.md."""
REPEATED_TOLERANCE: Final = 0.01
"""The same for crystals whose labels should be equal, Å: the noise of relaxed coordinates is about
1e-3 Å, and beyond this the label may follow the structure."""
_LENGTH: Final = 0.05
"""How much lattice vectors of the same crystal may differ, as a fraction."""
_ANGLE: Final = 3.0
"""How much their angles may differ, degrees."""


@final
class DuplicateIndex:
    """Finds crystals of a table that are the same within a tolerance.

    First the sorted distances of each atom to its neighbours are compared, which finds every copy
    whose atoms moved by at most half the tolerance, in any cell, order and orientation, and mirror
    images (see `DistanceLists`); then pymatgen's ``StructureMatcher`` confirms the pairs, since
    stackings such as zinc blende and wurtzite differ beyond these distances only.
    """

    def __init__(self, crystals: Sequence[Crystal]) -> None:
        self._crystals = tuple(crystals)
        self._formula = [composition_key(crystal) for crystal in self._crystals]
        rows_of: dict[str, list[int]] = defaultdict(list)
        for row, formula in enumerate(self._formula):
            rows_of[formula].append(row)
        self._rows_of = {formula: np.array(rows) for formula, rows in rows_of.items()}
        self._lists = lru_cache(maxsize=16_384)(lambda row: DistanceLists.of(self._crystals[row]))
        self._reduced = lru_cache(maxsize=16_384)(lambda row: to_primitive(self._crystals[row]))
        self._known: dict[tuple[int, int, float], bool] = {}

    def partners(
        self,
        rows: Int[np.ndarray, " rows"],
        among: Int[np.ndarray, " others"],
        tolerance: float = DUPLICATE_TOLERANCE,
    ) -> Int[np.ndarray, " rows"]:
        """Find for each of some rows the same crystal among others.

        Args:
            rows: Numbers of rows.
            among: Numbers of rows; a row is no partner of itself.
            tolerance: Largest difference of two distances, Å.

        Returns:
            The partner that is nearest in the means of the distances, −1 where there is none.
        """
        partner = np.full(len(rows), -1)
        is_other = np.zeros(len(self._crystals), dtype=bool)
        is_other[among] = True
        wanted: dict[str, list[int]] = defaultdict(list)
        for index, row in enumerate(rows.tolist()):
            wanted[self._formula[row]].append(index)
        for formula, places in wanted.items():
            others = self._rows_of[formula][is_other[self._rows_of[formula]]]
            if len(others) == 0 or (len(others) == 1 and np.array_equal(others, rows[places])):
                continue
            near = self._near(rows[places], others, tolerance)
            for index, candidates in zip(places, near, strict=True):
                row = int(rows[index])
                same = (other for other in candidates if self.same(row, other, tolerance))
                partner[index] = next(same, -1)
        return partner

    def groups(self, tolerance: float = DUPLICATE_TOLERANCE) -> Int[np.ndarray, " rows"]:
        """Return the group of each row: two rows that hold the same crystal share theirs.

        Args:
            tolerance: Largest difference of two distances, Å.

        Returns:
            The smallest row of the group.
        """
        group = np.arange(len(self._crystals))
        for rows in self._rows_of.values():
            if len(rows) == 1:
                continue
            for row, near in zip(rows.tolist(), self._near(rows, rows, tolerance), strict=True):
                for other in near:
                    if group[row] != group[other] and self.same(row, other, tolerance):
                        low, high = sorted((int(group[row]), int(group[other])))
                        group[group == high] = low
        return group

    def same(self, first: int, second: int, tolerance: float = DUPLICATE_TOLERANCE) -> bool:
        """Whether two rows hold the same crystal, with distances that agree to a tolerance, Å."""
        key = min(first, second), max(first, second), tolerance
        if key not in self._known:
            self._known[key] = self._compare(*key)
        return self._known[key]

    def _compare(self, first: int, second: int, tolerance: float) -> bool:
        crystal, compared = self._crystals[first], self._crystals[second]
        if self._formula[first] != self._formula[second]:
            return False
        if _written_alike(crystal, compared):
            return True
        if not self._lists(first).same_as(self._lists(second), tolerance):
            return False
        return self._matcher_agrees(first, second, tolerance)

    def _matcher_agrees(self, first: int, second: int, tolerance: float) -> bool:
        """Whether pymatgen can lay one crystal on the other."""
        from pymatgen.core.structure_matcher import StructureMatcher

        crystal, compared = self._crystals[first], self._crystals[second]
        volume_per_atom = (crystal.volume / len(crystal) + compared.volume / len(compared)) / 2
        length = float(volume_per_atom ** (1.0 / 3.0))
        matcher = StructureMatcher(
            ltol=_LENGTH,
            stol=tolerance / length,  # in units of this length
            angle_tol=_ANGLE,
            scale=False,
            attempt_supercell=True,
        )
        pair = self._reduced(first), self._reduced(second)
        return bool(matcher.fit(*pair, skip_structure_reduction=True))

    def _near(
        self, rows: Int[np.ndarray, " rows"], others: Int[np.ndarray, " others"], tolerance: float
    ) -> Iterator[list[int]]:
        """Go through the rows; give those others that may be the same, the nearest first."""
        means = np.stack([self._lists(int(row)).means() for row in others])
        tree = KDTree(means)
        for row in rows.tolist():
            mean = self._lists(row).means()
            near = np.array(tree.query_ball_point(mean, tolerance + 1e-9, p=np.inf), dtype=np.int64)
            near = near[others[near] != row]
            apart = np.abs(means[near] - mean).max(axis=1, initial=0.0)
            yield others[near[np.argsort(apart, kind="stable")]].tolist()


def written_key(crystal: Crystal) -> bytes:
    """Return a key that crystals share whose cells, species and positions agree to 1e-5 Å."""
    digest = hashlib.sha256(np.ascontiguousarray(crystal.site_numbers).astype("<i8").tobytes())
    for values in (crystal.cell, crystal.positions, crystal.amounts):
        digest.update(np.round(values, 5).astype("<f8").tobytes())
    return digest.digest()


def _written_alike(first: Crystal, second: Crystal) -> bool:
    """Whether they are the same number by number, as a row that was copied is."""
    return (
        np.array_equal(first.site_numbers, second.site_numbers)
        and _same_mixtures(first, second)
        and np.array_equal(first.pbc, second.pbc)
        and np.allclose(first.cell, second.cell, rtol=0, atol=1e-6)
        and np.allclose(first.positions, second.positions, rtol=0, atol=1e-6)
    )


def _same_mixtures(first: Crystal, second: Crystal) -> bool:
    mixtures, others = first.occupancies, second.occupancies
    if mixtures is None or others is None:
        return mixtures is others
    return mixtures.same_as(others)


def label_differences(
    partner: Int[np.ndarray, " rows"], values: Float[np.ndarray, " rows"]
) -> Float[np.ndarray, " pairs"]:
    """Return how labels, per atom if extensive, of the same crystals differ; partner −1 is none."""
    rows = np.flatnonzero(partner >= 0)
    pairs = np.unique(np.sort(np.stack([rows, partner[rows]], axis=1), axis=1), axis=0)
    return np.abs(values[pairs[:, 0]] - values[pairs[:, 1]])


@dataclass(frozen=True)
class Leak:
    """How many rows of a part share something with a training row."""

    part: Literal["test", "val"]
    shares: Literal["formula", "prototype", "structure"]
    """What is shared: the reduced formula, the prototype with the same elements on its sites, or
    the structure itself."""
    rows: int
    """Rows of the part that share it."""
    of: int
    """Rows of the part."""
    unknown: int = 0
    """Rows that share the formula, but whose prototype could not be found; they are not counted."""


@dataclass(frozen=True)
class RepeatedCrystals:
    """Crystals that are in the table more than once, whatever the split.

    They are compared ten times more strictly than for leaks, so that a difference of the labels is
    an error of the labels.
    """

    rows: int
    """Rows whose crystal is in another row, too."""
    pairs: int
    """Pairs of a row and its nearest copy, each once."""
    different: int
    """Pairs with different labels; 0 where there is not one label for each crystal."""
    median: float | None
    """Median difference of the labels of a pair, in the unit of the target, for each atom where it
    is extensive; None where there are no pairs with labels."""
    largest: float | None
    """Largest difference."""


@dataclass(frozen=True)
class Leaks:
    """All that is counted for a split."""

    leaks: tuple[Leak, ...]
    """Test before validation, formula before prototype before structure."""
    repeated: RepeatedCrystals
    """In the whole table."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {"shared": [asdict(leak) for leak in self.leaks], "repeated": asdict(self.repeated)}


def count_leaks(
    crystals: Sequence[Crystal], split: Split, labels: Float[np.ndarray, " rows"] | None = None
) -> Leaks:
    """Count what test and validation share with training, and the repeated crystals of the table.

    Copies within the training part are no leak. What has the prototype and the elements of a
    training row has its formula, too, and so has a copy: prototypes and structures are compared
    only where formulas agree.

    Args:
        crystals: Of the whole table.
        split: Its parts.
        labels: One for each crystal, of an extensive target for each atom; None where a crystal
            has several.
    """
    index = DuplicateIndex(crystals)
    formula = np.array([composition_key(crystal) for crystal in crystals])
    trained: dict[str, list[int]] = {}
    for row in split.train.tolist():
        trained.setdefault(formula[row], []).append(row)
    prototypes = _Prototypes(crystals)
    leaks: list[Leak] = []
    for part, rows in (("test", split.test), ("val", split.val)):
        if len(rows) == 0:
            continue
        known = rows[np.isin(formula[rows], list(trained))]
        alike = [prototypes.shared(row, trained[formula[row]]) for row in known.tolist()]
        copies = index.partners(known, split.train) >= 0
        counts = {
            "formula": (len(known), 0),
            "prototype": (alike.count(True), alike.count(None)),
            "structure": (int(copies.sum()), 0),
        }
        for shares, (number, unknown) in counts.items():
            leaks.append(Leak(part, shares, number, len(rows), unknown))  # type: ignore[arg-type]
    return Leaks(tuple(leaks), _repeated(index, len(crystals), labels))


class _Prototypes:
    """Prototypes with their elements, each found once."""

    def __init__(self, crystals: Sequence[Crystal]) -> None:
        self._crystals = crystals
        self._found: dict[int, str | None] = {}

    def shared(self, row: int, others: Sequence[int]) -> bool | None:
        """Whether any of the others has the prototype and elements of the row.

        None where that of the row is not known.
        """
        groups = self._of(row)
        return None if groups is None else any(self._of(other) == groups for other in others)

    def _of(self, row: int) -> str | None:
        if row not in self._found:
            try:
                self._found[row] = find_prototype(self._crystals[row]).with_elements
            except GraphError:  # a slab; counted as unknown
                self._found[row] = None
        return self._found[row]


def _repeated(
    index: DuplicateIndex, count: int, labels: Float[np.ndarray, " rows"] | None
) -> RepeatedCrystals:
    everything = np.arange(count)
    partner: Int[np.ndarray, " rows"] = index.partners(everything, everything, REPEATED_TOLERANCE)
    same: Bool[np.ndarray, " rows"] = partner >= 0
    differences = label_differences(partner, np.zeros(count) if labels is None else labels)
    if labels is None or len(differences) == 0:
        return RepeatedCrystals(int(same.sum()), len(differences), 0, None, None)
    # Labels that agree in six digits were computed once and rounded.
    different = int((differences > 1e-6 * max(float(np.abs(labels).max()), 1e-300)).sum())
    return RepeatedCrystals(
        int(same.sum()),
        len(differences),
        different,
        float(np.median(differences)),
        float(differences.max()),
    )
