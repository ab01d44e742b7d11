"""`xtalgraph screen`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import screened_table

if TYPE_CHECKING:
    from xtalgraph.workflows.screen import Screened


@verb("xtalgraph.workflows.screen:screen", several=["candidates"])
def screen(done: "Screened") -> int:
    """Rank CANDIDATES (files, folders or tables) by the predictions of RUN.

    FOLDER gets top.csv, screen.html and the structures of the best. The exit code is 1 if some
    crystals could not be used.
    """
    click.echo(screened_table(done.table, done.error))
    click.echo(
        f"{done.kept} of {done.good} candidates, {done.bad} rows that could not be used: "
        f"{done.page}"
    )
    return 1 if done.bad else 0
