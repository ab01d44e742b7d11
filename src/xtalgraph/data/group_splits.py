"""Splits that keep groups of rows together: all of one formula, one chemical system, one prototype.

Rows alone are groups of one.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from jaxtyping import Bool, Int

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.splits import Split, check_fractions, number_of_folds, sorted_split

_DRAWS: Final = {"folds": 1, "inner": 2, "validation": 3, "parts": 4, "calibration": 5}
"""What a generator is for, so that no two drawings of one seed are the same."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Which group each row belongs to."""

    label: Int[np.ndarray, " rows"]
    """Groups numbered from 0, in the order of the sorted names."""
    by: str
    """What the rows of a group share, in words: ``formula``."""

    @classmethod
    def of(cls, names: Sequence[Hashable], by: str) -> "Groups":
        """Group rows by name.

        Args:
            names: Of the group of each row. Their order in the file does not number the groups.
            by: What the rows of a group share.
        """
        numbers = {name: index for index, name in enumerate(sorted(set(names), key=str))}
        return cls(np.array([numbers[name] for name in names], dtype=np.int64), by)

    @classmethod
    def alone(cls, rows: int) -> "Groups":
        """Put every row into a group of its own."""
        return cls(np.arange(rows), "")

    def select(self, rows: Int[np.ndarray, " some"]) -> "Groups":
        """Return the groups of some rows, in that order."""
        return Groups(self.label[rows], self.by)

    @property
    def together(self) -> str:
        """How to say that groups were kept whole: `` by formula``."""
        return f" by {self.by}" if self.by else ""


def group_split(groups: Groups, *, val: float, test: float, seed: int) -> Split:
    """Draw the parts at random, groups whole, sizes as near the asked ones as the groups allow.

    The groups come in a random order. Each goes to the test while that brings the size of the test
    nearer to what is asked, the others in the same way to the validation part, the rest to the
    training part. So validation asks the same question as the test: groups never trained on.

    Args:
        groups: Of the rows.
        val: Fraction for validation.
        test: Fraction for the test.
        seed: Of the drawing.

    Raises:
        ConfigError: If there are too few groups, or the fractions leave nothing to train on.
    """
    check_fractions(val, test)
    count = len(groups.label)
    _check_number(groups, 3 if round(val * count) else 2)
    everything = np.arange(count)
    draw = np.random.default_rng([seed, _DRAWS["parts"]])
    in_test = _drawn(groups, max(1.0, test * count), draw, leave=2 if round(val * count) else 1)
    rest = everything[~in_test]
    in_val = _drawn_rows(groups, rest, val * count, draw)
    drawn = {"kind": "random", "groups": groups.by, "test": test, "validation": val, "seed": seed}
    return sorted_split(np.setdiff1d(rest, in_val), in_val, everything[in_test], drawn)


def draw_folds(groups: Groups, count: int, seed: int) -> Int[np.ndarray, " rows"]:
    """Draw folds of nearly equal size, groups whole.

    Groups in a random order, the largest first, go to the smallest fold so far.

    Args:
        groups: Of the rows.
        count: Number of folds.
        seed: Of the drawing.

    Returns:
        The fold of each row, from 0.

    Raises:
        ConfigError: If there are fewer than 2 folds, or fewer groups than folds.
    """
    return _folds(groups, count, np.random.default_rng([seed, _DRAWS["folds"]]))


def group_fold_split(
    folds: Int[np.ndarray, " rows"],
    fold: int,
    groups: Groups,
    *,
    val: float,
    seed: int,
    inner: tuple[int, int] | None = None,
    drawn: bool = True,
) -> Split:
    """Test on one fold; take validation from the others, groups whole.

    Args:
        folds: The fold of each row.
        fold: The one to test on.
        groups: Of the rows.
        val: Fraction of the other folds for validation.
        seed: Of the drawing.
        inner: Number of inner folds, and which of them validates: nested cross-validation.
            The inner folds divide what is not in the test; ``val`` plays no part.
        drawn: Whether the folds were drawn here, for the record.

    Raises:
        ConfigError: If there is no such fold, or too few groups.
    """
    count, rest = number_of_folds(folds, fold), np.flatnonzero(folds != fold)
    drawing = {
        "kind": "fold",
        "fold": fold,
        "folds": count,
        "groups": groups.by,
        "given": not drawn,
    }
    if inner is None:
        check_fractions(val, 0.0)
        draw = np.random.default_rng([seed, _DRAWS["validation"], fold])
        chosen = _drawn_rows(groups, rest, val * len(rest), draw)
        drawing["validation"] = val
    else:
        count, which = inner
        if not 0 <= which < count:
            raise ConfigError(
                f"there is no inner fold {which}; the inner folds are 0 to {count - 1}"
            )
        draw = np.random.default_rng([seed, _DRAWS["inner"], fold])
        chosen = rest[_folds(groups.select(rest), count, draw) == which]
        drawing |= {"inner_fold": which, "inner_folds": count}
    parts = np.setdiff1d(rest, chosen), chosen, np.flatnonzero(folds == fold)
    return sorted_split(*parts, {**drawing, "seed": seed})


