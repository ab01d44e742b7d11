"""Numbers as people read them: few digits, a unit where one is declared."""

import math

NOT_AVAILABLE = "n/a"
"""Shown for a number that is not defined."""


def defined(value: float) -> float | None:
    """Return a number as JSON has it: None for NaN."""
    return None if math.isnan(value) else value


def plain(value: float | None, digits: int = 3) -> str:
    """A number with so many significant digits and thousands in groups: ``0.0434``, ``12,300``.

    Args:
        value: The number; None, NaN and infinities are ``n/a``.
        digits: Significant digits.
    """
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    if value == 0.0:
        return "0"
    exponent = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if exponent < -4 or exponent > 8:
        text = f"{value:.{digits - 1}e}"
    else:
        decimals = max(digits - 1 - exponent, 0)
        text = f"{round(value, digits - 1 - exponent):,.{decimals}f}"
    return text.replace("-", "−")


def meaningful(value: float, error: float | None) -> str:
    """A number with the digits that an error leaves it: two of the error.

    Args:
        value: The number.
        error: How far off such numbers are; None, 0 or NaN where it is not known, which leaves
            three significant digits.
    """
    if not math.isfinite(value) or error is None or not 1e-6 < error < math.inf:
        return plain(value)
    decimals = max(1 - math.floor(math.log10(error)), 0)
    text = f"{value:z,.{decimals}f}"
    return text.replace("-", "−")


def with_unit(text: str, unit: str) -> str:
    """A number with its unit after a no-break space; alone where none is declared or it is n/a."""
    return f"{text}\u00a0{unit}" if unit and text != NOT_AVAILABLE else text


def to_interval(value: float, low: float, high: float, digits: int = 2) -> tuple[str, str, str]:
    """A number and the ends of its interval, with the digits that the interval leaves.

    The interval's half width keeps so many significant digits, the number itself between 2 and 4.
    """
    half = (high - low) / 2.0
    size = max(abs(value), abs(low), abs(high))
    if not (half > 0.0 and math.isfinite(half)) or not 1e-4 <= size < 1e9:
        return plain(value), plain(low), plain(high)
    leading = math.floor(math.log10(size))
    decimals = digits - 1 - math.floor(math.log10(half))
    decimals = min(max(decimals, 1 - leading), 3 - leading)
    texts = (
        f"{round(number, decimals):z,.{max(decimals, 0)}f}".replace("-", "−")
        for number in (value, low, high)
    )
    first, second, third = texts
    return first, second, third


def with_interval(
    value: float | None, low: float | None, high: float | None, digits: int = 2
) -> tuple[str, str]:
    """The same as text and ``low to high``, which is empty where there is no interval."""
    if value is None or low is None or high is None:
        return plain(value), ""
    text, lowest, highest = to_interval(value, low, high, digits)
    return text, f"{lowest} to {highest}"


def shared_decimals(values: list[float]) -> int:
    """How many decimals give the smallest of the numbers three significant digits, at most 6."""
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    if not sizes:
        return 0
    return min(max(2 - math.floor(math.log10(min(sizes))), 0), 6)


def fixed(value: float, decimals: int, sign: bool = False) -> str:
    """A number with so many decimals, for columns; with a plus where a sign is wanted."""
    return f"{value:{'+' if sign else ''}z,.{decimals}f}".replace("-", "−")


def percent(share: float, digits: int = 2) -> str:
    """A share as a percentage: ``87 %`` for 0.87."""
    return f"{plain(100.0 * share, digits)}\u00a0%"


def seconds(value: float | None) -> str:
    """A time: ``< 0.1 s``, ``0.4 s``, ``38 s``, ``12 min 5 s``, ``3 h 20 min``."""
    if value is None or not math.isfinite(value):
        return NOT_AVAILABLE
    if value < 0.1:
        return "< 0.1 s"
    if value < 10.0:
        return f"{plain(value, 2)} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: int | float, singular: str, plural: str = "") -> str:
    """A number of things: ``1 crystal``, ``2,720 crystals``."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def listing(items: list[str]) -> str:
    """Items as a sentence lists them: ``a``, ``a and b``, ``a, b and c``."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"
