"""`xtalgraph graph`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from xtalgraph.cli.lists import CommandWithLists
from xtalgraph.cli.tables import aligned

if TYPE_CHECKING:
    from xtalgraph.graphs.comparison import GraphSize, Refusal
    from xtalgraph.graphs.strategies import Strategy
    from xtalgraph.graphs.summary import GraphSummary

_SITES_SHOWN = 12


@click.command(cls=CommandWithLists, short_help="Show the periodic graph of crystals.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--strategy",
    default="radius",
    show_default=True,
    metavar="NAME[:SETTING...]",
    help="radius:5 (Å), knn:12, hybrid:12:8 (nearest, Å), knn-strict:12:8, bonded:crystalnn; "
    "without settings, their defaults.",
)
@click.option("--cutoff", type=float, metavar="Å", help="Longest edge (radius: 5, hybrid: 8).")
@click.option("--neighbors", type=int, metavar="K", help="Nearest to keep (knn, hybrid: 12).")
@click.option(
    "--compare",
    multiple=True,
    metavar="STRATEGY...",
    help="Compare several: FILE... --compare radius:5 knn:12 hybrid:12:8.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.option("--html", metavar="PATH", help="Write a page to turn the crystal in.")
@click.option("--png", metavar="PATH", help="Write a still picture.")
def graph(
    files: tuple[str, ...],
    strategy: str,
    cutoff: float | None,
    neighbors: int | None,
    compare: tuple[str, ...],
    as_json: bool,
    html: str | None,
    png: str | None,
) -> int:
    """Show the periodic graph of the crystals in FILES.

    With several crystals, --html and --png name a folder. The exit code is 1 if some crystals could
    not be used.
    """
    from xtalgraph.conventions.errors import ConfigError
    from xtalgraph.workflows.graph import describe_graphs, draw

    if compare:
        if html is not None or png is not None:
            raise ConfigError("--compare draws no picture; leave out --html and --png")
        return _compare(files, compare, as_json)
    found = list(describe_graphs(files, _strategy(strategy, cutoff, neighbors)))
    pictures: list[tuple[Literal["html", "png"], str | None]] = [("html", html), ("png", png)]
    documents = []
    for row, summary in found:
        if row.crystal is None or summary is None:
            documents.append({"id": row.id, "file": row.file, "error": row.reason})
            continue
        documents.append({"id": row.id, "file": row.file, **summary.as_dict()})
        for form, where in pictures:
            if where is not None:
                path = Path(where) if len(found) == 1 else Path(where) / f"{_safe(row.id)}.{form}"
                draw(row.crystal, summary, path, form, _title(row.id, summary.formula))
                click.echo(f"wrote {path}", err=True)
    if as_json:
        click.echo(json.dumps(documents, indent=1, ensure_ascii=False))
    else:
        for row, summary in found:
            click.echo(f"{row.id}: {row.reason}" if summary is None else _words(row.id, summary))
    return 1 if any(row.crystal is None for row, _ in found) else 0


def _title(name: str, formula: str) -> str:
    return formula if name == formula else f"{name}: {formula}"


def _strategy(spec: str, cutoff: float | None, neighbors: int | None) -> "Strategy":
    from xtalgraph.conventions.errors import ConfigError
    from xtalgraph.conventions.settings import settings_from
    from xtalgraph.graphs.strategies import STRATEGIES, parse_strategy

    chosen = parse_strategy(spec)
    given: dict[str, Any] = {"cutoff": cutoff, "max_neighbors": neighbors}
    settings = {key: value for key, value in given.items() if value is not None}
    if settings and ":" in spec:
        raise ConfigError(
            f"give the settings either in --strategy {spec} or by --cutoff and --neighbors"
        )
    if neighbors is not None and "max_neighbors" not in chosen.positional:
        raise ConfigError(
            f"--neighbors goes with --strategy hybrid or knn; {chosen.name} keeps all neighbours"
        )
    return settings_from(STRATEGIES[chosen.name], settings, "graph") if settings else chosen


def _compare(files: tuple[str, ...], specs: tuple[str, ...], as_json: bool) -> int:
    from xtalgraph.graphs.comparison import Refusal
    from xtalgraph.graphs.strategies import parse_strategy
    from xtalgraph.workflows.graph import compare_graphs

    found = list(compare_graphs(files, [parse_strategy(spec) for spec in specs]))
    documents = [
        {"id": row.id, "file": row.file, "error": row.reason}
        if row.crystal is None
        else {"id": row.id, "file": row.file, "graphs": [one.as_dict() for one in sizes]}
        for row, sizes in found
    ]
    if as_json:
        click.echo(json.dumps(documents, indent=1, ensure_ascii=False))
    else:
        for row, sizes in found:
            if row.crystal is None:
                click.echo(f"{row.id}: {row.reason}")
            else:
                click.echo("\n".join([_title(row.id, row.crystal.formula), *_table(sizes)]))
    refused = any(isinstance(one, Refusal) for _, sizes in found for one in sizes)
    return 1 if refused or any(row.crystal is None for row, _ in found) else 0


def _table(sizes: "list[GraphSize | Refusal]") -> list[str]:
    from xtalgraph.graphs.comparison import GraphSize, Refusal
    from xtalgraph.workflows.graph import degree_words

    rows = [["  strategy", "edges", "degree", "longest, Å", "pieces", "folded atoms, edges"]]
    for one in sizes:
        if isinstance(one, GraphSize):
            longest = "none" if one.longest is None else f"{one.longest:.3f}"
            folded = f"{one.folded_atoms}, {one.folded_edges}"
            cells = (str(one.num_edges), degree_words(one.degrees), longest, str(one.components))
            rows.append([f"  {one.strategy}", *cells, folded])
    reasons = [f"  {one.strategy}: {one.error}" for one in sizes if isinstance(one, Refusal)]
    return [*(aligned(rows) if len(rows) > 1 else []), *reasons]


def _words(name: str, summary: "GraphSummary") -> str:
    from xtalgraph.workflows.graph import degree_words

    edges = (
        f"{summary.num_edges} directed edges of {summary.shortest:.3f} to {summary.longest:.3f} Å"
        if summary.shortest is not None
        else "no edges"
    )
    pieces = "" if summary.components == 1 else f", in {summary.components} pieces"
    lines = [
        f"{name}: {summary.formula}",
        f"  {summary.num_atoms} atoms, {edges}{pieces}; degree {degree_words(summary.degrees)}",
        "  first shells:",
    ]
    for index, site in enumerate(summary.sites[:_SITES_SHOWN]):
        near = "" if site.nearest is None else f" {site.shell}, nearest at {site.nearest:.3f} Å"
        lines.append(f"    {site.element} {index}: coordination {site.coordination}{near}")
    if len(summary.sites) > _SITES_SHOWN:
        lines.append(f"    ... and {len(summary.sites) - _SITES_SHOWN} more (--json shows all)")
    return "\n".join(lines + [f"  Warning: {text}" for text in summary.warnings])


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_.+" else "_" for letter in name)
