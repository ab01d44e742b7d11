"""`xtalgraph report`, `diagnose` and `convert`: what is made in the folder of a run."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import results_table

if TYPE_CHECKING:
    from xtalgraph.workflows.convert import Converted
    from xtalgraph.workflows.diagnose import Diagnosis


@verb("xtalgraph.workflows.report:report")
def report(page: Path) -> None:
    """Write report.html of RUN again from the files in it."""
    click.echo(f"report: {page}")


@verb("xtalgraph.workflows.diagnose:diagnose")
def diagnose(diagnosis: "Diagnosis") -> None:
    """Test RUN for shortcuts, wrong labels, leaks and hard cutoffs, on its own test crystals.

    Writes diagnose.html, diagnose.json and figures into RUN. DATA is needed only if the data of the
    run have moved. Results that are there already are kept.
    """
    click.echo(results_table(diagnosis.results))
    click.echo(f"\npage: {diagnosis.page}")


@verb("xtalgraph.workflows.convert:convert")
def convert(done: "Converted") -> None:
    """Make a run folder from ARCHIVE, the exported weights of another package's potential.

    ARCHIVE is written by scripts/export_mace.py in the environment of mace-torch, or by
    scripts/nequip_weights.py in that of nequip.
    """
    cutoff = done.spec.make_strategy().cutoff
    click.echo(f"{done.spec.encoder}, {cutoff:g} Å, {', '.join(done.elements)}: {done.folder}")