def nested_splits(groups: Groups, outer: int, inner: int, seed: int) -> Iterator[Split]:
    """Go through all splits of a nested cross-validation, groups whole.

    Settings are chosen on the inner validation parts of one outer fold, whose test part stays
    unseen.

    Args:
        groups: Of the rows.
        outer: Number of test folds.
        inner: Number of validation folds within each.
        seed: Of the drawing.

    Yields:
        outer × inner splits: all inner ones of the first outer fold, then of the next.

    Raises:
        ConfigError: If there are too few groups.
    """
    folds = draw_folds(groups, outer, seed)
    for fold in range(outer):
        for which in range(inner):
            yield group_fold_split(folds, fold, groups, val=0.0, seed=seed, inner=(inner, which))


def holdout_split(
    held: Bool[np.ndarray, " rows"], groups: Groups, *, val: float, seed: int, by: tuple[str, str]
) -> Split:
    """Test on rows that are named, and draw validation from the others, groups whole.

    Args:
        held: Which rows are tested on.
        groups: Of the rows, for the validation part: it asks for groups never trained on.
        val: Fraction of the other rows for validation.
        seed: Of the drawing.
        by: What the held out rows share, and which: ``element``, ``O``.

    Raises:
        ConfigError: If no row is held out, or every one.
    """
    check_fractions(val, 0.0)
    if held.all() or not held.any():
        number = "every row has" if held.all() else "no row has"
        raise ConfigError(
            f"the test would be of the {by[0]} {by[1]}, which {number}: choose another split"
        )
    rest = np.flatnonzero(~held)
    draw = np.random.default_rng([seed, _DRAWS["validation"]])
    chosen = _drawn_rows(groups, rest, val * len(rest), draw)
    drawn = {"kind": "held out", "by": by[0], "name": by[1], "groups": groups.by}
    parts = np.setdiff1d(rest, chosen), chosen, np.flatnonzero(held)
    return sorted_split(*parts, {**drawn, "validation": val, "seed": seed})


def set_aside(split: Split, groups: Groups, *, fraction: float, seed: int) -> Split:
    """Take rows out of the training part to calibrate intervals with, groups whole.

    The test and the validation part stay what they were. Rows that chose the epoch are no use:
    their errors are smaller than those of rows that nothing was decided by.

    Args:
        split: Without such a part.
        groups: Of all rows: those that the split keeps whole, so that what calibrates is as new to
            the model as the test.
        fraction: Of the training part.
        seed: Of the drawing.

    Raises:
        ConfigError: If the fraction is out of range, or the training part is one group.
    """
    if not 0 < fraction < 1:
        raise ConfigError(
            f"data.calibration_fraction must be larger than 0 and less than 1, got {fraction}"
        )
    draw = np.random.default_rng([seed, _DRAWS["calibration"]])
    chosen = np.sort(_drawn_rows(groups, split.train, fraction * len(split.train), draw))
    drawn = {**split.drawn, "calibration": fraction, "calibration_groups": groups.by}
    train = np.setdiff1d(split.train, chosen)
    return replace(split, train=train, calibration=chosen, drawn=drawn)


def _drawn_rows(
    groups: Groups, rows: Int[np.ndarray, " some"], wanted: float, draw: np.random.Generator
) -> Int[np.ndarray, " chosen"]:
    """Draw about so many of the rows, groups whole, and never all of them."""
    if round(wanted) == 0:
        return rows[:0]
    some = groups.select(rows)
    _check_number(some, 2)
    return rows[_drawn(some, wanted, draw)]


def _drawn(
    groups: Groups, wanted: float, draw: np.random.Generator, leave: int = 1
) -> Bool[np.ndarray, " rows"]:
    """Draw groups of about so many rows in all, at least one, and leave some groups."""
    _, label, sizes = np.unique(groups.label, return_inverse=True, return_counts=True)
    order = draw.permutation(len(sizes))
    chosen = np.zeros(len(sizes), dtype=bool)
    have = 0
    for group in order.tolist():
        size = int(sizes[group])
        if abs(have + size - wanted) <= abs(have - wanted) and chosen.sum() < len(sizes) - leave:
            chosen[group], have = True, have + size
    if not chosen.any():  # every group is larger than twice what is asked
        chosen[order[np.argmin(sizes[order])]] = True
    return chosen[label]


def _folds(groups: Groups, count: int, draw: np.random.Generator) -> Int[np.ndarray, " rows"]:
    if count < 2:
        raise ConfigError(f"there must be at least 2 folds, got {count}")
    _check_number(groups, count)
    _, label, sizes = np.unique(groups.label, return_inverse=True, return_counts=True)
    order = draw.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    filled, fold = np.zeros(count, dtype=np.int64), np.empty(len(sizes), dtype=np.int64)
    for group in order.tolist():
        fold[group] = smallest = int(np.argmin(filled))
        filled[smallest] += sizes[group]
    return fold[label]


def _check_number(groups: Groups, needed: int) -> None:
    distinct = len(np.unique(groups.label))
    if distinct < needed:
        what = f"groups{groups.together}" if groups.by else "rows"
        raise ConfigError(
            f"a split{groups.together} needs at least {needed} {what}, these "
            f"{len(groups.label)} rows have {distinct}; choose another split"
        )
