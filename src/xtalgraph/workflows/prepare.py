"""From a source to crystals with targets, divided into parts."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.conventions.settings import nearest
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.catalogue import CATALOGUE, Dataset
from xtalgraph.data.division import divide, divide_in_folds, parse_division
from xtalgraph.data.group_splits import Groups, group_fold_split
from xtalgraph.data.splits import Split, fold_split, official_folds
from xtalgraph.data.table import CrystalTable, Rejection, read_table
from xtalgraph.data.targets import Kind, Target
from xtalgraph.workflows.config import DataConfig


@dataclass(frozen=True, eq=False)
class Labelled:
    """Crystals with their targets."""

    table: CrystalTable
    """The crystals; rows without a target are among the rejected."""
    values: tuple[Float[np.ndarray, " _"], ...]
    """For each crystal an array: one value, or one for each atom if the target is atomic."""

    def reject(self, reasons: Mapping[int, str]) -> "Labelled":
        """Return what is left when some of the crystals are rejected.

        Args:
            reasons: Why, by the place of the crystal.
        """
        kept = (values for place, values in enumerate(self.values) if place not in reasons)
        return Labelled(self.table.reject(reasons), tuple(kept))

    def content_hash(self) -> str:
        """Return the SHA-256 of crystals and targets."""
        digest = hashlib.sha256(self.table.content_hash().encode())
        for values in self.values:
            digest.update(values.astype("<f8").tobytes())
        return digest.hexdigest()


def resolve_source(source: Any) -> tuple[Any, Dataset | None]:
    """Turn the name of a known data set into its file, and know a known file by its name.

    Args:
        source: Anything that `read_table` takes, or a name in the catalogue.

    Returns:
        What to read, and what the catalogue says of it.
    """
    if not isinstance(source, str | Path):
        return source, None
    path = Path(source)
    name = path.name.split(".")[0]
    known = CATALOGUE.get(name)
    if known is not None and str(source) == name and not path.exists():
        from xtalgraph.data.fetch import fetch

        return fetch(name), known
    return path, known


def read_labelled(source: Any, target: Target, *, progress: bool = False) -> Labelled:
    """Read crystals and their targets; a row whose target cannot be used is rejected.

    Args:
        source: Anything that `read_table` takes.
        target: The column and its kind.
        progress: Show a progress bar on standard error.

    Raises:
        InputError: If there is no such column, or no row with a usable target.
    """
    table = read_table(source, progress=progress)
    if len(table) and target.name not in table.columns:
        names = [str(name) for name in table.columns.columns]
        raise InputError(f"there is no column {target.name!r}{nearest(target.name, names)}")
    values: list[np.ndarray] = []
    reasons: dict[int, str] = {}
    column: list[Any] = list(table.columns[target.name]) if len(table) else []
    for index, raw in enumerate(column):
        parsed = _parse(raw, target, table.crystals[index])
        if isinstance(parsed, str):
            reasons[index] = parsed
        else:
            values.append(parsed)
    table = table.reject(reasons)
    if not values:
        raise nothing_left(source, table.rejected)
    return Labelled(table, tuple(values))


def nothing_left(source: Any, rejected: Sequence[Rejection]) -> InputError:
    """Return the error that says that no row can be used.

    Args:
        source: What was read.
        rejected: Its rows.
    """
    first = f"; the first: {rejected[0].id}: {rejected[0].reason}" if rejected else ""
    return InputError(f"no row of {source} can be used, {len(rejected)} were rejected{first}")


def _parse(raw: Any, target: Target, crystal: Crystal) -> Float[np.ndarray, " values"] | str:
    """Return the values of one row, or the reason why they cannot be used."""
    name = target.name
    if raw is None or (isinstance(raw, float) and math.isnan(raw)) or raw == "":
        return f"the target {name!r} is missing"
    try:
        values = np.asarray(raw, dtype=float)
    except (TypeError, ValueError):
        return f"the target {name!r} is not a number: {raw!r}"
    if target.kind is Kind.ATOMIC:
        if values.shape != (len(crystal),):
            return (
                f"the target {name!r} is declared atomic and needs one value for each of the "
                f"{len(crystal)} atoms, got shape {values.shape}"
            )
    elif values.size != 1:
        return (
            f"the target {name!r} is declared {target.kind} and needs one value, "
            f"got shape {values.shape}"
        )
    if not np.all(np.isfinite(values)):
        return f"the target {name!r} is not finite: {raw!r}"
    return values.reshape(-1)


def make_split(labelled: Labelled, config: DataConfig, known: Dataset | None, seed: int) -> Split:
    """Divide the crystals as the configuration says.

    Args:
        labelled: What to divide.
        config: How.
        known: What the catalogue says of the source.
        seed: Of every drawing.

    Raises:
        ConfigError: If there is no column, or no folds are known.
    """
    table, division = labelled.table, parse_division(config.split)
    val = config.val_fraction
    if config.fold is None:
        everything = range(len(table))
        values = None if config.kind == "atomic" else values_of(labelled, everything)
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
    given = _folds(labelled, known)
    if inner is None:
        return fold_split(given, config.fold, val=val, seed=seed)
    rows = Groups.alone(len(table))
    return group_fold_split(given, config.fold, rows, val=val, seed=seed, inner=inner, drawn=False)


def _folds(labelled: Labelled, known: Dataset | None) -> Int[np.ndarray, " rows"]:
    table = labelled.table
    if "fold" in table.columns:
        return table.columns["fold"].to_numpy(dtype=np.int64)
    if known is None or not known.name.startswith("matbench_"):
        raise ConfigError(
            "--split folds needs a column 'fold' in the table, or a Matbench file by its official "
            "name (matbench_<task>.json.gz), whose folds are known; or say --folds K to draw K"
        )
    if known.task == "classification":
        raise ConfigError(
            f"{known.name} is a classification task: its folds are stratified by class, and "
            "classes cannot be learned yet"
        )
    rows = [row for row in table.rows if row is not None]
    total = len(table) + len(table.rejected)
    if total != known.num_rows:
        raise ConfigError(
            f"{known.name} has {known.num_rows} rows, this file {total}: the official folds are "
            "drawn over the whole file and do not apply to a part of it"
        )
    return official_folds(total)[rows]


def values_of(labelled: Labelled, crystals: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the targets of some crystals, one after the other."""
    return np.concatenate([labelled.values[int(i)] for i in crystals] or [np.zeros(0)])
