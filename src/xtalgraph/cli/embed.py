"""`xtalgraph embed`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.embed import Embedded


@verb("xtalgraph.workflows.embed:embed", several=["sources"])
def embed(done: "Embedded") -> int:
    """Write the embeddings from which the readout of RUN starts, for the crystals in SOURCES.

    The table has the columns id, target, prediction, z0, z1 and on. The exit code is 1 if some
    crystals could not be used.
    """
    click.echo(f"{done.good} vectors, {done.bad} rows that could not be used: {done.path}")
    return 1 if done.bad else 0
