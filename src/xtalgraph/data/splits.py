"""Which crystals are learned from, which choose the epoch, and which are kept for the test."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from jaxtyping import Bool, Int

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.split_column import SplitColumn

OFFICIAL_SEED: Final[int] = 18012019
"""Seed of the official Matbench v0.1 folds."""
PARTS: Final[tuple[str, ...]] = ("train", "val", "test")
"""The parts that every split has; one with a part that calibrates intervals has ``calibration``."""
_PART_OF: Final[dict[str, str]] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers of the parts, each sorted."""

    train: Int[np.ndarray, " train"]
    """Learned from."""
    val: Int[np.ndarray, " val"]
    """Chooses the epoch that is kept."""
    test: Int[np.ndarray, " test"]
    """Seen once, at the end; empty where it is not to be seen yet."""
    drawn: Mapping[str, Any]
    """How: ``kind``, and by its name each number, column or seed that is needed to draw the parts
    again; see `xtalgraph.evidence.text.division.about_drawing`."""
    calibration: Int[np.ndarray, " calibration"] = field(
        default_factory=lambda: np.zeros(0, dtype=np.int64)
    )
    """Says how wide intervals must be, and nothing else; empty where there are none."""

    def __post_init__(self) -> None:
        if len(self.train) == 0:
            raise self._too_small()

    def parts(self) -> dict[str, Int[np.ndarray, " rows"]]:
        """Return the row numbers of each part by its name; of the calibration where it has rows."""
        parts = {name: getattr(self, name) for name in PARTS}
        return parts | ({"calibration": self.calibration} if len(self.calibration) else {})

    def having(self, known: Bool[np.ndarray, " crystals"], name: str) -> "Split":
        """Return the parts without the crystals that lack a label, in the same numbering.

        Args:
            known: Which crystals have it.
            name: Of the target.

        Raises:
            ConfigError: If nothing is left to train on, or nothing to test on.
        """
        if known.all():
            return self
        parts = {part: rows[known[rows]] for part, rows in self.parts().items()}
        return Split(**parts, drawn={**self.drawn, "labelled": name}).checked()

    @property
    def identity(self) -> str:
        """How the parts were drawn, as one text."""
        return json.dumps(dict(self.drawn), sort_keys=True)

    def checked(self) -> "Split":
        """Return the same if it has a test part.

        Raises:
            ConfigError: If that is empty.
        """
        if len(self.test) == 0:
            raise self._too_small()
        return self

    def _too_small(self) -> ConfigError:
        drawn = dict(self.drawn)
        kind, name = drawn.pop("kind"), drawn.pop("labelled", None)
        numbers = ", ".join(f"{key} {value}" for key, value in drawn.items())
        settings = f" ({numbers})" if numbers else ""
        rows = "" if name is None else f" of the rows with {name!r}"
        return ConfigError(
            f"the split {kind}{settings}{rows} leaves {len(self.train)} crystals to "
            f"train on and {len(self.test)} to test on; both must be at least 1"
        )


def random_split(num_rows: int, *, val: float, test: float, seed: int) -> Split:
    """Draw the parts at random."""
    check_fractions(val, test)
    order = np.random.default_rng(seed).permutation(num_rows)
    num_test = max(1, round(test * num_rows))
    num_val = round(val * num_rows)
    drawn = {"kind": "random", "test": test, "validation": val, "seed": seed}
    rest = order[num_test + num_val :]
    return sorted_split(rest, order[num_test : num_test + num_val], order[:num_test], drawn)


def fold_split(folds: Int[np.ndarray, " rows"], fold: int, *, val: float, seed: int) -> Split:
    """Test on a fold, or raise a `ConfigError`; draw the fraction `val` of the others at random."""
    check_fractions(val, 0.0)
    count = number_of_folds(folds, fold)
    rest = np.random.default_rng([seed, fold]).permutation(np.flatnonzero(folds != fold))
    num_val = round(val * len(rest))
    drawn = {"kind": "fold", "fold": fold, "folds": count, "validation": val, "seed": seed}
    return sorted_split(rest[num_val:], rest[:num_val], np.flatnonzero(folds == fold), drawn)


def number_of_folds(folds: Int[np.ndarray, " rows"], fold: int) -> int:
    """Return how many folds there are; raise a `ConfigError` if one is none of them."""
    known = sorted(set(folds.tolist()))
    if fold not in known:
        raise ConfigError(f"there is no fold {fold}; the folds are {', '.join(map(str, known))}")
    return len(known)


def column_split(values: Sequence[object] | SplitColumn, column: str) -> Split:
    """Take the parts from a column that says train, val or test; an `InputError` names the row."""
    parts_column = values if isinstance(values, SplitColumn) else SplitColumn.of(column, values)
    named = [_PART_OF.get(str(value).strip().lower()) for value in parts_column.values]
    bad = [row for row, name in enumerate(named) if name is None]
    if bad:
        raise parts_column.refuse(bad, "must be train, val or test")
    part = np.array(named)
    train, val, test = (np.flatnonzero(part == name) for name in PARTS)
    return sorted_split(train, val, test, {"kind": "column", "column": column})


def official_folds(
    num_rows: int, classes: Int[np.ndarray, " rows"] | None = None
) -> Int[np.ndarray, " rows"]:
    """Return the test fold of each row of a Matbench v0.1 task.

    Args:
        num_rows: Rows of the whole task, in the order of its file.
        classes: The class of each row, 0 or 1, in a classification task: each fold then has the
            same share of each. None in a regression task.

    Source: Dunn et al., npj Comput. Mater. 6, 138 (2020), doi 10.1038/s41524-020-00406-3.
    """
    from sklearn.model_selection import KFold, StratifiedKFold

    folds = np.empty(num_rows, dtype=np.int64)
    rows = np.zeros(num_rows)
    options = {"n_splits": 5, "shuffle": True, "random_state": OFFICIAL_SEED}
    if classes is None:
        drawn = KFold(**options).split(rows)
    else:
        drawn = StratifiedKFold(**options).split(rows, classes)
    for fold, (_, test) in enumerate(drawn):
        folds[test] = fold
    return folds


def sorted_split(
    train: Int[np.ndarray, " train"],
    val: Int[np.ndarray, " val"],
    test: Int[np.ndarray, " test"],
    drawn: Mapping[str, Any],
) -> Split:
    """Return the split of parts in any order."""
    return Split(np.sort(train), np.sort(val), np.sort(test), drawn).checked()


def check_fractions(val: float, test: float) -> None:
    """Raise a `ConfigError` if validation and test, parts of all, leave nothing to train on."""
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise ConfigError(
            "the fractions of validation and test must be at least 0 and together less than 1, "
            f"got {val} and {test}"
        )
