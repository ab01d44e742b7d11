"""`xtalgraph data`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xtalgraph.cli.command import verb
from xtalgraph.cli.tables import aligned

if TYPE_CHECKING:
    from xtalgraph.data.kept_stores import Cache
    from xtalgraph.graphs.survey import SizeSurvey
    from xtalgraph.workflows.data import SourceInfo


@click.group(short_help="List, fetch and inspect data sets; clear the cache.")
def data() -> None:
    """List, fetch and inspect data sets; clear the cache."""


@data.command(name="list")
def list_() -> None:
    """List the data sets that have a name."""
    from xtalgraph.data.catalogue import CATALOGUE

    for dataset in CATALOGUE.values():
        what = f"{dataset.target}, {dataset.unit}, {dataset.kind}"
        task = "" if dataset.task == "regression" else f" {dataset.task};"
        only = " composition only;" if dataset.input == "composition" else ""
        click.echo(f"{dataset.name}  {dataset.num_rows} rows;{task}{only} {what}")
        click.echo(f"    {dataset.description}")


@verb("xtalgraph.data.fetch:fetch")
def fetch(path: Path) -> None:
    """Fetch a data set into the cache; print where.

    The embedded data set is computed.
    """
    click.echo(path)


@verb("xtalgraph.workflows.data:describe_source")
def info(source: "SourceInfo") -> int:
    """Check the crystals of PATH; print a summary of its content.

    With --graph, also the mean atoms and edges of the graphs: full, reduced by symmetry, and of the
    asymmetric unit of the space group, where there is one. The exit code is 1 if some rows cannot
    be used, or a strategy does not support some crystals.
    """
    click.echo(source.text)
    if source.graphs is not None:
        without_group = [] if source.without_group is None else [source.without_group]
        click.echo("\n".join([*_sizes(source.graphs), *without_group, *source.unsupported]))
    return 1 if source.rejected or source.unsupported else 0


@verb("xtalgraph.data.kept_stores:cache")
def cache(cache: "Cache") -> int:
    """List the graphs kept in the cache; remove them.

    Trainings leave them there. They are built again when they are needed. A store that another
    process is building is left, and the exit code is 1.
    """
    if not cache.cleared:
        rows = [["  store", "crystals", "graph", "MB", "built"]]
        for store in cache.stores:
            crystals = "not complete" if store.crystals is None else str(store.crystals)
            graph = "" if store.graph_settings is None else _words(store.graph_settings)
            built = store.built.isoformat(" ", "minutes")
            name = f"  {store.folder.name}"
            rows.append([name, crystals, graph, f"{store.bytes / 1e6:.1f}", built])
        size = sum(store.bytes for store in cache.stores) / 1e6
        click.echo(f"{len(cache.stores)} stores of graphs, {size:.1f} MB, in {cache.folder}")
        if cache.stores:
            click.echo("\n".join(aligned(rows)))
        return 0
    for reason in cache.left.values():
        click.echo(reason, err=True)
    gone = [store.bytes for store in cache.stores if store.folder not in cache.left]
    freed = sum(gone) / 1e6
    click.echo(f"removed {len(gone)} stores of graphs, {freed:.1f} MB, from {cache.folder}")
    return 1 if cache.left else 0


for command in (fetch, info, cache):
    data.add_command(command)


def _words(graph_settings: dict[str, Any]) -> str:
    """Say in a few words how the graphs of a store are built."""
    words = (
        f"{graph_settings['strategy']} {graph_settings['cutoff']:g} Å"
        if "cutoff" in graph_settings
        else ""
    )
    words = words or str(graph_settings["strategy"])
    angles = ", angles" if graph_settings["angles"] else ""
    return (
        words + angles + (", reduced by symmetry" if graph_settings["reduction_tolerance"] else "")
    )


def _sizes(survey: "SizeSurvey") -> list[str]:
    """Lay out the mean sizes, a line for each strategy and kind of reduction."""
    rows = [["  strategy", "crystals", "atoms", "edges", "full edges / edges"]]
    width = max(len(size.strategy) for size in survey.sizes)
    for size in survey.sizes:
        every, grouped = (size.crystals, size.edges), (size.grouped, size.grouped_edges)
        for what, (crystals, full), atoms, edges in (
            ("full", every, size.atoms, size.edges),
            ("reduced", every, size.reduced_atoms, size.reduced_edges),
            ("asymmetric unit", grouped, size.unit_atoms, size.unit_edges),
            ("asymmetric unit, edges merged", grouped, size.unit_atoms, size.edge_orbits),
        ):
            if what == "reduced" and survey.reduction_tolerance == 0:
                continue
            ratio = f"{full / edges:.2f}" if full and edges else "n/a"
            name = f"  {size.strategy.ljust(width)}  {what}"
            rows.append([name, str(crystals), _mean(atoms), _mean(edges), ratio])
    tolerance = survey.reduction_tolerance
    reduced = f"reduced at {tolerance:g} Å" if tolerance > 0 else "not reduced"
    return [
        f"graphs, mean per crystal; {reduced}; asymmetric unit by spglib, symprec "
        f"{survey.symprec:g} Å:",
        *aligned(rows),
    ]


def _mean(amount: float | None) -> str:
    return "n/a" if amount is None else f"{amount:.2f}"
