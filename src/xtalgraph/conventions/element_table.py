"""Measured properties of the elements, by atomic number."""

import csv
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import ConfigError

BLOCKS: Final[str] = "spdf"
"""The blocks of the periodic table; ``property_of("block")`` is the position in this string."""

PROPERTIES: Final[dict[str, str]] = {
    "group": "",
    "period": "",
    "block": "",
    "valence_electrons": "",
    "s_electrons": "",
    "p_electrons": "",
    "d_electrons": "",
    "f_electrons": "",
    "electronegativity": "Pauling",
    "covalent_radius": "Å",
    "vdw_radius": "Å",
    "first_ionization_energy": "eV",
    "electron_affinity": "eV",
    "polarizability": "bohr³",
    "atomic_volume": "cm³/mol",
    "atomic_mass": "u",
    "melting_point": "K",
    "mendeleev_number": "",
    "lowest_oxidation_state": "e",
    "highest_oxidation_state": "e",
    "common_oxidation_state": "e",
}
"""Names of the properties and their units. The head of ``elements.csv`` gives the sources."""


def property_of(name: str) -> Float[np.ndarray, "119"]:
    """One property of all elements, indexed by atomic number.

    Args:
        name: One of :data:`PROPERTIES`.

    Returns:
        A read-only array in the unit that :data:`PROPERTIES` states. It is NaN at index 0, which
        is no element, and wherever the value is not known.

    Raises:
        ConfigError: There is no such property.

    >>> float(property_of("electronegativity")[11])
    0.93
    """
    if name not in PROPERTIES:
        near = get_close_matches(name, PROPERTIES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(PROPERTIES)}"
        raise ConfigError(f"unknown element property {name!r}; {hint}")
    return _columns()[name]


@cache
def _columns() -> dict[str, Float[np.ndarray, "119"]]:
    """All columns of the table, read once."""
    text = files("xtalgraph.conventions").joinpath("elements.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    columns = {name: np.full(MAX_ATOMIC_NUMBER + 1, np.nan) for name in PROPERTIES}
    for row in rows:
        z = int(row["atomic_number"])
        row["block"] = str(BLOCKS.index(row["block"]))
        for name, column in columns.items():
            if row[name]:
                column[z] = float(row[name])
    for column in columns.values():
        column.setflags(write=False)
    return columns
