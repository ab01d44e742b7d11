"""Exchange with JARVIS: its ``Atoms``, and the dictionaries of its data sets."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.cell import cell_parameters
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.species import number_of_symbol


def from_jarvis(atoms: Any) -> Crystal:
    """Return the crystal of a ``jarvis.core.atoms.Atoms``; its ``props`` are left behind.

    The coordinates are taken as they were given to it. Where they are in units of the lattice
    vectors, its own ``cart_coords`` belong to a cell that is rounded to 1e-5 Å.

    Args:
        atoms: The ``Atoms``.

    Raises:
        InputError: If an element is not known.
    """
    return _crystal(atoms.lattice_mat, atoms.coords, atoms.elements, bool(atoms.cartesian))


def from_jarvis_dict(data: Mapping[str, Any]) -> Crystal:
    """Return the crystal of ``Atoms.to_dict()``, periodic in all directions, as JARVIS data sets.

    Args:
        data: With ``lattice_mat``, ``coords``, ``elements`` and ``cartesian``.

    Raises:
        InputError: If an entry is missing or malformed.
    """
    try:
        cartesian = data["cartesian"]
        if not isinstance(cartesian, bool):
            raise ValueError(f"cartesian must be true or false, got {cartesian!r}")
        return _crystal(data["lattice_mat"], data["coords"], data["elements"], cartesian)
    except (KeyError, TypeError, ValueError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"not a JARVIS atoms dictionary: {what}") from error


def to_jarvis_dict(crystal: Crystal) -> dict[str, Any]:
    """Return the dictionary that JARVIS makes of the same cell, atoms and order.

    Args:
        crystal: Periodic in all directions, which is all that JARVIS knows.

    Raises:
        InputError: If a direction does not repeat.
    """
    if not crystal.pbc.all():
        pbc = "".join("FT"[int(p)] for p in crystal.pbc)
        raise InputError(f"atoms of JARVIS repeat in all 3 directions, got pbc={pbc}")
    lengths, angles = cell_parameters(crystal.cell)
    return {
        "lattice_mat": crystal.cell.tolist(),
        "coords": crystal.positions.tolist(),
        "elements": [SYMBOLS[number] for number in crystal.numbers.tolist()],
        "abc": lengths.tolist(),
        "angles": angles.tolist(),
        "cartesian": True,
        "props": [""] * len(crystal),
    }


def to_jarvis(crystal: Crystal) -> Any:
    """Return a ``jarvis.core.atoms.Atoms`` with the same cell, atoms and order.

    Args:
        crystal: Periodic in all directions, which is all that JARVIS knows.

    Raises:
        InputError: If a direction does not repeat.
        MissingExtraError: If jarvis-tools is not installed.
    """
    module = import_extra("jarvis.core.atoms", "jarvis")
    return module.Atoms.from_dict(to_jarvis_dict(crystal))


def _crystal(lattice: Any, coords: Any, elements: Any, cartesian: bool) -> Crystal:
    cell = np.array(lattice, dtype=float).reshape(3, 3)
    positions = np.array(coords, dtype=float).reshape(-1, 3)
    numbers = [number_of_symbol(str(symbol)) for symbol in elements]
    if len(numbers) != len(positions):
        raise InputError(f"there are {len(numbers)} elements for {len(positions)} coordinates")
    periodic = np.array([True, True, True])
    return Crystal(
        cell, positions if cartesian else positions @ cell, np.array(numbers, dtype=int), periodic
    )
