"""`xtalgraph tune`."""

from typing import Any

import click

from xtalgraph.cli.training_options import of_each_target, training_options


@click.command(short_help="Search settings by validation, then test the best once.")
@click.argument("data")
@click.option("--out", metavar="DIR", required=True, help="Folder of the trials and of the best.")
@click.option("--trials", type=int, required=True, metavar="N", help="How many, over all sittings.")
@click.option(
    "--space",
    multiple=True,
    metavar="a.b=1..5",
    help="What is searched: a range (1e-4..1e-2:log), values (a,b), or a setting alone, with the "
    "range declared for it; repeatable. By default learning rate, weight decay, batch size, "
    "width and depth.",
)
@click.option(
    "--inner-folds",
    type=click.IntRange(min=2),
    default=3,
    show_default=True,
    metavar="N",
    help="Inner folds that validate, where --fold is given.",
)
@click.option("--fold", type=int, metavar="K", help="Test fold, with folds or whole groups.")
@click.option("--seed", type=int, metavar="S", help="Of split, weights, order and search (0).")
@training_options
@click.option("--quiet", is_flag=True, help="No progress bars.")
def tune(quiet: bool, **options: Any) -> None:
    """Search settings for DATA with Optuna, and train the best in DIR/best.

    The same command goes on where it was killed. The test part is not read before the best settings
    are found; with --fold, a trial is the mean over inner folds of what is not in the test.
    """
    from xtalgraph.cli.tables import aligned, metrics_tables
    from xtalgraph.workflows.tune import tune as run_search

    options = of_each_target(options)
    found = run_search(options.pop("data"), progress=not quiet, **options)
    keys = list(found.best["settings"])
    rows = [["trial", *keys, "validation error"]]
    for one in found.trials:
        error = one["validation error"]
        said = f"failed: {one['reason']}" if error is None else f"{error:.4g}"
        values = [_short(one["settings"].get(key)) for key in keys]
        rows.append([f"{one['number']}", *values, said])
    click.echo("\n".join(aligned(rows)))
    click.echo(f"\nbest: trial {found.best['number']}; trained with its settings:\n")
    click.echo(metrics_tables(found.run.metrics))
    click.echo(f"\nreport: {found.run.folder / 'report.html'}")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
