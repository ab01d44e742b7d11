"""`xtalgraph train-generator` and `generate`: crystals are drawn."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import aligned

if TYPE_CHECKING:
    from xtalgraph.workflows.train_generator import GeneratorRun


@verb("xtalgraph.workflows.train_generator:train_generator")
def train_generator(run: "GeneratorRun") -> None:
    """Learn from the crystals in DATA how to draw crystals of a composition, and write RUN.

    No labels are needed. Draw by `xtalgraph generate RUN`. Every setting: docs/settings.md.
    """
    rows = [["velocity", "validation loss, 1 knows nothing"]]
    rows += [[name, "" if loss is None else f"{loss:.3g}"] for name, loss in run.losses.items()]
    click.echo("\n".join(aligned(rows)))
    click.echo(f"\nreport: {run.folder / 'report.html'}")
