"""How a table is divided, in a word: ``formula``, ``element:O``, ``target:high``; and doing it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Float, Shaped

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import ConfigError, GraphError, InputError
from xtalgraph.conventions.settings import nearest
from xtalgraph.crystals.composition import chemical_system, composition_key
from xtalgraph.data.dates import moments_of
from xtalgraph.data.group_splits import (
    Groups,
    draw_folds,
    group_fold_split,
    group_split,
    holdout_split,
)
from xtalgraph.data.leaks import DuplicateIndex
from xtalgraph.data.split_column import SplitColumn
from xtalgraph.data.splits import Split, check_fractions, column_split, random_split, sorted_split
from xtalgraph.data.table import CrystalTable
from xtalgraph.graphs.anions import anion_family, family_named
from xtalgraph.graphs.prototype import find_prototype

ENDS: Final = ("high", "low")
"""The ends of an order."""


def extreme_split(
    values: Shaped[np.ndarray, " rows"], end: str, *, val: float, test: float, by: Mapping[str, Any]
) -> Split:
    """Test on the rows with the highest or lowest values, validate on those next to them.

    So validation asks the same question as the test, to go beyond what was seen, and no more than
    ``1 − val − test`` of the rows are trained on. Rows of equal value stay together, so the sizes
    are as near the asked ones as the ties allow. Nothing is drawn.

    Args:
        values: One for each row; anything that can be sorted.
        end: ``high`` or ``low``: which values are in the test.
        val: Fraction for validation.
        test: Fraction for the test.
        by: Of what the values are: ``{"by": "target"}``.

    Raises:
        ConfigError: If the fractions are not as they must be, or ties leave nothing to train on.
    """
    check_fractions(val, test)
    _, rank, sizes = np.unique(values, return_inverse=True, return_counts=True)
    if end == "high":
        rank, sizes = len(sizes) - 1 - rank, sizes[::-1]
    filled = np.cumsum(sizes)
    in_test = max(1, _nearest_count(filled, test * len(values)))
    tested = int(filled[in_test - 1])
    in_val = max(in_test, _nearest_count(filled, tested + val * len(values)))
    return sorted_split(
        np.flatnonzero(rank >= in_val),
        np.flatnonzero((rank >= in_test) & (rank < in_val)),
        np.flatnonzero(rank < in_test),
        {"kind": "extreme", **by, "end": end, "test": test, "validation": val},
    )


def time_split(column: SplitColumn, *, val: float, test: float) -> Split:
    """Test on the latest rows, validate on those just before them.

    Args:
        column: Dates as `moments_of` reads them, or numbers such as years.
        val: Fraction for validation.
        test: Fraction for the test.

    Raises:
        InputError: If a row has no date, or one that cannot be read in one way alone.
        ConfigError: If the fractions are not as they must be, or ties leave nothing to train on.
    """
    moments = moments_of(column)
    by = {"by": "time", "column": column.name, "order": moments.order or ""}
    return extreme_split(moments.values, "high", val=val, test=test, by=by)


def _nearest_count(filled: np.ndarray, wanted: float) -> int:
    """Return how many steps bring the filled number nearest to what is wanted, from 0 on."""
    reached = np.concatenate([[0], filled])
    return int(np.argmin(np.abs(reached - wanted)))


SPLITS: Final[dict[str, str]] = {
    "random": "",
    "folds": "",
    "formula": "",
    "chemsys": "",
    "prototype": "",
    "structure": "",
    "group": "COLUMN",
    "element": "SYMBOL",
    "anion": "SYMBOL",
    "family": "NAME",
    "target": "high|low",
    "time": "COLUMN",
    "column": "COLUMN",
}
"""Every way to divide, and what is written after its colon."""
GROUPED: Final = ("formula", "chemsys", "prototype", "structure", "group")
"""Those that keep groups of rows together, and of which there are folds."""
_CALLED: Final = {"chemsys": "chemical system"}


@dataclass(frozen=True)
class Division:
    """What ``--split`` says.

    Args:
        kind: One of `SPLITS`.
        argument: What stands after the colon; empty where nothing does.
    """

    kind: str
    argument: str

    @property
    def has_folds(self) -> bool:
        """Whether it can be taken apart into folds."""
        return self.kind == "folds" or self.kind in GROUPED


def parse_division(word: str) -> Division:
    """Read a division from a word, ``random`` or ``element:O``; a `ConfigError` says what is wrong.

    >>> parse_division("element:O")
    Division(kind='element', argument='O')
    """
    kind, colon, argument = word.partition(":")
    if kind not in SPLITS:
        raise ConfigError(f"data.split: there is no split {kind!r}{nearest(kind, SPLITS)}")
    wanted = SPLITS[kind]
    if bool(wanted) != bool(argument) or (colon and not argument):
        form = f"{kind}:{wanted}" if wanted else kind
        raise ConfigError(f"data.split must be written {form}, got {word!r}")
    if kind in ("element", "anion") and argument not in ATOMIC_NUMBERS:
        raise ConfigError(f"data.split: {argument!r} is no element; write a symbol, as in {kind}:O")
    if kind == "family":
        family_named(argument)
    if kind == "target" and argument not in ENDS:
        raise ConfigError(f"data.split must be target:high or target:low, got {word!r}")
    return Division(kind, argument)


def groups_of(table: CrystalTable, division: Division) -> Groups:
    """Return the groups that a division keeps whole; every row alone where it keeps none.

    A `ConfigError` if there is no such column, an `InputError` if a crystal has no prototype.
    """
    kind, crystals = division.kind, table.crystals
    by = _CALLED.get(kind, kind)
    if kind == "formula":
        return Groups.of([composition_key(crystal) for crystal in crystals], by)
    if kind == "chemsys":
        return Groups.of([chemical_system(crystal) for crystal in crystals], by)
    if kind == "prototype":
        return Groups.of(_prototypes(table), by)
    if kind == "structure":
        return Groups.of(DuplicateIndex(crystals).groups().tolist(), by)
    if kind == "group":
        names = column_of(table, division.argument).groups()
        return Groups.of(names, f"column {division.argument}")
    return Groups.alone(len(table))


def groups_like_test(table: CrystalTable, division: Division) -> Groups:
    """Return the groups by which rows must be drawn to be as new to a model as the test is.

    Raises as `groups_of`.
    """
    if division.kind in ("element", "anion", "family"):
        return groups_of(table, Division("chemsys", ""))
    return groups_of(table, division)


def divide(
    table: CrystalTable,
    values: Float[np.ndarray, " rows"] | None,
    division: Division,
    *,
    val: float,
    test: float,
    seed: int,
) -> Split:
    """Divide a table into one training, validation and test part.

    Args:
        table: The crystals.
        values: Their targets, for ``target:high`` and ``target:low``.
        division: How; not ``folds``, see `divide_in_folds`.
        val: Fraction for validation: of all rows, and of those that are not held out for
            ``element``, ``anion`` and ``family``.
        test: Fraction for the test, where it is drawn or cut off.
        seed: Of every drawing.

    Raises:
        ConfigError: If nothing would be left to train or test on, or there is no such column.
        InputError: If the crystals cannot be divided so.
    """
    kind, argument = division.kind, division.argument
    if kind == "random":
        return random_split(len(table), val=val, test=test, seed=seed)
    if division.has_folds:
        return group_split(groups_of(table, division), val=val, test=test, seed=seed)
    if kind == "column":
        return column_split(column_of(table, argument), argument)
    if kind == "time":
        return time_split(column_of(table, argument), val=val, test=test)
    if kind == "target":
        if values is None:
            raise ConfigError(
                f"data.split {kind}:{argument} needs one target with one number for each "
                "crystal: choose another split"
            )
        return extreme_split(values, argument, val=val, test=test, by={"by": "target"})
    held, systems = _held_out(table, division), groups_like_test(table, division)
    return holdout_split(held, systems, val=val, seed=seed, by=(kind, argument))


def divide_in_folds(
    table: CrystalTable,
    division: Division,
    *,
    folds: int,
    fold: int,
    val: float,
    seed: int,
    inner: tuple[int, int] | None = None,
) -> Split:
    """Draw folds, groups whole, and test on one of them.

    Args:
        table: The crystals.
        division: ``folds``, where every row is drawn alone, or one that keeps groups whole.
        folds: How many.
        fold: The one to test on.
        val: Fraction of the other folds for validation.
        seed: Of every drawing.
        inner: Number of inner folds, and which of them validates instead.

    Raises:
        ConfigError: If there is no such fold, or too few groups.
        InputError: If the crystals cannot be divided so.
    """
    groups = groups_of(table, division)
    drawn = draw_folds(groups, folds, seed)
    return group_fold_split(drawn, fold, groups, val=val, seed=seed, inner=inner)


def _held_out(table: CrystalTable, division: Division) -> Bool[np.ndarray, " rows"]:
    kind, argument = division.kind, division.argument
    if kind == "element":
        number = ATOMIC_NUMBERS[argument]
        return np.array([number in crystal.elements for crystal in table.crystals], dtype=bool)
    families = [anion_family(crystal) for crystal in table.crystals]
    if kind == "anion":
        return np.array([argument in family.split("-") for family in families], dtype=bool)
    anions = family_named(argument)
    return np.array([family == anions for family in families], dtype=bool)


def _prototypes(table: CrystalTable) -> list[str]:
    prototypes, missing = [], []
    for name, crystal in zip(table.ids, table.crystals, strict=True):
        try:
            prototypes.append(find_prototype(crystal).label)
        except GraphError as error:
            missing.append(f"{name}: {error}")
    if missing:
        raise InputError(
            f"{len(missing)} of {len(table)} crystals have no prototype, the first {missing[0]}; "
            "leave them out, or choose another split, such as formula"
        )
    return prototypes


def column_of(table: CrystalTable, name: str) -> SplitColumn:
    """Return a column that divides a table, with row and id of each value, or a `ConfigError`."""
    if name not in table.columns:
        names = [str(column) for column in table.columns.columns]
        raise ConfigError(f"data.split: there is no column {name!r}{nearest(name, names)}")
    places = tuple(
        identifier if row is None else f"row {row} ({identifier})"
        for identifier, row in zip(table.ids, table.rows, strict=True)
    )
    return SplitColumn(name, tuple(table.columns[name].tolist()), places)
