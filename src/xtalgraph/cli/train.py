"""`xtalgraph train`."""

from typing import Any

import click

from xtalgraph.cli.training_options import of_each_target, training_options


@click.command(short_help="Train a model; write a run folder with its evidence.")
@click.argument("data")
@click.option("--out", metavar="RUN", required=True, help="Run folder to write.")
@training_options
@click.option("--fold", type=int, metavar="K", help="Test fold, with folds or whole groups.")
@click.option("--seed", type=int, metavar="S", help="Of split, weights and order (0).")
@click.option(
    "--members",
    type=int,
    metavar="N",
    help="Models trained for their mean and std (3 of xgn, else 1).",
)
@click.option(
    "--intervals", is_flag=True, help="Set crystals aside to calibrate 90 % intervals with."
)
@click.option("--resume", is_flag=True, help="Go on with a killed run; same bits.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def train(quiet: bool, **options: Any) -> None:
    """Learn a column of DATA from its crystals, and write RUN with model, metrics and report.

    DATA is a CSV (.gz), parquet or Matbench table, a folder or file of crystals, or a name from
    `xtalgraph data list`.
    """
    from xtalgraph.cli.tables import metrics_tables
    from xtalgraph.workflows.train import train as run_training

    options = of_each_target(options)
    run = run_training(options.pop("data"), progress=not quiet, **options)
    click.echo(metrics_tables(run.metrics))
    click.echo(f"\nreport: {run.folder / 'report.html'}")
