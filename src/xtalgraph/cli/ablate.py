"""`xtalgraph ablate`."""

from typing import Any

import click

from xtalgraph.cli.training_options import WholeNumbers, of_each_target, training_options


@click.command(short_help="Train a grid of settings, and compare them.")
@click.argument("data")
@click.option("--out", metavar="DIR", required=True, help="Folder of the table and the runs.")
@click.option(
    "--sweep",
    multiple=True,
    required=True,
    metavar="a.b=1,2",
    help="A setting and its values; repeat it for a grid. The first is the axis of the figures, "
    "the second their lines.",
)
@click.option(
    "--fold", type=WholeNumbers(), help="Test folds; several are repetitions, and are averaged."
)
@click.option(
    "--seed", type=WholeNumbers(), help="Seeds (0); several are repetitions, and are averaged."
)
@training_options
@click.option("--quiet", is_flag=True, help="No progress bars.")
def ablate(quiet: bool, **options: Any) -> int:
    """Train DATA with every combination of some settings, and write a table and figures to DIR.

    The same command goes on where it was killed; with more values it adds what is missing. What is
    best is chosen by the validation part. The exit code is 1 if a point could not be trained.
    """
    from xtalgraph.cli.tables import ablation_tables
    from xtalgraph.workflows.ablate import ablate as run_ablation

    options = of_each_target(options)
    found = run_ablation(options.pop("data"), progress=not quiet, **options)
    click.echo(ablation_tables(found.document))
    for point in found.failed:
        click.echo(f"failed: {point['name']}: {point['reason']}")
    click.echo(f"\npage: {found.folder / 'ablate.html'}")
    return 1 if found.failed else 0
