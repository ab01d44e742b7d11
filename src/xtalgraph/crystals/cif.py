"""CIF text to crystals.

The text is parsed by gemmi; what the items mean is decided here, after the core CIF dictionary
(International Tables for Crystallography G, https://www.iucr.org/resources/cif).
"""

import math
import re
from collections import Counter
from functools import lru_cache
from typing import Final

import gemmi
import numpy as np
from gemmi import cif

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.cell import cell_from_parameters, cell_parameters
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.species import number_of_label, number_of_symbol
from xtalgraph.crystals.symmetry import Operations, check_fit, expand, parse_operations

_LENGTHS: Final = ("_cell_length_a", "_cell_length_b", "_cell_length_c")
_ANGLES: Final = ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")
_OPERATIONS: Final = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz")
_HALL: Final = ("_space_group_name_Hall", "_symmetry_space_group_name_Hall")
_NAME: Final = ("_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M")
_NUMBER: Final = ("_space_group_IT_number", "_symmetry_Int_Tables_number")
_SITE: Final = ("fract_x", "fract_y", "fract_z", "type_symbol", "label", "occupancy")
_FORMULA_TERM: Final = re.compile(r"([A-Z][a-z]?)(\d*\.?\d*)")

OCCUPANCY_TOLERANCE: Final[float] = 1e-3
"""How far from 1 an occupancy may be and still count as full."""


def read_cif(text: str) -> list[Entry]:
    """Read every crystal of a CIF; nothing is raised for bad content.

    Operations listed in the file come first, then the Hall symbol, the Hermann-Mauguin name and the
    number of the space group; a block that says nothing about its symmetry is taken as P 1, as all
    readers do. Where ``_chemical_formula_sum`` is given, the atoms must agree with it: a file that
    broke off between two sites is found that way.

    Args:
        text: The whole content of the file.

    Returns:
        One entry per block that holds atoms, named by its block ('' if it is the only one).
        Blocks without atoms are left out when another has some.
    """
    if not text.strip():
        return [Entry("", None, reason="the file is empty")]
    try:
        document = cif.read_string(text.removeprefix("\ufeff"), check_level=0)
    except (ValueError, RuntimeError) as error:
        return [Entry("", None, reason=_plain(str(error)))]
    blocks = list(document)
    if not blocks:
        return [Entry("", None, reason="not a CIF: it holds no data_ block")]
    chosen = blocks
    if len(blocks) > 1:
        with_atoms = [block for block in blocks if block.find_values("_atom_site_fract_x")]
        chosen = with_atoms or blocks[:1]
    names = _unique([block.name for block in chosen]) if len(chosen) > 1 else [""]
    entries = []
    for name, block in zip(names, chosen, strict=True):
        try:
            entries.append(Entry(name, _crystal(block)))
        except InputError as error:
            entries.append(Entry(name, None, reason=str(error)))
    return entries


def _plain(message: str) -> str:
    """Put an error of the parser into words."""
    match = re.match(r"string:(\d+)\S*\s*(.*)", message, re.DOTALL)
    line, what = (match[1], match[2]) if match else ("?", message)
    if "expected block header" in what and line == "1":
        return "not a CIF: it does not begin with a data_ block"
    return f"the CIF breaks off or is malformed at line {line}: {what.strip()}"


