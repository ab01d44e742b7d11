"""What a CIF block declares of its crystal, compared with the crystal that was read."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import gemmi
import numpy as np
from jaxtyping import Int

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.cif.formula import agrees, readings
from xtalgraph.crystals.cif.items import Items, number, shown, unquoted
from xtalgraph.crystals.cif.sites import Sites
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.species import number_of_symbol

DENSITY_TOLERANCE: Final[float] = 0.05
"""Largest relative difference between declared and computed density."""

AMOUNT_TOLERANCE: Final[float] = 0.01
"""Largest difference between declared and refined amounts of an element, for each atom: refined
occupancies stand beside nominal formulas."""

VOLUME_TOLERANCE: Final[float] = 0.01
"""Largest relative difference between declared and computed volume of the cell."""

_FORMULAS: Final = (
    "_chemical_formula_sum",
    "_chemical_formula_moiety",
    "_chemical_formula_structural",
    "_chemical_formula_iupac",
)
_UNITS: Final = "_cell_formula_units_z"
_DENSITY: Final = "_exptl_crystal_density_diffrn"
_VOLUME: Final = "_cell_volume"
_TYPE, _COUNT = "_atom_type_symbol", "_atom_type_number_in_cell"
_DEUTERIUM: Final = re.compile(r"['\"]?[DT]([\d+-]|['\"]?$)")
_DEUTERIUM_IN: Final = re.compile(r"\b[DT]\d*\b")
_GRAMS: Final = 1.66053906660
"""Density of one dalton in 1 Å³, g/cm³ (CODATA 2018)."""
_DENSEST: Final = 40.0
"""g/cm³; osmium has 22.6, and a larger number is in kg/m³."""


def check_declarations(
    items: Items,
    crystal: Crystal,
    sites: Sites,
    images: Int[np.ndarray, " sites"] | None,
    operations: int,
) -> bool:
    """Raise where the crystal is not the one that the file declares.

    Args:
        items: The items of the block.
        crystal: All atoms of the cell.
        sites: Sites of the asymmetric unit.
        images: Atoms of the cell that come from each site; None for one each.
        operations: Number of symmetry operations.

    Returns:
        Whether formula and Z are given, so that no atom of the cell is missing.

    Raises:
        InputError: Composition, Z, multiplicities, volume or density differ.
    """
    if crystal.occupancies is None:
        counts: Mapping[int, int | float] = Counter(crystal.numbers.tolist())
    else:
        counts = {z: float(crystal.amounts[z]) for z in crystal.elements}
    complete = _check_composition(items, crystal, counts)
    if sites.multiplicities is not None:
        counted = [1] * len(sites.labels) if images is None else images.tolist()
        _check_multiplicities(sites.multiplicities, sites.labels, counted, operations)
    if crystal.occupancies is None:
        _check_atom_types(items, counts)
    computed = float(np.prod(np.diag(crystal.cell)))  # Å³; a is along x, b in the xy plane
    if volume := items.text(_VOLUME):
        _check_number(_VOLUME, volume, computed, "Å³", VOLUME_TOLERANCE)
    density = items.text(_DENSITY)
    if density and not _deuterated(items):
        mass = sum(gemmi.Element(z).weight * count for z, count in counts.items())
        kilograms = number(density) > _DENSEST
        unit = "kg/m³" if kilograms else "g/cm³"
        value = _GRAMS * mass / computed * (1000.0 if kilograms else 1.0)
        _check_number(_DENSITY, density, value, unit, DENSITY_TOLERANCE)
    return complete


def _deuterated(items: Items) -> bool:
    """Tell whether hydrogen has another mass than that of the elements."""
    symbols = items.values.get("_atom_site_type_symbol", []) + items.values.get(_TYPE, [])
    labels = items.values.get("_atom_site_label", [])
    formula = items.text(_FORMULAS[0])
    return any(map(_DEUTERIUM.match, symbols + labels)) or bool(_DEUTERIUM_IN.search(formula))


def _check_composition(items: Items, crystal: Crystal, counts: Mapping[int, int | float]) -> bool:
    """Return whether formula and Z account for every atom; raise where they contradict."""
    given = items.text(_UNITS)
    value = number(given) if given else math.nan
    units = value if 0.0 < value < math.inf else None
    disordered = crystal.occupancies is not None
    for name in _FORMULAS:
        formula = items.text(name)
        if not formula or not readings(formula):
            continue
        if agrees(counts, formula, units, AMOUNT_TOLERANCE if disordered else None):
            return units is not None
        z = f" with _cell_formula_units_Z {given[:20]}" if units is not None else ""
        held, missing = ("occupancies", "sites") if disordered else ("atoms", "atoms")
        raise InputError(
            f"the {held} of the cell make {crystal.formula}, but {name} is {shown(formula)}{z}: "
            f"{missing} are missing or too many, or the declaration is wrong"
        )
    if disordered:
        return False
    if units is not None and any(count % units for count in counts.values()):
        raise InputError(
            f"the atoms of the cell make {crystal.formula}, which is not _cell_formula_units_Z "
            f"{given[:20]} times whole atoms: atoms or symmetry are missing, or Z is wrong"
        )
    return False


def _check_multiplicities(
    declared: list[str], labels: list[str], images: list[int], operations: int
) -> None:
    """Raise where the images of a site are neither as many as declared, nor its order.

    SHELXL and others write the order of the site symmetry into that item.
    """
    if len(set(declared)) == 1 and declared[0] == "1" and len(labels) == sum(images):
        return
    values = [number(value) for value in declared]
    given = [n for n, value in enumerate(values) if not math.isnan(value)]
    if all(values[n] == images[n] for n in given):
        return
    if all(values[n] * images[n] == operations for n in given):
        return
    site = next(n for n in given if values[n] != images[n])
    raise InputError(
        f"site {unquoted(labels[site])[:40]} makes {images[site]} atoms of the cell, but "
        f"_atom_site_symmetry_multiplicity is {values[site]:g}: symmetry is missing or wrong"
    )


def _check_atom_types(items: Items, counts: Mapping[int, int | float]) -> None:
    """Raise where ``_atom_type_number_in_cell`` counts other atoms."""
    parts = items.layout.parts
    if _COUNT not in parts or parts.get(_TYPE) != parts[_COUNT]:
        return
    declared: Counter[int] = Counter()
    for symbol, value in zip(items.values[_TYPE], items.values[_COUNT], strict=True):
        amount = number(value)
        try:
            z = number_of_symbol(unquoted(symbol))
        except InputError:
            return
        if not math.isfinite(amount):
            return
        declared[z] += round(amount)
    for z in counts.keys() | declared.keys():
        if counts.get(z, 0) != declared[z]:
            raise InputError(
                f"the cell holds {counts.get(z, 0)} atoms of {SYMBOLS[z]}, but "
                f"_atom_type_number_in_cell is {declared[z]}"
            )


def _check_number(name: str, text: str, computed: float, unit: str, tolerance: float) -> None:
    declared = number(text)
    if (
        math.isfinite(declared)
        and declared > 0.0
        and abs(computed - declared) > tolerance * declared
    ):
        raise InputError(
            f"{name} is {shown(text)}, but cell and atoms make {computed:.5g} {unit}: cell, "
            "symmetry or atoms are wrong, or the declaration is"
        )
