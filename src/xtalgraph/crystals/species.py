"""Atomic numbers from the many ways in which files write an element."""

import re
from functools import lru_cache
from typing import Final

from xtalgraph.conventions.elements import ATOMIC_NUMBERS, SYMBOLS
from xtalgraph.conventions.errors import InputError

_CHARGED: Final = re.compile(r"([A-Za-z]{1,2})([0-9.]*[+-]?[0-9.]*)")
_LETTERS: Final = re.compile(r"[A-Za-z]+")

_LAST_IN_CRYSTALS: Final = 103
"""No crystal of an element beyond lawrencium was ever made: CN and OG are groups or labels."""

_GROUPS: Final[dict[str, str]] = {"Ow": "O", "Oh": "O", "Hw": "H", "Oc": "O", "Oa": "O", "Ob": "O"}
"""Labels of water, of hydroxide and of oxygen sites, which are no symbols."""

_UNSTABLE: Final = frozenset({43, 61, *range(84, 90), 91, *range(95, 104)})
"""Elements that are rarer than a label in capitals which looks like them: PO1, FM2, AT1."""

_POSITIONS: Final = frozenset("ABCD")
"""Letters that number atoms after their element: CA1 is calcium or an alpha carbon."""

_ORGANIC: Final = frozenset("CHNO")
"""Elements whose labels are followed by letters of all kinds: HO1, CU, OS, NB."""


@lru_cache(maxsize=4096)
def number_of_symbol(symbol: str) -> int:
    """Return the atomic number of a symbol with or without charge: Fe, FE, Fe3+, O2-, D.

    Args:
        symbol: What a file writes.

    Raises:
        InputError: It is not the symbol of an element. Elements that no crystal was made of must
            be written as their symbols are: Cn, not CN. CO3 and PO4 may be groups as well.
    """
    match = _CHARGED.fullmatch(symbol.strip())
    number = ATOMIC_NUMBERS.get(match[1].capitalize()) if match else None
    if number is None or (
        number > _LAST_IN_CRYSTALS and match is not None and match[1] != SYMBOLS[number]
    ):
        raise InputError(f"{symbol[:40]!r} is not an element")
    if match is not None and _may_be_group(match[1], match[2]):
        raise InputError(
            f"{symbol[:40]!r} is not an element: it could be {SYMBOLS[number]} or a group of "
            f"{match[1][0]} and {match[1][1]}"
        )
    return number


@lru_cache(maxsize=4096)
def number_of_label(label: str, elements: frozenset[int] | None = None) -> int:
    """Return the atomic number that the label of a site means: Fe1, O2a, OW1.

    A label in capitals whose letters are two elements (CA1: calcium, or an alpha carbon) is the one
    that the crystal holds, and is refused where that is not known. Elements that no crystal was
    made of, and tritium, are not read from a label: T1 is a tetrahedral site.

    Args:
        label: The label, as long as it likes after the element.
        elements: Atomic numbers of the crystal's formula, None where there is none.

    Raises:
        InputError: The label means no element, or could mean two.
    """
    match = _LETTERS.match(label.strip())
    letters = match[0] if match else ""
    pair = letters[:2].capitalize()
    long = _natural(pair) if len(letters) > 1 else None
    short = _natural(letters[:1].upper())
    if len(letters) > 1 and letters[1].islower():
        if len(letters) == 2 or letters[2].isupper():
            symbol = long or _natural(_GROUPS.get(pair, ""))
            if symbol is not None:
                return symbol
    elif long is not None and short is not None:
        return _of_two(label, letters, long, short, elements)
    elif long is not None:
        return long
    elif short is not None:
        return short
    raise InputError(
        f"the label {label[:40]!r} does not begin with the symbol of an element that crystals "
        "hold; give _atom_site_type_symbol"
    )


def _may_be_group(letters: str, rest: str) -> bool:
    """Tell whether a symbol with a number and without a sign is a group: CO3, NO3, PO4."""
    return (
        len(letters) == 2
        and letters.isupper()
        and rest.isdigit()
        and all(letter in ATOMIC_NUMBERS for letter in letters)
    )


def _natural(symbol: str) -> int | None:
    number = ATOMIC_NUMBERS.get(symbol)
    return None if number is None or number > _LAST_IN_CRYSTALS or symbol == "T" else number


def _of_two(
    label: str, letters: str, long: int, short: int, elements: frozenset[int] | None
) -> int:
    """Return which of two elements a label in capitals means."""
    if elements is not None and (long in elements) != (short in elements):
        return long if long in elements else short
    common = letters[0] not in _ORGANIC and letters[1] not in _POSITIONS and long not in _UNSTABLE
    if elements is None and common:
        return long
    raise InputError(
        f"the label {label[:40]!r} could mean {SYMBOLS[long]} or {SYMBOLS[short]}; "
        "give _atom_site_type_symbol"
    )
