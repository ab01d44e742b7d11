"""`xtalgraph graph`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from xtalgraph.graphs.summary import GraphSummary

_SITES_SHOWN = 12


@click.command(short_help="Show the periodic graph of crystals.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--strategy",
    type=click.Choice(["radius", "hybrid"]),
    default="radius",
    show_default=True,
    help="All neighbours within the cutoff, or the nearest of them.",
)
@click.option("--cutoff", type=float, metavar="Å", help="Longest edge (radius: 5, hybrid: 8).")
@click.option("--neighbors", type=int, metavar="K", help="Nearest to keep, with hybrid (12).")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
@click.option("--html", metavar="PATH", help="Write a page to turn the crystal in.")
@click.option("--png", metavar="PATH", help="Write a still picture.")
def graph(
    files: tuple[str, ...],
    strategy: str,
    cutoff: float | None,
    neighbors: int | None,
    as_json: bool,
    html: str | None,
    png: str | None,
) -> int:
    """Show the periodic graph of the crystals in FILES.

    With several crystals, --html and --png name a folder. The exit code is 1 if some crystals could
    not be used.
    """
    from xtalgraph.conventions.errors import ConfigError
    from xtalgraph.conventions.settings import settings_from
    from xtalgraph.graphs.strategies import STRATEGIES
    from xtalgraph.workflows.graph import describe_graphs, draw

    given: dict[str, Any] = {"cutoff": cutoff, "max_neighbors": neighbors}
    if neighbors is not None and strategy == "radius":
        raise ConfigError("--neighbors goes with --strategy hybrid; radius keeps all neighbours")
    settings = {key: value for key, value in given.items() if value is not None}
    chosen = settings_from(STRATEGIES[strategy], settings, "graph")
    found = list(describe_graphs(files, chosen))
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
