"""`xtalgraph data`."""

import click


@click.group(short_help="List, fetch and inspect data sets.")
def data() -> None:
    """List, fetch and inspect data sets."""


@data.command(name="list")
def list_() -> None:
    """List the data sets that can be had by name."""
    from xtalgraph.data.catalogue import CATALOGUE

    for dataset in CATALOGUE.values():
        what = f"{dataset.target}, {dataset.unit}, {dataset.kind}"
        task = "" if dataset.task == "regression" else f" {dataset.task};"
        only = " composition only;" if dataset.input == "composition" else ""
        click.echo(f"{dataset.name}  {dataset.num_rows} rows;{task}{only} {what}")
        click.echo(f"    {dataset.description}")


@data.command()
@click.argument("name")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def fetch(name: str, quiet: bool) -> None:
    """Fetch the data set NAME into the cache, or compute it, and print where it is."""
    from xtalgraph.data.fetch import fetch as fetch_dataset

    click.echo(fetch_dataset(name, progress=not quiet))


@data.command()
@click.argument("path")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def info(path: str, quiet: bool) -> int:
    """Read the crystals of PATH, check each, and say what is there.

    The exit code is 1 if some rows cannot be used.
    """
    from xtalgraph.workflows.data import describe_source

    found = describe_source(path, progress=not quiet)
    click.echo(found.text)
    return 1 if found.rejected else 0
