"""`xtalgraph report`."""

import click


@click.command(short_help="Write a run's report again.")
@click.argument("run")
def report(run: str) -> None:
    """Write report.html of RUN again from the files in it."""
    from xtalgraph.workflows.report import report as run_report

    click.echo(f"report: {run_report(run)}")
