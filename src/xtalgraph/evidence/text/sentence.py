"""A sentence for a page or a log."""

from typing import NamedTuple


class Sentence(NamedTuple):
    """One or several sentences that belong together."""

    text: str
    """Whole sentences in plain English."""
    alarm: bool = False
    """Whether it is a warning, which stands above the numbers."""
