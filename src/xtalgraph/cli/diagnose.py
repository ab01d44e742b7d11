"""`xtalgraph diagnose`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import results_table

if TYPE_CHECKING:
    from xtalgraph.workflows.diagnose import Diagnosis


@verb("xtalgraph.workflows.diagnose:diagnose")
def diagnose(diagnosis: "Diagnosis") -> None:
    """Test RUN for shortcuts, wrong labels, leaks and hard cutoffs, on its own test crystals.

    Writes diagnose.html, diagnose.json and figures into RUN. DATA is needed only if the data of the
    run have moved. Results that are there already are kept.
    """
    click.echo(results_table(diagnosis.results))
    click.echo(f"\npage: {diagnosis.page}")
