"""`xtalgraph diagnose`."""

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import results_table
from xtalgraph.workflows.diagnose import Diagnosis
from xtalgraph.workflows.diagnose import diagnose as run_diagnosis


@verb(run_diagnosis)
def diagnose(diagnosis: Diagnosis) -> None:
    """Examine RUN on its own test crystals; write diagnose.html, diagnose.json and pictures.

    What was found before is kept.
    """
    click.echo(results_table(diagnosis.results))
    click.echo(f"\npage: {diagnosis.page}")
