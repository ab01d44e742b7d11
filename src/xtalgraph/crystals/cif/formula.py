"""Chemical formulas of CIF files, and whether atoms of a cell agree with them."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Final

from xtalgraph.conventions.elements import ATOMIC_NUMBERS

_AMOUNT: Final = r"\d{1,8}(?:\.\d{0,8})?|\.\d{1,8}"
_DIGITS: Final = re.compile(_AMOUNT)
_BRACKET: Final = re.compile(rf"[(\[]([^()\[\]]*)[)\]]\s*({_AMOUNT})?")
_PLAIN: Final = re.compile(r"[A-Z][a-z]?(?:[1-9]\d{0,7})?(?: [A-Z][a-z]?(?:[1-9]\d{0,7})?)*")
_PLAIN_TERM: Final = re.compile(r"([A-Z][a-z]?)(\d*)")
_LONGEST: Final = 2_000
_LONGEST_WORD: Final = 100
_MOST_READINGS: Final = 64
_NATURAL: Final = 103
"""The last element that a formula may hold: none beyond lawrencium was ever in a crystal."""


@dataclass(frozen=True)
class Reading:
    """What a formula means."""

    amounts: Mapping[int, float]
    """Atoms of each element, by atomic number, in a formula unit."""
    roundings: Mapping[int, float]
    """By how much an amount may be rounded, half of its last digit; empty for whole numbers."""

    @cached_property
    def divisor(self) -> int:
        """The largest number of units that a formula of whole numbers holds."""
        if self.roundings or any(value != int(value) for value in self.amounts.values()):
            return 1
        return math.gcd(*(int(value) for value in self.amounts.values()))


@lru_cache(maxsize=4096)
def readings(formula: str) -> tuple[Reading, ...]:
    """Return what a formula can mean.

    A formula in capitals may have several readings (``SIO2``, ``CO2``). Brackets
    are multiplied out, one deep. Hydrates, mixtures with a variable and charges are written in many
    ways and have no reading.

    Args:
        formula: As the file writes it: ``Ti O2``, ``TiO2``, ``Ca (C O3)``, ``FE2 O3``.

    Returns:
        The readings; none where the formula cannot be compared.
    """
    if len(formula) > _LONGEST:
        return ()
    plain = _PLAIN.fullmatch(formula) and _plain(formula)
    if plain:
        return (plain,)
    try:
        totals = [_total(terms) for terms in _expanded(formula, 1.0, formula.isupper())]
    except ValueError:
        return ()
    return tuple(reading for reading in totals if reading.amounts)


def elements(formula: str) -> frozenset[int] | None:
    """Return the atomic numbers of a formula, or None where it has not one reading."""
    counts = readings(formula)
    return frozenset(counts[0].amounts) if len(counts) == 1 else None


def _plain(formula: str) -> Reading | None:
    """Return the reading of ``Ti O2``, as nearly all formulas are written."""
    amounts: dict[int, float] = {}
    for symbol, amount in _PLAIN_TERM.findall(formula):
        number = _element(symbol)
        if number is None:
            return None
        amounts[number] = amounts.get(number, 0.0) + float(amount or 1)
    return Reading(amounts, {})


_Terms = list[tuple[int, float, float]]


def _expanded(formula: str, factor: float, capitals: bool) -> Iterator[_Terms]:
    """Yield the readings as terms (element, amount, rounding); ValueError where there is none."""
    parts: list[list[_Terms]] = []
    at = 0
    for bracket in _BRACKET.finditer(formula):
        parts.append(_words(formula[at : bracket.start()], factor, capitals))
        inner = factor * float(bracket[2] or 1)
        parts.append(list(_expanded(bracket[1], inner, capitals)))
        at = bracket.end()
    parts.append(_words(formula[at:], factor, capitals))
    if math.prod(map(len, parts)) > _MOST_READINGS:
        raise ValueError(formula)
    for choice in product(*parts):
        yield [term for terms in choice for term in terms]


def _words(text: str, factor: float, capitals: bool) -> list[_Terms]:
    """Return the readings of terms with or without blanks between them."""
    results: list[_Terms] = [[]]
    for word in text.split():
        options = _split(word, factor, capitals)
        results = [start + other for start in results for other in options]
        if not 0 < len(results) <= _MOST_READINGS:
            raise ValueError(text)
    return results


def _split(word: str, factor: float, capitals: bool) -> list[_Terms]:
    """Return the ways to take a word without blanks apart, as TiO2, in elements."""
    if len(word) > _LONGEST_WORD:
        return []
    # From the end, so that no rest is taken apart twice. One more than is allowed tells that there
    # are too many.
    rests: list[list[_Terms]] = [[[]]]
    for at in reversed(range(len(word))):
        splits: list[_Terms] = []
        for length in (2, 1):
            symbol = word[at : at + length]
            number = None
            if length == 1 or symbol[1:].islower() or (capitals and symbol[1:].isupper()):
                number = _element(symbol) if symbol[:1].isupper() else None
            match = _DIGITS.match(word, at + length)
            end = match.end() if match else at + length
            if number is not None and not word[at + length : at + length + 1].islower():
                amount = word[at + length : end]
                rest = rests[len(word) - end]
                splits += [[_term(number, amount, factor), *terms] for terms in rest]
        rests.append(splits[: _MOST_READINGS + 1])
    return rests[-1]


def _element(symbol: str) -> int | None:
    number = ATOMIC_NUMBERS.get(symbol.capitalize())
    return None if number is None or number > _NATURAL or symbol == "T" else number


def _term(number: int, amount: str | None, factor: float) -> tuple[int, float, float]:
    decimals = amount.partition(".")[2] if amount else ""
    rounding = 0.5 * 10.0 ** -len(decimals) if decimals else 0.0
    return number, float(amount or 1) * factor, rounding * factor


def _total(terms: _Terms) -> Reading:
    amounts: dict[int, float] = {}
    roundings: dict[int, float] = {}
    for number, value, rounding in terms:
        amounts[number] = amounts.get(number, 0.0) + value
        if rounding:
            roundings[number] = roundings.get(number, 0.0) + rounding
    return Reading({number: value for number, value in amounts.items() if value}, roundings)


def agrees(
    counts: Mapping[int, int | float],
    formula: str,
    units: float | None,
    tolerance: float | None = None,
) -> bool:
    """Tell whether the atoms of a cell are whole formula units of what is declared.

    Some writers give the formula of the whole cell beside the Z of a smaller unit (``C8`` and
    Z = 8 for eight atoms): that is accepted as well, where the cell holds Z units of whole atoms.

    Args:
        counts: Atoms of the cell by atomic number.
        formula: The declared formula.
        units: Formula units in the cell, Z, or None where only the ratio can be compared.
        tolerance: For amounts that need not be whole: the largest difference of the share of an
            element among all atoms; of all atoms together it may be five times as large.

    Returns:
        Whether one of the readings agrees, and True where the formula has none.
    """
    possible = readings(formula)
    if not possible or tolerance is None:
        return not possible or any(_agrees(counts, reading, units) for reading in possible)
    return any(_nearly(counts, reading, units, tolerance) for reading in possible)


def _nearly(
    amounts: Mapping[int, int | float], reading: Reading, units: float | None, tolerance: float
) -> bool:
    if reading.amounts.keys() != amounts.keys():
        return False
    total, declared = sum(amounts.values()), sum(reading.amounts.values())
    if units is not None and not any(
        abs(total - scale * declared) <= 5 * tolerance * total for scale in (units, 1.0)
    ):
        return False
    return all(
        abs(amounts[z] / total - value / declared)
        <= tolerance + reading.roundings.get(z, 0.0) / declared
        for z, value in reading.amounts.items()
    )


def _agrees(counts: Mapping[int, int | float], reading: Reading, units: float | None) -> bool:
    amounts, roundings = reading.amounts, reading.roundings
    if amounts.keys() != counts.keys():
        return False
    if units is not None and not roundings:
        if counts == {number: units * value for number, value in amounts.items()}:
            return True
        return counts == amounts and reading.divisor % units == 0
    lowest, highest = 0.0, math.inf
    for number, value in amounts.items():
        count, rounding = counts[number], roundings.get(number, 0.0)
        lowest = max(lowest, count / (value + rounding))
        if value > rounding:
            highest = min(highest, count / (value - rounding))
    slack = 1e-9 * lowest
    if units is not None:
        return lowest - slack <= units <= highest + slack
    return lowest <= highest + slack
