"""`xtalgraph phonons`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.simulation_folder import Simulated


@verb("xtalgraph.workflows.phonons:phonons", several=["sources"])
def phonons(done: "Simulated") -> int:
    """Compute the phonons of the crystals in SOURCES with POTENTIAL, each relaxed first.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if a
    crystal could not be computed. Needs pip install 'xtalgraph[phonons]'.
    """
    click.echo(f"{done.good} crystals, {done.bad} without a result: {done.path}, {done.page}")
    return 1 if done.bad else 0
