"""`xtalgraph embed`."""

import click

from xtalgraph.cli.disorder_option import disorder_option


@click.command(short_help="Write the embeddings of crystals, and a picture of them.")
@click.argument("run")
@click.argument("sources", nargs=-1, required=True)
@click.option("--out", metavar="FILE", required=True, help="Table to write, .parquet or .csv.")
@click.option("--plot", metavar="SVG|PNG", help="Picture in two dimensions.")
@click.option(
    "--method",
    type=click.Choice(["pca", "umap"]),
    default="pca",
    show_default=True,
    help="How the picture is made; umap needs the extra embed.",
)
@disorder_option("as in the training")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def embed(
    run: str,
    sources: tuple[str, ...],
    out: str,
    plot: str | None,
    method: str,
    disorder: str | None,
    quiet: bool,
) -> int:
    """Write the vectors from which the readout of RUN starts, for the crystals in SOURCES.

    The table has the columns id, target, prediction, z0, z1 and on. The exit code is 1 if some
    crystals could not be used.
    """
    from xtalgraph.workflows.embed import embed as run_embedding

    given = sources[0] if len(sources) == 1 else list(sources)
    done = run_embedding(
        run,
        given,
        out=out,
        plot=plot,
        method="umap" if method == "umap" else "pca",
        disorder=disorder,
        progress=not quiet,
    )
    click.echo(f"{done.good} vectors, {done.bad} rows that could not be used: {done.path}")
    return 1 if done.bad else 0
