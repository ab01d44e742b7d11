"""How a training says how far it has come."""

from collections.abc import Callable

Report = Callable[[float, str], None]
"""Takes the part that is done, from 0 to 1, and what is to be shown beside it."""


def silent(part: float, text: str) -> None:
    """Report nothing."""
