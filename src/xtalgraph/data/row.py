"""One row of a source: a checked crystal with its values, or the reason why there is none."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from xtalgraph.conventions.boundary import guarded, name_of_source
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.checks import find_problem
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import resolve_disorder

T = TypeVar("T")

ORDERED_CELLS: Final = "ordered_cells"
"""What a row says of a crystal that was ordered: how many cells of the file its cell is."""

_NAMED: Final = 5
"""Rows that are left out and named, each with its reason; more are counted."""
_LARGEST: Final = 1023
"""Bits of the largest whole number that is also a float."""


@dataclass(frozen=True)
class Row:
    """One crystal of a source, or the reason why it cannot be used."""

    id: str
    """Name of the crystal, unique in a table."""
    file: str
    """File that the row comes from, '' for objects in memory."""
    row: int | None
    """Row of the table, from 0, without the header; None for the crystals of a file."""
    crystal: Crystal | None
    """The crystal; None where there is a reason."""
    values: Mapping[str, object] = field(default_factory=dict)
    """Everything else that is known: the other columns, or what the file says."""
    reason: str | None = None
    """Why there is no crystal; None where there is one."""


@dataclass
class SkippedRows:
    """Counts rows that are left out, and names the first ones as they come."""

    count: int = 0
    first: str = ""
    """Id and reason of the first."""

    def add(self, row: Row) -> None:
        """Leave a row out; it has a reason."""
        self.count += 1
        self.first = self.first or f"{row.id}: {row.reason}"
        if self.count <= _NAMED:
            log.warning("%s is left out: %s", row.id, row.reason)
        elif self.count == _NAMED + 1:
            log.warning("more rows are left out; `xtalgraph predict` lists all with their reasons")

    def nothing_left(self, source: object) -> InputError:
        """Return the error that says that no row of a source can be used."""
        first = f"; the first: {self.first}" if self.first else ""
        return InputError(
            f"no crystal of {name_of_source(source)} can be used; {self.count} rows cannot{first}"
        )


@dataclass(frozen=True)
class Rejection:
    """A row that was left out, and why."""

    id: str
    file: str
    """File that the row comes from, '' for objects in memory."""
    row: int | None
    """Row of the table, from 0; None for the crystals of a file."""
    reason: str
    """Why it was left out, in plain words."""
    values: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)
    """What else was known of it: folds that keep the share of each class count its label too."""

    def as_dict(self) -> dict[str, str | int | None]:
        """Return which row it was and why, as plain values."""
        return {"id": self.id, "file": self.file, "row": self.row, "reason": self.reason}


def checked_row(
    name: str,
    file: str,
    row: int | None,
    make: Callable[[], tuple[Crystal, Mapping[str, object]]],
    values: Mapping[str, object],
) -> Row:
    """Make the crystal of a row and check it; what is wrong becomes the row's reason.

    Args:
        name: Id of the row.
        file: Where it comes from.
        row: Its number in a table.
        make: Returns the crystal and what its file says about it; whatever it raises becomes the
            reason.
        values: The other columns of the row; they go before what the file says.
    """
    try:
        crystal, stated = guarded(make, "it")
        values = {**stated, **values}
        problem = guarded(partial(_problem, crystal, values), "it")
    except InputError as error:
        return Row(name, file, row, None, values, str(error))
    return Row(name, file, row, None if problem else crystal, values, problem)


def _problem(crystal: Crystal, values: Mapping[str, object]) -> str | None:
    for column, value in values.items():
        if _is_too_large(value):
            return f"the column {column!r} holds a whole number of more than 300 digits"
    return find_problem(crystal)


def _is_too_large(value: object) -> bool:
    if isinstance(value, list):
        return any(_is_too_large(member) for member in value)
    return isinstance(value, int) and value.bit_length() > _LARGEST


def resolved_row(row: Row, disorder: str) -> Row:
    """Refuse, mix or order the disorder of a row; an ordered crystal is checked anew.

    A `ConfigError` if there is no such choice.
    """
    if row.crystal is None or row.crystal.occupancies is None:
        return row
    try:
        crystal = guarded(partial(resolve_disorder, row.crystal, disorder), "it")
    except InputError as error:
        return replace(row, crystal=None, reason=str(error))
    if crystal is row.crystal:
        return row
    problem = find_problem(crystal)
    if problem:
        return replace(row, crystal=None, reason=f"after ordering: {problem}")
    cells = round(crystal.volume / row.crystal.volume)
    return replace(row, crystal=crystal, values={**row.values, ORDERED_CELLS: cells})


def in_chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield rows in lists of a size, the last one shorter."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk
