"""`xtalgraph screen`."""

from typing import Any

import click

from xtalgraph.cli.disorder_option import disorder_option


@click.command(short_help="Rank many candidates; write the best with pictures.")
@click.argument("run")
@click.argument("candidates", nargs=-1, required=True)
@click.option("--out", metavar="FOLDER", required=True, help="Folder to write.")
@click.option("--top", type=int, default=100, show_default=True, metavar="K", help="How many.")
@click.option(
    "--objective",
    default="min",
    show_default=True,
    metavar="AIM",
    help="min, max or target=NUMBER: what is wanted of the property.",
)
@click.option(
    "--by",
    type=click.Choice(["prediction", "expected-improvement", "upper-bound"]),
    default="prediction",
    show_default=True,
    help="By what they are ranked; all but prediction need a run with several members or a "
    "learned variance.",
)
@click.option(
    "--structures",
    type=click.Choice(["cif", "poscar", "none"]),
    default="cif",
    show_default=True,
    help="As what the structures of the best are written, into FOLDER/structures.",
)
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="skip",
    show_default=True,
    help="Crystals that cannot be used: go on, or stop.",
)
@disorder_option("as in the training")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def screen(run: str, candidates: tuple[str, ...], quiet: bool, **options: Any) -> int:
    """Rank CANDIDATES (files, folders or tables) by the predictions of RUN.

    FOLDER gets top.csv, screen.html and the structures of the best. The exit code is 1 if some
    crystals could not be used.
    """
    from xtalgraph.cli.tables import screened_table
    from xtalgraph.workflows.screen import screen as run_screening

    given = candidates[0] if len(candidates) == 1 else list(candidates)
    done = run_screening(run, given, progress=not quiet, **options)
    click.echo(screened_table(done.table, done.error))
    click.echo(
        f"{done.kept} of {done.good} candidates, {done.bad} rows that could not be used: "
        f"{done.page}"
    )
    return 1 if done.bad else 0
