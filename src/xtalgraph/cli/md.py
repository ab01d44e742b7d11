"""`xtalgraph md`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.md import Simulation


@verb("xtalgraph.workflows.md:md")
def md(done: "Simulation") -> int:
    """Run molecular dynamics of the crystal in SOURCE with POTENTIAL.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if the
    trajectory ended early.
    """
    click.echo(f"{done.moments[-1].time if done.moments else 0:g} ps: {done.folder / 'md.html'}")
    return 1 if done.reason else 0
