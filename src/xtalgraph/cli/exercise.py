"""`xtalgraph exercise`."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from xtalgraph.workflows.exercises.exercise import ExerciseResults


@click.command(short_help="Do one of the four exercises.")
@click.argument("number", type=click.IntRange(1, 4), metavar="1|2|3|4")
@click.option("--out", metavar="DIR", required=True, help="Folder for what is found.")
@click.option(
    "--data",
    metavar="PATH",
    help="1: a file with one crystal (rock salt). 2 to 4: the table of perovskites with columns "
    "e_form and fold (matbench_perovskites, which is fetched).",
)
@click.option(
    "--small", is_flag=True, help="2 to 4: learn from the embedded rigid-ion set, in minutes."
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="2 to 4: passes.")
@click.option(
    "--run", metavar="RUN", help="4: the run that is looked into (that of exercise 2 is trained)."
)
@click.option("--quiet", is_flag=True, help="No progress bars.")
def exercise(number: int, quiet: bool, run: str | None, **options: Any) -> None:
    """Do one of the four exercises of docs/exercises.

    1 counts the edges of a periodic graph, 2 trains a CGCNN on perovskites, 3 sweeps cutoff and
    depth, 4 looks into the worst errors.
    """
    if number != 4 and run is not None:
        raise click.UsageError("--run goes with exercise 4.")
    if number == 1 and (options["small"] or options["epochs"] is not None):
        raise click.UsageError("--small and --epochs go with exercises 2 to 4.")
    results = _do(number, run, options, not quiet)
    click.echo(results.text)
    for page in results.pages:
        click.echo(f"\npage: {page}")


def _do(number: int, run: str | None, options: dict[str, Any], progress: bool) -> "ExerciseResults":
    if number == 1:
        from xtalgraph.workflows.exercises.edge_count import edge_count

        return edge_count(options["out"], options["data"])
    if number == 2:
        from xtalgraph.workflows.exercises.perovskite_training import perovskite_training

        return perovskite_training(progress=progress, **options)
    if number == 3:
        from xtalgraph.workflows.exercises.depth_sweep import depth_sweep

        return depth_sweep(progress=progress, **options)
    from xtalgraph.workflows.exercises.worst_errors import worst_errors

    return worst_errors(progress=progress, run=run, **options)
