"""CIF text to crystals.

The text is parsed by gemmi; what the items mean is decided here, after the core CIF dictionary
(International Tables for Crystallography G, https://www.iucr.org/resources/cif).
"""

import math
from collections import Counter
from typing import Final

import numpy as np
from gemmi import cif

from xtalgraph.conventions.errors import InputError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.cell import cell_from_parameters
from xtalgraph.crystals.cif.declarations import check_declarations
from xtalgraph.crystals.cif.items import Items, collect, number, parse_blocks, shown
from xtalgraph.crystals.cif.mixtures import check_occupancies, join_shared_sites
from xtalgraph.crystals.cif.sites import has_sites, read_sites
from xtalgraph.crystals.cif.symmetry import declares_symmetry, read_symmetry
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.disorder import resolve_disorder
from xtalgraph.crystals.entry import Entry
from xtalgraph.crystals.symmetry import check_fit, expand

_LENGTHS: Final = ("_cell_length_a", "_cell_length_b", "_cell_length_c")
_ANGLES: Final = ("_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma")
_Triple = tuple[float, float, float]
_LONGEST_EDGE: Final = 1e5
"""Å; no crystal repeats after more."""
_LONGEST_NAME: Final = 100
"""Characters of the name of a block that are kept."""


def read_cif(text: str, disorder: str = "refuse") -> list[Entry]:
    """Read every crystal of a CIF; nothing is raised for bad content.

    Operations listed in the file come first, then the Hall symbol, the Hermann-Mauguin name and the
    number of the space group; they must not contradict each other, and an item that speaks of
    symmetry and is not understood is a reason to refuse. A block that says nothing about its
    symmetry is taken as P 1. What the file declares of formula, Z, multiplicities, volume and
    density must agree with the atoms, so that a file that broke off between two sites is found.

    Args:
        text: The whole content of the file.
        disorder: What to do with sites of several species, or part empty: ``refuse``, ``mix`` or
            ``order``, see `resolve_disorder`.

    Returns:
        One entry per block that holds atoms, named by its block ('' if it is the only one).
        Blocks without atoms are left out when another has some.
    """
    try:
        blocks = parse_blocks(text)
    except InputError as error:
        return [Entry("", None, reason=str(error))]
    if len(blocks) == 1:
        return [_entry("", _collected(blocks[0]), disorder)]
    named = [(block.name[:_LONGEST_NAME], _collected(block)) for block in blocks]
    chosen = [(name, items) for name, items in named if isinstance(items, str) or has_sites(items)]
    if not chosen:
        return [_entry("", named[0][1], disorder)]
    chosen = [(name, _with_symmetry(items, named)) for name, items in chosen]
    names = _unique([name for name, _ in chosen]) if len(chosen) > 1 else [""]
    return [_entry(name, items, disorder) for name, (_, items) in zip(names, chosen, strict=True)]


def _with_symmetry(items: Items | str, blocks: list[tuple[str, Items | str]]) -> Items | str:
    """Return the items of a block, or a reason where its symmetry may stand in another one."""
    if isinstance(items, str) or declares_symmetry(items):
        return items
    for name, other in blocks:
        if not isinstance(other, str) and not has_sites(other) and declares_symmetry(other):
            return (
                f"the block says nothing of symmetry and block {shown(name)}, which has no atoms, "
                "does; put cell, symmetry and atoms into one block"
            )
    return items


def _collected(block: cif.Block) -> Items | str:
    """Return the items of a block, or the reason why they cannot be used."""
    try:
        return collect(block)
    except InputError as error:
        return str(error)


def _entry(name: str, items: Items | str, disorder: str) -> Entry:
    if isinstance(items, str):
        return Entry(name, None, reason=items)
    try:
        return Entry(name, resolve_disorder(_crystal(items, disorder), disorder))
    except InputError as error:
        return Entry(name, None, reason=str(error))


def _unique(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return result


def _crystal(items: Items, disorder: str) -> Crystal:
    refused = disorder == "refuse"
    sites = read_sites(items, alternatives=not refused)
    lengths, angles = _cell_parameters(items)
    cell = cell_from_parameters(np.array(lengths), np.array(angles))
    if not (min(angles) > 0.0 and max(angles) < 180.0 and math.isfinite(cell[2, 2])):
        shown_angles = ", ".join(f"{angle:g}" for angle in angles)
        raise InputError(f"no cell has the angles {shown_angles} degrees")
    if refused:
        check_occupancies(cell, sites)
    operations, doubt = read_symmetry(items, angles)
    mixed = not refused and (sites.occupancies is not None or sites.alternatives)
    mixtures = join_shared_sites(cell, sites) if mixed else None
    fractional = sites.fractional if mixtures is None else mixtures.fractional
    origin, images = np.arange(len(fractional)), None
    if operations is not None:
        check_fit(cell, operations)
        fractional, origin = expand(cell, fractional, operations)
        images = np.bincount(origin)
        images = images if mixtures is None else images[mixtures.position]
    if mixtures is None:
        crystal = Crystal.from_fractional(cell, fractional, sites.numbers[origin])
    else:
        held = [mixtures.held[site] for site in origin.tolist()]
        crystal = Crystal.from_sites(cell, fractional @ cell, held)
    order = 1 if operations is None else len(operations.rotations)
    try:
        complete = check_declarations(items, crystal, sites, images, order)
    except InputError as error:
        raise InputError(f"{doubt}; {error}" if doubt else str(error)) from error
    if doubt and not complete:
        raise InputError(doubt)
    if items.layout.moment:
        log.warning(
            "%s: %s is left out: no magnetic moments are read", crystal.formula, items.layout.moment
        )
    return crystal


def _cell_parameters(items: Items) -> tuple[_Triple, _Triple]:
    """Return lengths in Å and angles in degrees."""
    a, b, c, alpha, beta, gamma = (_parameter(items, name) for name in _LENGTHS + _ANGLES)
    if not (min(a, b, c) > 0.0 and max(a, b, c) < _LONGEST_EDGE):
        raise InputError(f"no cell has the lengths {a:g}, {b:g}, {c:g} Å")
    return (a, b, c), (alpha, beta, gamma)


def _parameter(items: Items, name: str) -> float:
    given = items.values.get(name)
    value = number(given[0]) if given else math.nan
    if not math.isfinite(value):
        what = f"is {shown(given[0])}, not a number" if given else "is missing"
        raise InputError(f"no cell: {name} {what}")
    return value
