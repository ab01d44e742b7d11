"""`xtalgraph evaluate`."""

import json

import click

from xtalgraph.cli.disorder_option import disorder_option


@click.command(short_help="Measure a run on other data.")
@click.argument("run")
@click.argument("data")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="skip",
    show_default=True,
    help="Rows that cannot be used: leave them out and say so, or stop.",
)
@disorder_option("as in the training")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def evaluate(
    run: str, data: str, as_json: bool, on_error: str, disorder: str | None, quiet: bool
) -> int:
    """Measure the model of RUN on DATA, which must have the column it was trained for.

    The exit code is 1 if some rows could not be used.
    """
    from xtalgraph.cli.tables import single_table
    from xtalgraph.workflows.evaluate import evaluate as run_evaluation

    found = run_evaluation(run, data, on_error=on_error, disorder=disorder, progress=not quiet)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        for one in found["targets"].values() if "targets" in found else [found]:
            target = one["target"]
            unit = f", {target['unit']}" if target["unit"] else ""
            click.echo(f"{target['name']}{unit}: {found['model']} on {found['crystals']} crystals")
            click.echo(single_table(one["metrics"]))
    return 1 if found["rejected"] else 0
