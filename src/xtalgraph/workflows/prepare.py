"""From a source to crystals with labels, divided into parts."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Int

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.data.catalogue import CATALOGUE, KnownDataset
from xtalgraph.data.dataset import Dataset
from xtalgraph.data.division import (
    column_of,
    divide,
    divide_in_folds,
    groups_like_test,
    parse_division,
)
from xtalgraph.data.group_splits import Groups, group_fold_split, set_aside
from xtalgraph.data.labels import class_of
from xtalgraph.data.splits import Split, fold_split, official_folds
from xtalgraph.data.targets import Kind
from xtalgraph.metrics.conformal import fewest_rows
from xtalgraph.models.intervals import DEFAULT_LEVEL
from xtalgraph.workflows.data_settings import DataConfig

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
        first, *others = dataset.targets
        one_each = not others and first.kind is not Kind.ATOMIC
        values = dataset.labels.arrays[first.name] if one_each else None
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
    given = _folds(dataset, known)
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
    return sorted(set(_folds(dataset, known).tolist()))


def _folds(dataset: Dataset, known: KnownDataset | None) -> Int[np.ndarray, " rows"]:
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
    classes = _classes(dataset, known, total) if known.task == "classification" else None
    return official_folds(total, classes)[rows]


def _classes(dataset: Dataset, known: KnownDataset, total: int) -> Int[np.ndarray, " rows"]:
    """Return the class of every row of the file: those of crystals that were rejected count too."""
    targets = {target.name: target for target in dataset.targets}
    if known.target not in targets:
        raise ConfigError(
            f"the official folds of {known.name} have the same share of each class of "
            f"{known.target!r}, which is not among the targets {', '.join(targets)}"
        )
    target = targets[known.target]
    classes = np.full(total, -1)
    for row, label in zip(dataset.table.rows, dataset.labels.arrays[target.name], strict=True):
        if row is not None:
            if np.isnan(label):
                raise ConfigError(f"row {row} has no label {target.name!r}, which the folds need")
            classes[row] = int(label)
    for one in dataset.table.rejected:
        known_class = class_of(one.values.get(target.name), target.classes)
        if known_class is None or one.row is None:
            raise ConfigError(
                f"the official folds have the same share of each class, and {one.id} has no class: "
                f"{one.reason}"
            )
        classes[one.row] = int(known_class)
    return classes
