"""Exchange with pymatgen, ASE and JARVIS; each is imported only when it is used."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.crystals.ase_occupancy import sites_of_ase
from xtalgraph.crystals.cell import cell_from_parameters, cell_parameters
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import resolve_disorder
from xtalgraph.crystals.occupancies import FULL
from xtalgraph.crystals.species import number_of_symbol


def from_pymatgen(structure: Any, disorder: str = "refuse") -> Crystal:
    """Return the crystal of a pymatgen ``Structure``; charges and site properties are left behind.

    Args:
        structure: A ``Structure``.
        disorder: What to do where a site holds several species or is empty in part: ``refuse``,
            ``mix`` or ``order``.

    Raises:
        InputError: A site is partially occupied and that is refused, or it holds no element.
    """
    sites = [
        _added((number_of_symbol(specie.symbol), share) for specie, share in site.species.items())
        for site in structure
    ]
    lattice = structure.lattice
    crystal = Crystal.from_sites(lattice.matrix, structure.cart_coords, sites, lattice.pbc)
    return resolve_disorder(crystal, disorder)


def to_pymatgen(crystal: Crystal) -> Any:
    """Return a pymatgen ``Structure`` with the same cell, atoms and order, disordered ones too."""
    from pymatgen.core import Lattice, Structure

    a, b, c = crystal.pbc.tolist()
    held = crystal.occupancies
    return Structure(
        Lattice(crystal.cell, pbc=(a, b, c)),
        [
            SYMBOLS[z]
            if z or held is None
            else {SYMBOLS[part]: share for part, share in held.on_site(site).items()}
            for site, z in enumerate(crystal.site_numbers.tolist())
        ],
        crystal.positions,
        coords_are_cartesian=True,
    )


def to_primitive(crystal: Crystal) -> Any:
    """Return the primitive cell as pymatgen's ``StructureMatcher`` makes it, of Niggli's cell.

    The matcher makes it again for each pair; who compares a crystal often makes it once, and calls
    ``fit`` with ``skip_structure_reduction``.

    Args:
        crystal: Repeating in all directions.

    >>> import numpy as np
    >>> iron = Crystal.from_fractional(
    ...     2.87 * np.eye(3), np.array([[0.0] * 3, [0.5] * 3]), np.array([26, 26])
    ... )
    >>> len(to_primitive(iron))
    1
    """
    niggli = to_pymatgen(crystal).get_reduced_structure(reduction_algo="niggli")
    return niggli.get_primitive_structure()


def from_ase(atoms: Any, disorder: str = "refuse") -> Crystal:
    """Return the crystal of an ASE ``Atoms``.

    A direction that does not repeat and has no lattice vector gets one of unit length, so that the
    cell can always be inverted.

    Args:
        atoms: The ``Atoms``; constraints, momenta and results are left behind. Its initial charges
            are those of the crystal.
        disorder: What to do where ``atoms.info["occupancy"]`` tells of several species on a site,
            or of an empty one: ``refuse``, ``mix`` or ``order``.

    Raises:
        InputError: A direction repeats but has no lattice vector, or a site is partially occupied
            and that is refused.
    """
    sites = sites_of_ase({**atoms.info, **atoms.arrays}, atoms.numbers)
    missing = atoms.pbc & ~atoms.cell.any(axis=1)
    if missing.any():
        raise InputError(
            f"direction {'abc'[int(missing.argmax())]} repeats but has no lattice vector"
        )
    cell = atoms.cell.complete().array
    if sites is None:
        charges = atoms.arrays.get("initial_charges")
        return Crystal(cell, atoms.positions, atoms.numbers, atoms.pbc, charges=charges)
    return resolve_disorder(Crystal.from_sites(cell, atoms.positions, sites, atoms.pbc), disorder)


def to_ase(crystal: Crystal) -> Any:
    """Return an ASE ``Atoms`` with the same cell, atoms, order and initial charges."""
    from ase import Atoms

    return Atoms(
        numbers=crystal.numbers,
        positions=crystal.positions,
        cell=crystal.cell,
        pbc=crystal.pbc,
        charges=crystal.charges,
    )


def from_pymatgen_dict(data: Mapping[str, Any], disorder: str = "refuse") -> Crystal:
    """Return the crystal of ``Structure.as_dict()``, the layout of Matbench files.

    It is read as it is, fifty times faster than through a ``Structure``. Fractional coordinates
    (``abc``) are taken before Cartesian ones (``xyz``).

    Args:
        data: The dictionary; ``pbc`` and ``xyz`` may be missing.
        disorder: ``refuse``, ``mix`` or ``order``, see `resolve_disorder`.

    Raises:
        InputError: An entry is missing or malformed, or a site is partially occupied.
    """
    try:
        lattice, sites = data["lattice"], data["sites"]
        cell = _cell(lattice)
        pbc = lattice.get("pbc", (True, True, True))
        numbers, coordinates = [], []
        mixed: dict[int, dict[int, float]] = {}
        fractional = all("abc" in site for site in sites)
        for index, site in enumerate(sites):
            species = site["species"]
            if len(species) != 1 or abs(species[0]["occu"] - 1.0) > FULL:
                mixed[index] = _added(
                    (number_of_symbol(entry["element"]), float(entry["occu"])) for entry in species
                )
            numbers.append(0 if index in mixed else number_of_symbol(species[0]["element"]))
            coordinates.append(site["abc" if fractional else "xyz"])
        positions = np.array(coordinates, dtype=float).reshape(-1, 3)
        if fractional:
            positions = positions @ cell
        if not mixed:
            return Crystal(cell, positions, np.array(numbers, dtype=np.int64), np.array(pbc))
        held = [mixed.get(index, {z: 1.0}) for index, z in enumerate(numbers)]
        crystal = Crystal.from_sites(cell, positions, held, pbc)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"not a pymatgen structure dictionary: {what}") from error
    return resolve_disorder(crystal, disorder)


def from_any(item: Any, disorder: str = "refuse") -> Crystal:
    """Return the crystal of an object of pymatgen, ASE or JARVIS, or of a dictionary of theirs.

    Args:
        item: A Crystal, a pymatgen ``Structure`` or its dictionary, ASE ``Atoms``, or JARVIS
            ``Atoms`` or their dictionary.
        disorder: What to do with disordered sites: ``refuse``, ``mix`` or ``order``.

    Raises:
        InputError: It is none of these, or cannot be converted.
    """
    if isinstance(item, Crystal):
        return resolve_disorder(item, disorder)
    if isinstance(item, Mapping):
        if "lattice_mat" in item:
            return from_jarvis_dict(item)
        return from_pymatgen_dict(item, disorder)
    # An object of a library can only exist where the library has been imported.
    pymatgen = sys.modules.get("pymatgen.core.structure")
    if pymatgen is not None and isinstance(item, pymatgen.IStructure):
        return from_pymatgen(item, disorder)
    ase = sys.modules.get("ase.atoms")
    if ase is not None and isinstance(item, ase.Atoms):
        return from_ase(item, disorder)
    jarvis = sys.modules.get("jarvis.core.atoms")
    if jarvis is not None and isinstance(item, jarvis.Atoms):
        return from_jarvis(item)
    raise InputError(
        f"cannot make a crystal of {type(item).__name__}; give a Crystal, a pymatgen Structure or "
        "its dictionary, ASE Atoms, or JARVIS Atoms or their dictionary"
    )


def _cell(lattice: Mapping[str, Any]) -> np.ndarray:
    if "matrix" in lattice:
        return np.array(lattice["matrix"], dtype=float).reshape(3, 3)
    lengths = np.array([lattice[key] for key in "abc"], dtype=float)
    angles = np.array([lattice[key] for key in ("alpha", "beta", "gamma")], dtype=float)
    return cell_from_parameters(lengths, angles)


def _added(shares: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Add up the shares of one element, which charges may have told apart."""
    held: dict[int, float] = {}
    for number, share in shares:
        held[number] = held.get(number, 0.0) + share
    return held


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
    module = import_extra("jarvis.core.atoms")
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
