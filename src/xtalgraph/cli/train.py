"""`xtalgraph train`."""

from typing import Any

import click


@click.command(short_help="Train a model; write a run folder with its evidence.")
@click.argument("data")
@click.option("--out", metavar="RUN", required=True, help="Run folder to write.")
@click.option(
    "--target",
    metavar="COL",
    multiple=True,
    help="Column to predict; repeat it for several, then --kind, --task, --unit and --best once "
    "for all or once for each.",
)
@click.option(
    "--kind",
    type=click.Choice(["extensive", "intensive", "atomic"]),
    multiple=True,
    help="extensive: a total of the cell (eV/cell); intensive (default): does not grow with the "
    "cell (eV/atom, a gap); atomic: one value per atom.",
)
@click.option(
    "--task",
    type=click.Choice(["regression", "classification"]),
    multiple=True,
    help="A number (default), or one of two classes: 0 and 1, false and true.",
)
@click.option("--unit", metavar="U", multiple=True, help="Unit of the target, as printed.")
@click.option(
    "--best",
    type=click.Choice(["low", "high"]),
    multiple=True,
    help="Best end, for top-k recall (low).",
)
@click.option(
    "--model",
    metavar="NAME",
    help="Architecture: cgcnn (default), alignn, gcn, gemnet, megnet, schnet, xgn.",
)
@click.option(
    "--split",
    metavar="HOW",
    help="random (default); folds (column 'fold', or official Matbench); formula, chemsys, "
    "prototype or group:COL (groups whole); element:O, anion:N or family:nitride (held out); "
    "target:high or time:COL (the end held out); column:COL (train, val, test).",
)
@click.option("--fold", type=int, metavar="K", help="Test fold, with folds or whole groups.")
@click.option("--folds", type=int, metavar="N", help="Draw N folds, of which --fold is tested.")
@click.option("--epochs", type=int, metavar="N", help="Passes over the training part.")
@click.option("--seed", type=int, metavar="S", help="Of split, weights and order (0).")
@click.option(
    "--members",
    type=int,
    metavar="N",
    help="Train N models; their spread goes with each prediction.",
)
@click.option(
    "--intervals", is_flag=True, help="Set crystals aside to calibrate 90 % intervals with."
)
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    help="Rows that cannot be used: stop before training (default), or leave them out.",
)
@click.option("--config", metavar="C.yaml", help="Settings: sections data, graph, model, training.")
@click.option(
    "--set", "overrides", multiple=True, metavar="a.b=c", help="Override one setting; repeatable."
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

    for name in ("target", "kind", "task", "unit", "best"):
        said = options[name]
        options[name] = (said[0] if len(said) == 1 else list(said)) if said else None
    run = run_training(options.pop("data"), progress=not quiet, **options)
    click.echo(metrics_tables(run.metrics))
    click.echo(f"\nreport: {run.folder / 'report.html'}")
