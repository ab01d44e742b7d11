"""`xtalgraph tune`."""

from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import aligned, metrics_tables

if TYPE_CHECKING:
    from xtalgraph.workflows.tune import Tuning


@verb("xtalgraph.workflows.tune:tune")
def tune(tuning: "Tuning") -> None:
    """Search settings for DATA with Optuna, and train the best in DIR/best.

    The same command goes on where it was killed. The test part is not read before the best settings
    are found; with --fold, a trial is the mean over inner folds of what is not in the test.
    """
    keys = list(tuning.best["settings"])
    columns = list(tuning.best["errors"])
    rows = [["trial", *keys, "validation error", *columns]]
    for trial in tuning.trials:
        error = trial["validation error"]
        text = f"failed: {trial['reason']}" if error is None else f"{error:.4g}"
        given = [trial["settings"].get(key) for key in keys]
        values = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in given]
        errors = [f"{trial['errors'][key]:.4g}" if trial["errors"] else "" for key in columns]
        rows.append([f"{trial['number']}", *values, text, *errors])
    click.echo("\n".join(aligned(rows)))
    click.echo(f"\nbest: trial {tuning.best['number']}; trained with its settings:\n")
    click.echo(metrics_tables(tuning.run.metrics))
    click.echo(f"\nreport: {tuning.run.folder / 'report.html'}")
