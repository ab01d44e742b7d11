"""Which column of a table is the crystal, and which is its id."""

import re
from collections.abc import Sequence
from typing import Final

from xtalgraph.conventions.errors import InputError

STRUCTURE_COLUMNS: Final[tuple[str, ...]] = ("structure", "cif", "path", "atoms")
"""Columns that may hold the crystal; the first that exists is read. JARVIS says ``atoms``."""

ID_COLUMNS: Final[tuple[str, ...]] = (
    *("id", "material_id", "jid", "mp_id", "name", "cif_id"),
    *("structure_id", "crystal_id", "entry_id", "sample_id", "compound_id"),
    *("icsd_id", "icsd_code", "cod_id", "oqmd_id", "aflow_id", "auid"),
    *("refcode", "identifier", "uid", "uuid", "Unnamed: 0"),
)
"""Columns that may hold the id; the first that exists is read. The last is what pandas calls an
index that was written without a name."""

_SEPARATORS: Final = re.compile(r"[\s_.-]+")


def structure_column(names: Sequence[str], where: str) -> tuple[str, str]:
    """Return the column that holds the crystals, and what it is: structure, cif, path or atoms.

    Case, spaces, underscores, dots and hyphens in names do not matter.

    Args:
        names: The columns.
        where: The table, for messages.

    Raises:
        InputError: There is none, or two are called alike.
    """
    column = _first(names, STRUCTURE_COLUMNS, where)
    if column is None:
        raise InputError(_no_structures(where, names))
    return column


def id_column(names: Sequence[str], where: str) -> str | None:
    """Return the column of ids, None where there is none; an `InputError` if there are two."""
    column = _first(names, ID_COLUMNS, where)
    return column[0] if column else None


def is_id_column(name: str) -> bool:
    """Tell whether a column may hold ids, which are text whatever they look like."""
    return any(_plain(name) == _plain(known) for known in ID_COLUMNS[:-1])


def same_column(name: str, known: str) -> bool:
    """Tell whether two names mean the same column."""
    return _plain(name) == _plain(known)


def check_names(names: Sequence[str], where: str) -> None:
    """Raise an `InputError` where two columns of a table have the same name."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        listed = ", ".join(repr(name) for name in repeated[:5])
        raise InputError(
            f"{where} has several columns called {listed}: which is meant? Rename them"
        )


def _first(names: Sequence[str], known: Sequence[str], where: str) -> tuple[str, str] | None:
    plain = [_plain(name) for name in names]
    for wanted in known:
        alike = [name for name, p in zip(names, plain, strict=True) if p == _plain(wanted)]
        if len(alike) > 1:
            listed = " and ".join(repr(name) for name in alike)
            raise InputError(f"{where} has the columns {listed}: which is meant? Rename one")
        if alike:
            return alike[0], wanted
    return None


def _plain(name: str) -> str:
    return _SEPARATORS.sub("", name).casefold()


def _no_structures(where: str, names: Sequence[str]) -> str:
    there = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    if "composition" in names or list(names) == ["formula"]:
        return (
            f"{where} holds compositions and no structures (columns: {there}); a crystal graph "
            "needs the positions of the atoms"
        )
    hint = ""
    if len(names) == 1 and (";" in there or "\t" in there):
        hint = "; cells are separated by commas"
    return f"{where} has no column structure, cif, path or atoms; its columns are {there}{hint}"
