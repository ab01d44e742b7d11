"""`xtalgraph eos`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.simulation_folder import Simulated


@verb("xtalgraph.workflows.simulate:eos", several=["sources"])
def eos(done: "Simulated") -> int:
    """Compute E(V) and the bulk modulus of the crystals in SOURCES with POTENTIAL.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if a
    crystal has no result.
    """
    click.echo(f"{done.good} crystals, {done.bad} without a result: {done.path}, {done.page}")
    return 1 if done.bad else 0
