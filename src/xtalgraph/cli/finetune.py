"""`xtalgraph finetune`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import metrics_tables

if TYPE_CHECKING:
    from xtalgraph.workflows.finetune import Finetuned


@verb("xtalgraph.workflows.finetune:finetune")
def finetune(tuned: "Finetuned") -> None:
    """Start from the model in RUN, learn from DATA, and test whether RUN helped.

    Architecture and graph are those of RUN. A target that RUN has keeps its head, another has a
    fresh one. DIR becomes a run folder; DIR/scratch is the same model from fresh weights.
    """
    from xtalgraph.evidence.text.transfer import about_transfer

    click.echo(metrics_tables(tuned.run.metrics))
    click.echo("")
    for text, _ in about_transfer(tuned.transfer):
        click.echo(text)
    click.echo(f"\nreport: {tuned.run.folder / 'report.html'}")
