"""`xtalgraph predict`."""

import click

from xtalgraph.cli.disorder_option import disorder_option


@click.command(short_help="Predict new crystals with a run.")
@click.argument("run")
@click.argument("sources", nargs=-1, required=True)
@click.option("--out", metavar="CSV", required=True, help="Table to write.")
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="skip",
    show_default=True,
    help="Crystals that cannot be used: give the reason in the table and go on, or stop.",
)
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    help="Where to compute.",
)
@disorder_option("as in the training")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def predict(
    run: str,
    sources: tuple[str, ...],
    out: str,
    on_error: str,
    device: str,
    disorder: str | None,
    quiet: bool,
) -> int:
    """Predict the crystals in SOURCES (files, folders or tables) with the model of RUN.

    The table has the columns id, formula, prediction, unit, error, and how new each crystal is to
    the model; spread, lower and upper where the run has them. The exit code is 1 if some crystals
    could not be used, 2 if nothing could be done at all.
    """
    from xtalgraph.workflows.predict import predict as run_prediction

    done = run_prediction(
        run,
        list(sources),
        out=out,
        on_error=on_error,
        device=device,
        disorder=disorder,
        progress=not quiet,
    )
    click.echo(f"{done.good} predictions, {done.bad} rows that could not be used: {done.path}")
    return 1 if done.bad else 0
