"""`xtalgraph suggest`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import screened_table, unusable
from xtalgraph.evidence.numbers import count

if TYPE_CHECKING:
    from xtalgraph.workflows.suggest import Suggested


@verb("xtalgraph.workflows.suggest:suggest", several=["candidates"])
def suggest(done: "Suggested") -> int:
    """Choose which CANDIDATES (files, folders or tables) to compute next, by RUN.

    FOLDER gets batch.csv, suggest.html and the structures. The exit code is 1 if some crystals
    could not be used.
    """
    click.echo(screened_table(done.table, None))
    candidates = f"{len(done.table)} of {count(done.good, 'candidate')}"
    click.echo(f"{candidates}, {unusable(done.bad)}: {done.page}")
    return 1 if done.bad else 0
