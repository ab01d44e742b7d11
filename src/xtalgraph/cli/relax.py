"""`xtalgraph relax`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.simulation_folder import Simulated


@verb("xtalgraph.workflows.simulate:relax", several=["sources"])
def relax(done: "Simulated") -> int:
    """Relax the crystals in SOURCES with POTENTIAL, atoms and cells.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if a
    crystal could not be relaxed.
    """
    click.echo(f"{done.good} crystals, {done.bad} without a result: {done.path}, {done.page}")
    return 1 if done.bad else 0
