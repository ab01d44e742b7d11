"""`xtalgraph convert`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb

if TYPE_CHECKING:
    from xtalgraph.workflows.convert import Converted


@verb("xtalgraph.workflows.convert:convert")
def convert(done: "Converted") -> None:
    """Make a run folder from ARCHIVE, the exported weights of another package's potential.

    ARCHIVE is written by scripts/export_mace.py in the environment of mace-torch, or by
    scripts/nequip_weights.py in that of nequip.
    """
    cutoff = done.spec.make_strategy().cutoff
    click.echo(f"{done.spec.encoder}, {cutoff:g} Å, {', '.join(done.elements)}: {done.folder}")
