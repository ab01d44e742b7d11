"""The option that says what is done with disordered crystals."""

from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]


def disorder_option(default: str) -> Callable[[Command], Command]:
    """Return the option ``--disorder`` of a command, which gets it as ``disorder``.

    Args:
        default: What happens where it is left out, in words.
    """
    return click.option(
        "--disorder",
        type=click.Choice(["refuse", "mix", "order"]),
        help=f"Mixed or part-empty sites ({default}).",
    )
