"""`xtalgraph report`."""

from pathlib import Path

import click

from xtalgraph.cli.command import verb
from xtalgraph.workflows.report import report as write_report


@verb(write_report)
def report(page: Path) -> None:
    """Write report.html of RUN again from the files in it."""
    click.echo(f"report: {page}")