def _unique(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return result


def _number(text: str) -> float:
    """Return a CIF number without its standard uncertainty; NaN for '?', '.' and words."""
    try:
        return float(text)
    except ValueError:
        return cif.as_number(text)


def _first(block: cif.Block, tags: tuple[str, ...]) -> str | None:
    for tag in tags:
        value = block.find_value(tag)
        if value is not None and value not in ("?", "."):
            text = cif.as_string(value).strip()
            if text:
                return text
    return None


def _crystal(block: cif.Block) -> Crystal:
    numbers, fractional = _sites(block)
    cell = _cell(block)
    operations = _operations(block, cell)
    if operations is not None and len(operations.rotations) > 1:
        check_fit(cell, operations)
        fractional, origin = expand(cell, fractional, operations)
        numbers = numbers[origin]
    crystal = Crystal.from_fractional(cell, fractional, numbers)
    formula = _first(block, ("_chemical_formula_sum",))
    if formula is not None:
        _check_formula(crystal, formula)
    return crystal


def _cell(block: cif.Block) -> np.ndarray:
    found = []
    for tag in _LENGTHS + _ANGLES:
        value = block.find_value(tag)
        number = math.nan if value is None else _number(value)
        if not math.isfinite(number):
            what = "is missing" if value is None else f"is {value!r}, not a number"
            raise InputError(f"no cell: {tag} {what}")
        found.append(number)
    cell = cell_from_parameters(np.array(found[:3]), np.array(found[3:]))
    if not np.isfinite(cell).all():
        angles = ", ".join(f"{angle:g}" for angle in found[3:])
        raise InputError(f"no cell has the angles {angles} degrees")
    return cell


def _sites(block: cif.Block) -> tuple[np.ndarray, np.ndarray]:
    columns = _site_columns(block)
    if not all(columns.get(name) for name in _SITE[:3]):
        if block.find_values("_atom_site_Cartn_x") or block.find_values("_atom_site.Cartn_x"):
            raise InputError(
                "the atoms have Cartesian coordinates, which no CIF standard ties to the cell; "
                "give _atom_site_fract_x, _y, _z"
            )
        raise InputError("the file holds no atoms: no loop over _atom_site_fract_x, _y, _z")
    symbols, names, occupancies = (columns.get(name) for name in _SITE[3:])
    given = names or symbols
    if given is None:
        raise InputError("the atoms have neither _atom_site_type_symbol nor _atom_site_label")
    labels = [cif.as_string(value) for value in given]
    if occupancies is not None:
        _check_occupancies(labels, occupancies)
    fractional = np.empty((len(labels), 3))
    for axis, name in enumerate(_SITE[:3]):
        for i, value in enumerate(columns[name]):
            fractional[i, axis] = number = _number(value)
            if not math.isfinite(number):
                raise InputError(f"site {labels[i]} has the coordinate {value!r}, not a number")
    return _numbers(labels, symbols), fractional


def _site_columns(block: cif.Block) -> dict[str, list[str]]:
    """Return what is said of the sites, by the names of the items without ``_atom_site_``."""
    loop = block.find_loop("_atom_site_fract_x").get_loop()
    if loop is None:  # a single atom may be written without a loop
        pairs = ((name, block.find_value(f"_atom_site_{name}")) for name in _SITE)
        return {name: [value] for name, value in pairs if value is not None}
    tags, values = loop.tags, loop.values
    return {
        tag.lower().removeprefix("_atom_site_"): values[n :: len(tags)]
        for n, tag in enumerate(tags)
    }


def _numbers(labels: list[str], symbols: list[str] | None) -> np.ndarray:
    if symbols is None or any(value in ("?", ".") for value in symbols):
        return np.array([number_of_label(label) for label in labels])
    numbers = []
    for label, symbol in zip(labels, symbols, strict=True):
        try:
            numbers.append(number_of_symbol(cif.as_string(symbol)))
        except InputError as error:
            raise InputError(f"site {label}: {error}") from error
    return np.array(numbers)


def _check_occupancies(labels: list[str], occupancies: list[str]) -> None:
    """Raise where a site is not fully occupied, naming the sites."""
    partial = []
    for label, value in zip(labels, occupancies, strict=True):
        # '.' is the default of the dictionary, 1.
        occupancy = 1.0 if value == "." else _number(value)
        if not abs(occupancy - 1.0) <= OCCUPANCY_TOLERANCE:
            partial.append(f"{label} ({value})")
    if partial:
        more = f" and {len(partial) - 4} more" if len(partial) > 4 else ""
        raise InputError(
            f"partial occupancy: {', '.join(partial[:4])}{more}; a crystal graph needs one atom "
            "on each site, so choose an ordering first"
        )


def _operations(block: cif.Block, cell: np.ndarray) -> Operations | None:
    """Return the symmetry operations, or None where the block does not speak of symmetry."""
    for tag in _OPERATIONS:
        values = block.find_values(tag)
        if values:
            return parse_operations(tuple(cif.as_string(value) for value in values))
    hall = _first(block, _HALL)
    if hall is not None:
        try:
            return _from_gemmi(gemmi.symops_from_hall(hall))
        except (ValueError, RuntimeError) as error:
            raise InputError(f"the Hall symbol {hall!r} is not known") from error
    name, number = _first(block, _NAME), _first(block, _NUMBER)
    if name is None and number is None:
        return None
    group = None
    if name is not None:
        # The angles tell hexagonal from rhombohedral axes; some writers put P6_3/mmc for P63/mmc.
        angles = cell_parameters(cell)[1]
        plain = name.replace("_", "")
        group = gemmi.find_spacegroup_by_name(plain, float(angles[0]), float(angles[2]))
    elif number is not None and number.isdigit() and 1 <= int(number) <= 230:
        group = gemmi.find_spacegroup_by_number(int(number))
    if group is None:
        raise InputError(
            f"the space group {name or number!r} is not known; list the operations in "
            f"{_OPERATIONS[0]}"
        )
    if group.ext in ("1", "2") and not (name and re.search(r"[:\s][12SZ]$", name.strip())):
        raise InputError(
            f"the space group {name or number} has two choices of origin and the file says "
            f"neither which nor lists the operations in {_OPERATIONS[0]}"
        )
    return _from_gemmi(group.operations())


def _from_gemmi(group: gemmi.GroupOps) -> Operations:
    return parse_operations(tuple(op.triplet() for op in group))


@lru_cache(maxsize=4096)
def _parse_formula(formula: str) -> dict[int, float] | None:
    """Return the amount of each atomic number, or None for what cannot be compared.

    Hydrates, mixtures and charges are written in many ways.
    """
    declared: dict[int, float] = {}
    for part in formula.split():
        match = _FORMULA_TERM.fullmatch(part)
        if match is None or match[2] == "." or match[1] not in ATOMIC_NUMBERS:
            return None
        number = ATOMIC_NUMBERS[match[1]]
        declared[number] = declared.get(number, 0.0) + float(match[2] or 1)
    return declared if sum(declared.values()) > 0 else None


def _check_formula(crystal: Crystal, formula: str) -> None:
    """Raise where the atoms do not have the composition that the file declares."""
    declared = _parse_formula(formula)
    if declared is None:
        return
    found = Counter(crystal.numbers.tolist())
    scale = len(crystal) / sum(declared.values())
    if any(
        abs(found[z] - declared.get(z, 0.0) * scale) > 0.01 * len(crystal)
        for z in {*found, *declared}
    ):
        raise InputError(
            f"the atoms of the cell make {crystal.formula}, but _chemical_formula_sum is "
            f"{formula!r}: atoms are missing, or the formula is wrong"
        )
