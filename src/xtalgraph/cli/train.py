"""`xtalgraph train`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import metrics_tables

if TYPE_CHECKING:
    from xtalgraph.workflows.run import Run


@verb("xtalgraph.workflows.train:train")
def train(run: "Run") -> None:
    """Learn a column of DATA from its crystals, and write RUN with model, metrics and report.

    DATA is a CSV (.gz), parquet or Matbench table, a folder or file of crystals, or a name from
    `xtalgraph data list`. Every setting: docs/settings.md.
    """
    click.echo(metrics_tables(run.metrics))
    click.echo(f"\nreport: {run.folder / 'report.html'}")
