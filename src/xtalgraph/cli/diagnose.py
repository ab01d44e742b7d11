"""`xtalgraph diagnose`."""

import click


@click.command(short_help="Ask a run what it has learned: shortcuts, leaks, cutoffs, errors.")
@click.argument("run")
@click.option("--data", metavar="SOURCE", help="Where the crystals of the run are now.")
@click.option("--target", metavar="COL", help="Which of several targets (the first).")
@click.option(
    "--sample",
    type=int,
    default=500,
    show_default=True,
    metavar="N",
    help="Test crystals looked at, at most.",
)
@click.option("--retrain", is_flag=True, help="Train the architecture without elements, too.")
@click.option("--only", metavar="NAME,...", default="", help="Some of the diagnostics.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def diagnose(
    run: str,
    data: str | None,
    target: str | None,
    sample: int,
    retrain: bool,
    only: str,
    quiet: bool,
) -> None:
    """Examine RUN on its own test crystals; write diagnose.html, diagnose.json and pictures.

    Names: labels, order, duplicates, size, elements, geometry, retrained, volume, cutoff-path,
    cutoff, smoothing, reach, groups, worst. What was found before is kept.
    """
    from xtalgraph.cli.tables import results_table
    from xtalgraph.workflows.diagnose import diagnose as run_diagnosis

    names = [name for name in only.split(",") if name]
    found = run_diagnosis(
        run, data, target=target, sample=sample, retrain=retrain, only=names, progress=not quiet
    )
    click.echo(results_table(found.results))
    click.echo(f"\npage: {found.page}")
