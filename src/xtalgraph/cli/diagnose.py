"""`xtalgraph diagnose`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import results_table

if TYPE_CHECKING:
    from xtalgraph.workflows.diagnose import Diagnosis


@verb("xtalgraph.workflows.diagnose:diagnose")
def diagnose(diagnosis: "Diagnosis") -> None:
    """Examine RUN on its own test crystals; write diagnose.html, diagnose.json and pictures.

    What was found before is kept.
    """
    click.echo(results_table(diagnosis.results))
    click.echo(f"\npage: {diagnosis.page}")
