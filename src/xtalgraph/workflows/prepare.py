"""From a source to crystals with targets, divided into parts."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.settings import nearest
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.catalogue import CATALOGUE, KnownDataset
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions
from xtalgraph.data.division import (
    column_of,
    divide,
    divide_in_folds,
    groups_like_test,
    parse_division,
)
from xtalgraph.data.group_splits import Groups, group_fold_split, set_aside
from xtalgraph.data.labels import LARGEST_NUMBER, class_of, why_no_class
from xtalgraph.data.row import ORDERED_CELLS
from xtalgraph.data.splits import Split, fold_split, official_folds
from xtalgraph.data.table import CrystalTable, Rejection, read_table
from xtalgraph.data.targets import Component, Kind, Target, why_not_ordered
from xtalgraph.metrics.conformal import fewest_rows
from xtalgraph.models.intervals import DEFAULT_LEVEL
from xtalgraph.workflows.config import DataConfig
from xtalgraph.workflows.dataset import Dataset, values_of

NO_FOLDS: Final = (
    "--split folds needs a column 'fold' in the table, or a Matbench file by its official name "
    "(matbench_<task>.json.gz), whose folds are known; or say --folds K to draw K"
)
"""What is said of a table whose folds are not known."""


def known_source(source: Any) -> KnownDataset | None:
    """Return what the catalogue says of a source, by the name of its file.

    Args:
        source: Anything that `read_table` takes, or a name in the catalogue.
    """
    if not isinstance(source, str | Path):
        return None
    return CATALOGUE.get(Path(source).name.split(".")[0])


def resolve_source(source: Any) -> tuple[Any, KnownDataset | None]:
    """Turn the name of a known data set into its file, and know a known file by its name.

    Args:
        source: Anything that `read_table` takes, or a name in the catalogue.

    Returns:
        What to read, and what the catalogue says of it.
    """
    if not isinstance(source, str | Path):
        return source, None
    path, known = Path(source), known_source(source)
    if known is not None and str(source) == known.name and not path.exists():
        from xtalgraph.data.fetch import fetch

        return fetch(known.name), known
    return path, known


def read_dataset(
    source: Any,
    targets: Target | Sequence[Target],
    conditions: Conditions = ATOMS_ALONE,
    *,
    progress: bool = False,
    disorder: str = "refuse",
) -> Dataset:
    """Read crystals and their targets; a row whose target or state cannot be used is rejected.

    Of several targets some may be missing in a row, not all; one that is there and cannot be used
    rejects the row.

    Args:
        source: Anything that `read_table` takes.
        targets: The column and its kind, or several.
        conditions: Which columns are the state of a crystal.
        progress: Show a progress bar on standard error.
        disorder: What to do with disordered crystals: ``refuse``, ``mix`` or ``order``.

    Raises:
        InputError: If there is no such column, or no row with a usable target.
    """
    table = read_table(source, progress=progress, disorder=disorder)
    return label(table, source, targets, conditions)


def label(
    table: CrystalTable,
    source: Any,
    targets: Target | Sequence[Target],
    conditions: Conditions = ATOMS_ALONE,
) -> Dataset:
    """Take targets from the columns of a table; a row whose label cannot be used is rejected.

    Args:
        table: The crystals.
        source: What they were read from, for messages.
        targets: The column and its kind, or several.
        conditions: Which columns are the state of a crystal.

    Raises:
        InputError: If there is no such column, or no row with a usable target.
    """
    targets = [targets] if isinstance(targets, Target) else list(targets)
    needed = [*(target.column for target in targets), *conditions.columns]
    for column in needed if len(table) else []:
        if column not in table.columns:
            names = [str(name) for name in table.columns.columns]
            raise InputError(f"there is no column {column!r}{nearest(column, names)}")
    values: list[np.ndarray] = []
    reasons: dict[int, str] = {}
    columns = [list(table.columns[target.column]) for target in targets] if len(table) else []
    known = table.columns[list(conditions.columns)].to_dict("records") if conditions else None
    cells = list(table.columns.get(ORDERED_CELLS, [None] * len(table)))
    for index, raw in enumerate(zip(*columns, strict=True)):
        problem = None if known is None else conditions.problem(known[index])
        problem = problem or why_not_ordered(cells[index], targets)
        parsed = problem or _parse_all(raw, targets, table.crystals[index])
        if isinstance(parsed, str):
            reasons[index] = parsed
        else:
            values.append(parsed)
    table = table.reject(reasons)
    if not values:
        raise nothing_left(source, table.rejected)
    _check_size(values, targets)
    return Dataset(table, tuple(values), conditions)


def _check_size(
    values: Sequence[Float[np.ndarray, "_ *columns"]], targets: Sequence[Target]
) -> None:
    """Refuse labels that are all so small that they are 0 in single precision."""
    columns = np.abs(np.concatenate(values)).reshape(-1, len(targets))
    for target, column in zip(targets, columns.T, strict=True):
        largest = np.nanmax(column, initial=0.0)
        if 0 < largest < 1 / LARGEST_NUMBER:
            raise InputError(
                f"the labels {target.name!r} are at most {largest:g}, which vanishes in single "
                "precision: take another unit"
            )


def nothing_left(source: Any, rejected: Sequence[Rejection]) -> InputError:
    """Return the error that says that no row can be used.

    Args:
        source: What was read.
        rejected: Its rows.
    """
    first = f"; the first: {rejected[0].id}: {rejected[0].reason}" if rejected else ""
    return InputError(f"no row of {source} can be used, {len(rejected)} were rejected{first}")


def _parse_all(
    raw: Sequence[Any], targets: Sequence[Target], crystal: Crystal
) -> Float[np.ndarray, "values *columns"] | str:
    """Return the values of one row, a column for each of several targets, or why there are none."""
    if len(targets) == 1:
        return _parse(raw[0], targets[0], crystal)
    rows = len(crystal) if targets[0].kind is Kind.ATOMIC else 1
    columns = []
    for one, target in zip(raw, targets, strict=True):
        parsed = _parse(one, target, crystal) if _is_there(one, target) else np.full(rows, np.nan)
        if isinstance(parsed, str):
            return parsed
        columns.append(parsed)
    if all(np.isnan(column).all() for column in columns):
        return f"all of the targets {', '.join(target.name for target in targets)} are missing"
    return np.stack(columns, axis=1)


def _is_there(raw: Any, target: Target) -> bool:
    """Whether a row has a label, or something wrong in its place; a list may have gaps."""
    part = target.component
    if part is not None and _is_vector(raw, part):
        raw = raw[part.index]
    return not _is_missing(raw)


def _is_vector(raw: Any, part: Component) -> bool:
    return isinstance(raw, list | tuple | np.ndarray) and len(raw) == part.size


def _is_missing(raw: Any) -> bool:
    return (
        raw is None
        or raw is pd.NA
        or (isinstance(raw, float) and math.isnan(raw))
        or (isinstance(raw, str) and not raw)
    )


def _parse(raw: Any, target: Target, crystal: Crystal) -> Float[np.ndarray, " values"] | str:
    """Return the values of one row, or the reason why they cannot be used."""
    name = target.name
    if _is_missing(raw):
        return f"the target {name!r} is missing"
    if target.component is not None:
        part = target.component
        if not _is_vector(raw, part):
            return (
                f"the target {part.column!r} must be a list of {part.size} numbers, got "
                f"{_short(raw)}"
            )
        raw = raw[part.index]
    if target.is_class:
        labels = raw if isinstance(raw, list | tuple | np.ndarray) else [raw]
        found = [class_of(one, target.classes) for one in labels]
        if None in found:
            return why_no_class(name, labels[found.index(None)], target.classes)
        raw = found
    try:
        values = np.asarray(raw, dtype=float)
    except OverflowError:
        return f"the target {name!r} is larger than any number that can be computed with"
    except (TypeError, ValueError):
        return f"the target {name!r} is not a number: {_short(raw)}"
    expected = (len(crystal),) if target.kind is Kind.ATOMIC else (1,)
    if values.shape != expected and not (expected == (1,) and values.size == 1):
        return _why_not_this_shape(target, values.shape, len(crystal))
    if not np.all(np.isfinite(values)):
        return f"the target {name!r} is not finite: {_short(raw)}"
    if np.any(np.abs(values) > LARGEST_NUMBER):
        return (
            f"the target {name!r} is {values.flat[np.abs(values).argmax()]:g}: labels beyond "
            f"{LARGEST_NUMBER:g} overflow in single precision; correct it, or take another unit"
        )
    return values.reshape(-1)


def _why_not_this_shape(target: Target, shape: tuple[int, ...], atoms: int) -> str:
    """Say what a label of another shape must be, and what can be done with it."""
    what = f"one value for each of the {atoms} atoms" if target.kind is Kind.ATOMIC else "one value"
    text = (
        f"the target {target.name!r} is declared {target.kind} and needs {what}, got shape {shape}"
    )
    if len(shape) == 2 and shape[0] == atoms and target.kind is not Kind.EXTENSIVE:
        return (
            f"{text}: a vector of each atom, such as forces, cannot be learned yet; one number of "
            "each atom can, with --kind atomic"
        )
    if len(shape) == 2:
        return (
            f"{text}: a tensor, such as a stress, cannot be learned as a whole; its numbers can, "
            "in columns, or in a list with data.size"
        )
    if shape == (atoms,):
        return f"{text}: say --kind atomic if there is one for each atom"
    if len(shape) == 1 and target.kind is not Kind.ATOMIC:
        return f"{text}: say data.size={shape[0]} for a list of {shape[0]} numbers"
    return text


def _short(raw: Any) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}..."


def make_split(
    dataset: Dataset, config: DataConfig, known: KnownDataset | None, seed: int
) -> Split:
    """Divide the crystals as the configuration says.

    Args:
        dataset: What to divide.
        config: How.
        known: What the catalogue says of the source.
        seed: Of every drawing.

    Raises:
        ConfigError: If there is no column, or no folds are known, or too few crystals would
            calibrate intervals.
    """
    split = _divided(dataset, config, known, seed)
    if config.calibration_fraction == 0:
        return split
    groups = groups_like_test(dataset.table, parse_division(config.split))
    split = set_aside(split, groups, fraction=config.calibration_fraction, seed=seed)
    needed = fewest_rows(DEFAULT_LEVEL)
    if len(split.calibration) < needed:
        raise ConfigError(
            f"intervals at {DEFAULT_LEVEL:.0%} need at least {needed} crystals that calibrate, "
            f"data.calibration_fraction={config.calibration_fraction:g} of the training part are "
            f"{len(split.calibration)}: set it higher"
        )
    return split


def _divided(dataset: Dataset, config: DataConfig, known: KnownDataset | None, seed: int) -> Split:
    table, division = dataset.table, parse_division(config.split)
    val = config.val_fraction
    if config.fold is None:
        everything = range(len(table))
        targets = config.declared()
        one_each = len(targets) == 1 and targets[0].kind is not Kind.ATOMIC
        values = values_of(dataset, everything) if one_each else None
        test = config.test_fraction
        return divide(table, values, division, val=val, test=test, seed=seed)
    inner = None
    if config.inner_folds is not None and config.inner_fold is not None:
        inner = config.inner_folds, config.inner_fold
    if config.folds is not None:
        folds, fold = config.folds, config.fold
        return divide_in_folds(
            table, division, folds=folds, fold=fold, val=val, seed=seed, inner=inner
        )
    given = _folds(dataset, known, config.declared())
    if inner is None:
        return fold_split(given, config.fold, val=val, seed=seed)
    rows = Groups.alone(len(table))
    return group_fold_split(given, config.fold, rows, val=val, seed=seed, inner=inner, drawn=False)


def known_folds(dataset: Dataset, config: DataConfig, known: KnownDataset | None) -> list[int]:
    """Return the numbers of the folds of a split that has folds.

    Args:
        dataset: What is divided.
        config: How.
        known: What the catalogue says of the source.

    Raises:
        ConfigError: If no folds are known.
    """
    if config.folds is not None:
        return list(range(config.folds))
    return sorted(set(_folds(dataset, known, config.declared()).tolist()))


def _folds(
    dataset: Dataset, known: KnownDataset | None, targets: Sequence[Target]
) -> Int[np.ndarray, " rows"]:
    table = dataset.table
    if "fold" in table.columns:
        return column_of(table, "fold").folds()
    if known is None or not known.name.startswith("matbench_"):
        raise ConfigError(NO_FOLDS)
    rows = [row for row in table.rows if row is not None]
    total = len(table) + len(table.rejected)
    if total != known.num_rows:
        raise ConfigError(
            f"{known.name} has {known.num_rows} rows, this file {total}: the official folds are "
            "drawn over the whole file and do not apply to a part of it"
        )
    classes = _classes(dataset, known, targets, total) if known.task == "classification" else None
    return official_folds(total, classes)[rows]


def _classes(
    dataset: Dataset, known: KnownDataset, targets: Sequence[Target], total: int
) -> Int[np.ndarray, " rows"]:
    """Return the class of every row of the file: those of crystals that were rejected count too."""
    names = [target.name for target in targets]
    if known.target not in names:
        raise ConfigError(
            f"the official folds of {known.name} have the same share of each class of "
            f"{known.target!r}, which is not among the targets {', '.join(names)}"
        )
    column = names.index(known.target)
    target = targets[column]
    classes = np.full(total, -1)
    for row, values in zip(dataset.table.rows, dataset.values, strict=True):
        if row is not None:
            label = values.reshape(-1)[column]
            if np.isnan(label):
                raise ConfigError(f"row {row} has no label {target.name!r}, which the folds need")
            classes[row] = int(label)
    for one in dataset.table.rejected:
        label = class_of(one.values.get(target.name), target.classes)
        if label is None or one.row is None:
            raise ConfigError(
                f"the official folds have the same share of each class, and {one.id} has no class: "
                f"{one.reason}"
            )
        classes[one.row] = int(label)
    return classes
