"""`xtalgraph report`."""

from pathlib import Path

import click

from xtalgraph.cli.command import verb


@verb("xtalgraph.workflows.report:report")
def report(page: Path) -> None:
    """Write report.html of RUN again from the files in it."""
    click.echo(f"report: {page}")
