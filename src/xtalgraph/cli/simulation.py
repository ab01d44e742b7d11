"""What a potential is used for: `energies`, `relax`, `md`, `eos`, `elastic`, `phonons`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.evidence.numbers import count

if TYPE_CHECKING:
    from xtalgraph.workflows.md import Simulation
    from xtalgraph.workflows.simulation_folder import Simulated


@verb("xtalgraph.workflows.energies:energies", several=["sources"])
def energies(done: "Simulated") -> int:
    """Compute the energies of the crystals in SOURCES with POTENTIAL, as they are.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The table crystals.csv in the
    folder has the columns of SOURCES and the energy per atom, for xtalgraph train --set
    data.delta=energy_per_atom. The exit code is 1 if a crystal has no energy.
    """
    return _show(done)


@verb("xtalgraph.workflows.simulate:relax", several=["sources"])
def relax(done: "Simulated") -> int:
    """Relax the crystals in SOURCES with POTENTIAL, atoms and cells.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if a
    crystal could not be relaxed.
    """
    return _show(done)


@verb("xtalgraph.workflows.md:md")
def md(done: "Simulation") -> int:
    """Run molecular dynamics of the crystal in SOURCE with POTENTIAL.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if the
    trajectory ended early.
    """
    click.echo(f"{done.moments[-1].time if done.moments else 0:g} ps: {done.folder / 'md.html'}")
    return 1 if done.reason else 0


@verb("xtalgraph.workflows.simulate:eos", several=["sources"])
def eos(done: "Simulated") -> int:
    """Compute E(V) and the bulk modulus of the crystals in SOURCES with POTENTIAL.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if a
    crystal has no result.
    """
    return _show(done)


@verb("xtalgraph.workflows.simulate:elastic", several=["sources"])
def elastic(done: "Simulated") -> int:
    """Compute the elastic constants of the crystals in SOURCES with POTENTIAL.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if a
    crystal has no result.
    """
    return _show(done)


@verb("xtalgraph.workflows.phonons:phonons", several=["sources"])
def phonons(done: "Simulated") -> int:
    """Compute the phonons of the crystals in SOURCES with POTENTIAL, each relaxed first.

    POTENTIAL is a run folder, or MODULE:NAME of a calculator of ASE. The exit code is 1 if a
    crystal could not be computed. Needs pip install 'xtalgraph[phonons]'.
    """
    return _show(done)


def _show(done: "Simulated") -> int:
    crystals = count(done.good, "crystal")
    click.echo(f"{crystals}, {done.bad} without a result: {done.path}, {done.page}")
    return 1 if done.bad else 0
