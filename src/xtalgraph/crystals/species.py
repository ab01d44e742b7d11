"""Atomic numbers from the many ways in which files write an element."""

import re
from functools import lru_cache
from typing import Final

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import InputError

_CHARGED: Final = re.compile(r"([A-Za-z]{1,2})(?:[0-9.]*[+-]?[0-9.]*)")
_LETTERS: Final = re.compile(r"[A-Za-z]+")


@lru_cache(maxsize=4096)
def number_of_symbol(symbol: str) -> int:
    """Return the atomic number of a symbol with or without charge: Fe, FE, Fe3+, O2-, D.

    Args:
        symbol: What a file writes.

    Returns:
        The atomic number, 1 for D and T.

    Raises:
        InputError: It is not the symbol of an element.
    """
    match = _CHARGED.fullmatch(symbol.strip())
    number = ATOMIC_NUMBERS.get(match[1].capitalize()) if match else None
    if number is None:
        raise InputError(f"{symbol!r} is not an element")
    return number


@lru_cache(maxsize=4096)
def number_of_label(label: str) -> int:
    """Return the atomic number that the label of a site means: Fe1, O2a, OW1.

    A label in capitals whose first letter is an element as well (CA1: calcium, or an alpha carbon)
    could be either and is refused.

    Args:
        label: The label, as long as it likes after the element.

    Returns:
        The atomic number.

    Raises:
        InputError: The label means no element, or could mean two.
    """
    match = _LETTERS.match(label.strip())
    letters = match[0] if match else ""
    long = ATOMIC_NUMBERS.get(letters[:2].capitalize()) if len(letters) > 1 else None
    short = ATOMIC_NUMBERS.get(letters[:1].upper())
    if long is not None and letters[1].islower():
        if len(letters) == 2 or letters[2].isupper():
            return long
    elif long is not None and short is not None:
        raise InputError(
            f"the label {label!r} could mean {letters[:2].capitalize()} or {letters[0]}; "
            "give _atom_site_type_symbol"
        )
    elif long is not None:
        return long
    elif short is not None and (len(letters) == 1 or letters[1].isupper()):
        return short
    raise InputError(f"the label {label!r} does not begin with the symbol of an element")
