"""`xtalgraph ablate`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import ablation_tables

if TYPE_CHECKING:
    from xtalgraph.workflows.ablation import Ablation


@verb("xtalgraph.workflows.ablate:ablate")
def ablate(ablation: "Ablation") -> int:
    """Train DATA with every combination of some settings, and write a table and figures to DIR.

    The same command goes on where it was killed; with more values it adds what is missing. What is
    best is chosen by the validation part. The exit code is 1 if a point could not be trained.
    """
    click.echo(ablation_tables(ablation.document))
    for point in ablation.failed:
        click.echo(f"failed: {point['name']}: {point['reason']}")
    click.echo(f"\npage: {ablation.folder / 'ablate.html'}")
    return 1 if ablation.failed else 0
