"""Crystals to files."""

import io
from collections import Counter
from pathlib import Path

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.files import write_atomically
from xtalgraph.crystals.cell import cell_parameters
from xtalgraph.crystals.convert import to_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.formulas import formula_parts

_HEAD = """data_{name}
_space_group_name_H-M_alt 'P 1'
_space_group_IT_number 1
_chemical_formula_sum '{formula}'
_cell_length_a {0!r}
_cell_length_b {1!r}
_cell_length_c {2!r}
_cell_angle_alpha {3!r}
_cell_angle_beta {4!r}
_cell_angle_gamma {5!r}
loop_
 _space_group_symop_operation_xyz
 'x, y, z'
loop_
 _atom_site_label
 _atom_site_type_symbol
 _atom_site_fract_x
 _atom_site_fract_y
 _atom_site_fract_z
 _atom_site_occupancy
"""


def to_cif(crystal: Crystal) -> str:
    """Return the crystal as CIF text in P 1, with every digit of the coordinates.

    A CIF holds lengths and angles, so the orientation of the cell in space is not kept.

    Args:
        crystal: A crystal that repeats in all three directions.

    Returns:
        Text that `read_cif` reads back to the same numbers.

    Raises:
        InputError: The crystal does not repeat in all three directions.
    """
    if not crystal.pbc.all():
        pbc = "".join("FT"[int(p)] for p in crystal.pbc)
        raise InputError(f"a CIF describes a crystal that repeats in 3 directions, got pbc={pbc}")
    lengths, angles = cell_parameters(crystal.cell)
    formula = _formula(crystal)
    text = _HEAD.format(*lengths.tolist(), *angles.tolist(), name=crystal.formula, formula=formula)
    seen: Counter[str] = Counter()
    lines = []
    held = crystal.occupancies
    for site, (x, y, z) in enumerate(crystal.fractional.tolist()):
        number = int(crystal.site_numbers[site])
        shares = {number: 1} if number or held is None else held.on_site(site)
        for species, share in shares.items():
            symbol = SYMBOLS[species]
            seen[symbol] += 1
            lines.append(f" {symbol}{seen[symbol]} {symbol} {x!r} {y!r} {z!r} {share!r}\n")
    return text + "".join(lines)


def to_poscar(crystal: Crystal) -> str:
    """Return the crystal as a POSCAR of VASP 5, atoms of one element together, 16 decimals.

    Args:
        crystal: A crystal that repeats in all three directions.

    Raises:
        InputError: The crystal does not repeat in all three directions.
    """
    from ase.io.vasp import write_vasp

    if not crystal.pbc.all():
        pbc = "".join("FT"[int(p)] for p in crystal.pbc)
        raise InputError(
            f"a POSCAR describes a crystal that repeats in 3 directions, got pbc={pbc}"
        )
    text = io.StringIO()
    write_vasp(text, to_ase(crystal), direct=True, sort=True, vasp5=True)
    return text.getvalue()


def to_extxyz(crystal: Crystal) -> str:
    """Return the crystal as one frame of extended XYZ, 8 decimals, with what repeats."""
    from ase.io.extxyz import write_xyz

    text = io.StringIO()
    write_xyz(text, to_ase(crystal))
    return text.getvalue()


def _formula(crystal: Crystal) -> str:
    if crystal.occupancies is None:
        parts = formula_parts(crystal.numbers.tolist())
        return " ".join(f"{symbol}{count}" for symbol, count in parts)
    return " ".join(f"{SYMBOLS[z]}{crystal.amounts[z]:.6g}" for z in crystal.elements)


def write_cif(crystal: Crystal, path: str | Path) -> None:
    """Write the crystal to a CIF file, see `to_cif`."""
    write_atomically(Path(path), to_cif(crystal))
