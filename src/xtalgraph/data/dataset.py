"""Crystals with their labels, some of which may be missing: read once, divided, passed down."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from xtalgraph.conventions.boundary import name_of_source
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.settings import nearest
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions, ConditionValues
from xtalgraph.data.label_reading import check_size, labels_of
from xtalgraph.data.potential_labels import NO_KEYS, LabelKeys, find_labels
from xtalgraph.data.row import ORDERED_CELLS
from xtalgraph.data.splits import Split
from xtalgraph.data.table import CrystalTable, Rejection, read_table
from xtalgraph.data.targets import Target, why_not_ordered
from xtalgraph.data.tensor_labels import SymmetryOfLabels
from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Scope


@dataclass(frozen=True, eq=False)
class Dataset:
    """Crystals with their labels."""

    table: CrystalTable
    """The crystals; rows without any label are among the rejected."""
    labels: Values
    """Of the crystals, in their order."""
    conditions: Conditions = ATOMS_ALONE
    """Which columns of the table are the conditions of a crystal; every crystal has them."""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def targets(self) -> tuple[Target, ...]:
        """What the labels are of."""
        return self.labels.targets

    @cached_property
    def condition_values(self) -> ConditionValues | None:
        """The conditions of each crystal; None where no columns are declared."""
        if not self.conditions:
            return None
        columns = self.table.columns[list(self.conditions.columns)]
        return self.conditions.values_of(columns.to_dict("records"))

    def conditions_of(self, crystals: Sequence[int] | np.ndarray) -> ConditionValues | None:
        """Return the conditions of some of the crystals, None where no columns are declared."""
        values = self.condition_values
        return None if values is None else values.select(np.asarray(crystals))

    def select(self, crystals: Sequence[int] | np.ndarray) -> "Dataset":
        """Return some of the crystals, in the given order."""
        return Dataset(self.table.select(crystals), self.labels.select(crystals), self.conditions)

    def reject(self, reasons: Mapping[int, str]) -> "Dataset":
        """Return what is left when some of the crystals are rejected."""
        if not reasons:
            return self
        left = [index for index in range(len(self)) if index not in reasons]
        return Dataset(self.table.reject(reasons), self.labels.select(left), self.conditions)

    @cached_property
    def content_hash(self) -> str:
        """The SHA-256 of crystals, labels and conditions."""
        digest = hashlib.sha256(self.table.content_hash().encode())
        by_scope: dict[Scope, list[np.ndarray]] = {}  # one, as a rule, of which older runs have it
        for target in self.targets:
            array = self.labels[target.name]
            by_scope.setdefault(target.scope, []).append(array.reshape(len(array), -1))
        for arrays in by_scope.values():
            digest.update(np.concatenate(arrays, axis=1).astype("<f8").tobytes())
        if self.condition_values is not None:
            digest.update(self.condition_values.to_bytes())
        return digest.hexdigest()


def read_dataset(
    source: Any,
    targets: Target | Sequence[Target],
    conditions: Conditions = ATOMS_ALONE,
    *,
    keys: LabelKeys = NO_KEYS,
    progress: bool = False,
    disorder: str = "refuse",
) -> Dataset:
    """Read crystals and their labels; a row whose label or condition cannot be used is rejected.

    Of several targets some may be missing in a row, not all; one that is there and cannot be used
    rejects the row.

    Args:
        source: Anything that `read_table` takes.
        targets: The column and its kind, or several.
        conditions: Which columns are the conditions of a crystal.
        keys: The columns of energy, forces and stress, where they have unusual names.
        progress: Show a progress bar on standard error.
        disorder: What to do with disordered crystals: ``refuse``, ``mix`` or ``order``.

    Raises:
        InputError: If there is no such column, or no row with a usable label.
    """
    table = read_table(source, progress=progress, disorder=disorder)
    return label(table, source, targets, conditions, keys)


def label(
    table: CrystalTable,
    source: Any,
    targets: Target | Sequence[Target],
    conditions: Conditions = ATOMS_ALONE,
    keys: LabelKeys = NO_KEYS,
) -> Dataset:
    """Take labels from the columns of a table; a row whose label cannot be used is rejected.

    Args:
        table: The crystals.
        source: What they were read from, for messages.
        targets: The column and its kind, or several.
        conditions: Which columns are the conditions of a crystal.
        keys: The columns of energy, forces and stress, where they have unusual names.

    Raises:
        InputError: If there is no such column, or no row with a usable label.
    """
    targets = (targets,) if isinstance(targets, Target) else tuple(targets)
    read: list[list[np.ndarray] | str] = []
    columns = _columns(table, targets, conditions, keys) if len(table) else []
    _warn_of_truth_values(targets, columns)
    known = table.columns[list(conditions.columns)].to_dict("records") if conditions else None
    cells = list(table.columns.get(ORDERED_CELLS, [None] * len(table)))
    for index, raw in enumerate(zip(*columns, strict=True)):
        problem = None if known is None else conditions.problem(known[index])
        problem = problem or why_not_ordered(cells[index], targets)
        read.append(problem or labels_of(raw, targets, table.crystals[index]))
    symmetry = SymmetryOfLabels(targets, [parsed for parsed in read if not isinstance(parsed, str)])
    labels: list[list[np.ndarray]] = []
    reasons: dict[int, str] = {}
    for index, parsed in enumerate(read):
        if isinstance(parsed, str):
            reasons[index] = parsed
        elif why := symmetry.why_not(parsed, table.ids[index], table.crystals[index]):
            reasons[index] = why
        else:
            labels.append(parsed)
    for note in symmetry.notes():
        log.warning("%s", note)
    table = table.reject(reasons)
    if not labels:
        raise nothing_left(source, table.rejected)
    arrays = {
        target.name: np.concatenate(of_target)
        for target, of_target in zip(targets, zip(*labels, strict=True), strict=True)
    }
    check_size(arrays)
    sizes = np.array([len(crystal) for crystal in table.crystals], dtype=np.int64)
    return Dataset(table, Values(targets, arrays, sizes), conditions)


def _columns(
    table: CrystalTable, targets: Sequence[Target], conditions: Conditions, keys: LabelKeys
) -> list[list[Any]]:
    """Return what stands in the column of each target."""
    of_potential = any(target.derivative is not None for target in targets)
    needed = [*(() if of_potential else (target.name for target in targets)), *conditions.columns]
    for column in needed:
        if column not in table.columns:
            names = [str(name) for name in table.columns.columns]
            raise InputError(f"there is no column {column!r}{nearest(column, names)}")
    if not of_potential:
        return [list(table.columns[target.name]) for target in targets]
    labels = find_labels(table.columns, table.crystals, targets, keys)
    for note in labels.notes:
        log.info("%s", note)
    return [list(labels.values[target.name]) for target in targets]


def _warn_of_truth_values(targets: Sequence[Target], columns: Sequence[list[Any]]) -> None:
    """Warn of numbers that are true and false."""
    for target, labels in zip(targets, columns, strict=False):  # no column where no row is left
        truths = (isinstance(label, bool | np.bool_) for label in labels)
        if not target.is_class and any(truths):
            log.warning(
                "the labels %r hold true and false, which are learned as the numbers 1 and 0: say "
                "--task classification if they are two classes",
                target.name,
            )


def nothing_left(source: Any, rejected: Sequence[Rejection]) -> InputError:
    """Return the error that says that no row can be used."""
    first = f"; the first: {rejected[0].id}: {rejected[0].reason}" if rejected else ""
    return InputError(
        f"no row of {name_of_source(source)} can be used, {len(rejected)} were rejected{first}"
    )


@dataclass(frozen=True, eq=False)
class Divided:
    """Labelled crystals in parts."""

    dataset: Dataset
    split: Split
    """The parts, as places in the dataset."""

    def of_target(self, name: str) -> Split:
        """Return the parts where a target has a label; a `ConfigError` if too little is left."""
        return self.split.having(self.dataset.labels.known(name), name)

    def only(self, name: str) -> "Divided":
        """Return the crystals with a label of a target, it alone, numbered anew; as `of_target`."""
        split = self.of_target(name)
        places = np.flatnonzero(self.dataset.labels.known(name))
        parts = {part: np.searchsorted(places, rows) for part, rows in split.parts().items()}
        dataset = self.dataset.select(places)
        labels = dataset.labels.only(name)
        return Divided(replace(dataset, labels=labels), Split(**parts, drawn=split.drawn))
