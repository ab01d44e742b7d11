"""`xtalgraph graph`."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from xtalgraph.cli.disorder_option import disorder_option
from xtalgraph.cli.lists import CommandWithLists
from xtalgraph.cli.tables import aligned

if TYPE_CHECKING:
    from xtalgraph.graphs.comparison import GraphSize
    from xtalgraph.graphs.statistics import Peak
    from xtalgraph.graphs.strategies import Strategy
    from xtalgraph.graphs.summary import GraphSummary

_SITES_SHOWN = 12
_PEAKS_SHOWN = 5
_BARS = 10
_BAR_LENGTH = 24


@click.command(cls=CommandWithLists, short_help="Show the periodic graph of crystals.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--strategy",
    metavar="NAME[:SETTING...]",
    help="radius:5 (Å), knn:12, hybrid:12:8 (nearest, Å), knn-strict:12:8, bonded:crystalnn; "
    "without settings, their defaults. Without it, that of train: hybrid:12:8.",
)
@click.option("--run", metavar="RUN", help="The graph that the model of a run reads.")
@click.option("--cutoff", type=float, metavar="Å", help="Longest edge (radius: 5, hybrid: 8).")
@click.option("--neighbors", type=int, metavar="K", help="Nearest to keep (knn, hybrid: 12).")
@click.option(
    "--compare",
    multiple=True,
    metavar="STRATEGY...",
    help="Compare several: FILE... --compare radius:5 knn:12 hybrid:12:8.",
)
@click.option(
    "--reduction-tolerance",
    type=float,
    metavar="Å",
    help="Distances this close count as equal in the symmetry reduction; 0 reduces nothing. "
    "[default: 0.001, or that of the run]",
)
@disorder_option("refuse")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects, with g(r).")
@click.option("--html", metavar="PATH", help="Write a page to turn the crystal in.")
@click.option("--png", metavar="PATH", help="Write a still picture.")
@click.option(
    "--color",
    type=click.Choice(["element", "class"]),
    default="element",
    show_default=True,
    help="Colours of --html and --png: elements, or symmetry classes.",
)
@click.option("--plot", metavar="PATH", help="Plot g(r), edges and degrees (.png or .svg).")
def graph(
    files: tuple[str, ...],
    strategy: str | None,
    run: str | None,
    cutoff: float | None,
    neighbors: int | None,
    compare: tuple[str, ...],
    reduction_tolerance: float | None,
    disorder: str | None,
    as_json: bool,
    html: str | None,
    png: str | None,
    color: Literal["element", "class"],
    plot: str | None,
) -> int:
    """Show the periodic graph of the crystals in FILES.

    With several crystals, --html, --png and --plot name a folder. The exit code is 1 if some
    crystals could not be used.
    """
    from xtalgraph.conventions.errors import ConfigError
    from xtalgraph.workflows.graph import (
        describe_graphs,
        draw,
        drawn_words,
        plot_statistics,
        radial_of,
    )

    if compare:
        if any(path is not None for path in (html, png, plot)):
            raise ConfigError("--compare draws no picture; leave out --html, --png and --plot")
        if any(one is not None for one in (strategy, run, cutoff, neighbors)):
            raise ConfigError(
                "--compare names its strategies itself, as in --compare radius:5 knn:12; leave out "
                "--strategy, --run, --cutoff and --neighbors"
            )
        return _compare(files, compare, reduction_tolerance, as_json, disorder or "refuse")
    chosen, tolerance = _chosen(strategy, run, cutoff, neighbors, reduction_tolerance)
    for option, where, forms in (
        ("--html", html, (".html",)),
        ("--png", png, (".png",)),
        ("--plot", plot, (".png", ".svg")),
    ):
        if where is not None and Path(where).suffix.lower() not in ("", *forms):
            raise ConfigError(f"{option} writes {' or '.join(forms)}, got {where}")
    found = list(describe_graphs(files, chosen, tolerance, disorder or "refuse"))
    for option, where in (("--html", html), ("--png", png), ("--plot", plot)):
        if where is not None and len(found) > 1 and Path(where).suffix:
            raise ConfigError(
                f"{option} names a folder, as there are {len(found)} crystals; got {where}"
            )
    pictures: list[tuple[Literal["html", "png"], str | None]] = [("html", html), ("png", png)]
    documents: list[dict[str, Any]] = []
    names = _file_names([row.id for row, _ in found])
    for row, summary in found:
        if row.crystal is None or summary is None:
            documents.append({"id": row.id, "file": row.file, "error": row.reason})
            continue
        title, name = (
            _title(row.id, summary.reduced_formula),
            None if len(found) == 1 else names[row.id],
        )
        documents.append({"id": row.id, "file": row.file, **summary.as_dict()})
        if as_json:
            radial = radial_of(row.crystal, summary)
            documents[-1]["radial_distribution"] = None if radial is None else radial.as_dict()
        for form, where in pictures:
            if where is not None:
                path = _path(where, name, form)
                draw(row.crystal, summary, path, form, title, color)
                click.echo(f"wrote {path}: {drawn_words(summary)}", err=True)
        if plot is not None:
            path = _path(plot, name, "png")
            plot_statistics(row.crystal, chosen, summary, path, title)
            click.echo(f"wrote {path}", err=True)
    if as_json:
        click.echo(json.dumps(documents, indent=1, ensure_ascii=False))
    else:
        for row, summary in found:
            click.echo(f"{row.id}: {row.reason}" if summary is None else _words(row.id, summary))
    return 1 if any(row.crystal is None for row, _ in found) else 0


def _path(where: str, name: str | None, form: str) -> Path:
    return Path(where) if name is None else Path(where) / f"{name}.{form}"


def _title(name: str, formula: str) -> str:
    return formula if name == formula else f"{name}: {formula}"


def _chosen(
    spec: str | None,
    run: str | None,
    cutoff: float | None,
    neighbors: int | None,
    fold: float | None,
) -> "tuple[Strategy, float]":
    """Return the strategy and the tolerance of folding."""
    from xtalgraph.conventions.errors import ConfigError
    from xtalgraph.conventions.settings import settings_from
    from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE
    from xtalgraph.graphs.strategies import STRATEGIES, parse_strategy
    from xtalgraph.workflows.graph import default_strategy, graph_settings_of

    given: dict[str, Any] = {"cutoff": cutoff, "max_neighbors": neighbors}
    settings = {key: value for key, value in given.items() if value is not None}
    if run is not None:
        if settings or spec is not None:
            raise ConfigError(
                "--run takes the graph of the run: leave out --strategy, --cutoff and --neighbors"
            )
        graph_settings = graph_settings_of(run)
        return graph_settings.strategy, graph_settings.reduction_tolerance if fold is None else fold
    tolerance = DEFAULT_TOLERANCE if fold is None else fold
    chosen = default_strategy() if spec is None else parse_strategy(spec)
    if settings and spec is not None and ":" in spec:
        raise ConfigError(
            f"give the settings either in --strategy {spec} or by --cutoff and --neighbors"
        )
    if neighbors is not None and "max_neighbors" not in chosen.positional:
        raise ConfigError(
            f"--neighbors goes with --strategy hybrid or knn; {chosen.name} keeps all neighbours"
        )
    if not settings:
        return chosen, tolerance
    return settings_from(STRATEGIES[chosen.name], vars(chosen) | settings, "graph"), tolerance


def _compare(
    files: tuple[str, ...],
    specs: tuple[str, ...],
    fold: float | None,
    as_json: bool,
    disorder: str,
) -> int:
    from xtalgraph.crystals.composition import reduced_formula
    from xtalgraph.graphs.comparison import GraphSize
    from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE
    from xtalgraph.graphs.strategies import parse_strategy, strategy_spec
    from xtalgraph.workflows.graph import compare_graphs

    strategies = [parse_strategy(spec) for spec in specs]
    words = [strategy_spec(strategy) for strategy in strategies]
    tolerance = DEFAULT_TOLERANCE if fold is None else fold
    found = list(compare_graphs(files, strategies, tolerance, disorder))
    documents = [
        {"id": row.id, "file": row.file, "error": row.reason}
        if row.crystal is None
        else {"id": row.id, "file": row.file, "graphs": _documents(words, sizes)}
        for row, sizes in found
    ]
    if as_json:
        click.echo(json.dumps(documents, indent=1, ensure_ascii=False))
    else:
        for row, sizes in found:
            if row.crystal is None:
                click.echo(f"{row.id}: {row.reason}")
            else:
                click.echo(
                    "\n".join([_title(row.id, reduced_formula(row.crystal)), *_table(words, sizes)])
                )
    unsupported = any(not isinstance(one, GraphSize) for _, sizes in found for one in sizes)
    return 1 if unsupported or any(row.crystal is None for row, _ in found) else 0


def _documents(words: list[str], sizes: "list[GraphSize | str]") -> list[dict[str, Any]]:
    return [
        {"strategy": word, "error": one} if isinstance(one, str) else one.as_dict()
        for word, one in zip(words, sizes, strict=True)
    ]


def _table(words: list[str], sizes: "list[GraphSize | str]") -> list[str]:
    from xtalgraph.workflows.graph import degree_words

    rows = [["  strategy", "edges", "degree", "longest, Å", "pieces", "reduced atoms, edges"]]
    reasons = []
    for word, one in zip(words, sizes, strict=True):
        if isinstance(one, str):
            reasons.append(f"  {word}: {one}")
        else:
            longest = "none" if one.longest is None else f"{one.longest:.3f}"
            none = one.reduced_atoms is None
            reduced = "not reduced" if none else f"{one.reduced_atoms}, {one.reduced_edges}"
            cells = (str(one.num_edges), degree_words(one.degrees), longest, str(one.components))
            rows.append([f"  {one.strategy}", *cells, reduced])
    return [*(aligned(rows) if len(rows) > 1 else []), *reasons]


def _words(name: str, summary: "GraphSummary") -> str:
    from xtalgraph.workflows.graph import degree_words

    edges = (
        f"{summary.num_edges} directed edges of {summary.shortest:.3f} to {summary.longest:.3f} Å"
        if summary.shortest is not None
        else "no edges"
    )
    pieces = "" if summary.components == 1 else f", in {summary.components} pieces"
    cell = "" if summary.formula == summary.reduced_formula else f" ({summary.formula})"
    lines = [
        f"{name}: {summary.reduced_formula}",
        f"  {summary.strategy}: {summary.rule}",
        f"  {summary.num_atoms} atoms{cell}, {edges}{pieces}; degree "
        f"{degree_words(summary.degrees)}",
        *_degrees(summary.degree_histogram),
        f"  {_reduced(summary)}",
        *_distances(summary.peaks),
        "  first shells:",
    ]
    for index, site in enumerate(summary.sites[:_SITES_SHOWN]):
        near = "" if site.nearest is None else f" {site.shell}, nearest at {site.nearest:.3f} Å"
        lines.append(f"    {site.element} {index}: coordination {site.coordination}{near}")
    if len(summary.sites) > _SITES_SHOWN:
        lines.append(f"    ... and {len(summary.sites) - _SITES_SHOWN} more (--json shows all)")
    return "\n".join(lines + [f"  Warning: {text}" for text in summary.warnings])


def _degrees(counts: list[int]) -> list[str]:
    """Draw the histogram of the degrees; a single degree is said already."""
    present = [degree for degree, count in enumerate(counts) if count]
    if len(present) < 2:
        return []
    width = -(-(present[-1] - present[0] + 1) // _BARS) if len(present) > _BARS else 1
    rows = []
    for low in range(present[0], present[-1] + 1, width):
        count, high = sum(counts[low : low + width]), min(low + width - 1, present[-1])
        if count or width > 1:
            rows.append((str(low) if low == high else f"{low} to {high}", count))
    longest, most = max(len(name) for name, _ in rows), max(count for _, count in rows)
    bars = ("█" * max(round(_BAR_LENGTH * count / most), bool(count)) for _, count in rows)
    return [
        "  atoms of each degree:",
        *(
            f"    {name.rjust(longest)}  {bar} {count}"
            for (name, count), bar in zip(rows, bars, strict=True)
        ),
    ]


def _reduced(summary: "GraphSummary") -> str:
    small = summary.reduced
    if small is None:
        return "not reduced by symmetry"
    kinds = Counter(f"{one.multiplicity} {one.element}" for one in small.classes)
    said = [kind if n == 1 else f"{kind}, {n} times" for kind, n in kinds.items()]
    more = f"; and {len(said) - _SITES_SHOWN} more kinds" if len(said) > _SITES_SHOWN else ""
    return (
        f"reduced by symmetry at {small.tolerance:g} Å: {summary.num_atoms} -> "
        f"{small.num_atoms} atoms "
        f"({'; '.join(said[:_SITES_SHOWN])}{more}), {summary.num_edges} -> {small.num_edges} edges"
    )


def _distances(peaks: "list[Peak]") -> list[str]:
    """Say the first peaks of g(r), and how many neighbours an average atom has in each."""
    said = []
    for peak in peaks[:_PEAKS_SHOWN]:
        sharp = peak.last - peak.first < 0.01
        where = f"{peak.distance:.3f}" if sharp else f"{peak.first:.2f} to {peak.last:.2f}"
        said.append(f"{peak.neighbors:.3g} at {where}")
    return [f"  distances, Å, neighbours of a mean atom: {', '.join(said)}"] if said else []


def _file_names(ids: list[str]) -> dict[str, str]:
    """Return for each id a name that every file system takes, and that no other id has."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for one in ids:
        safe = "".join(letter if letter.isalnum() or letter in "-_.+" else "_" for letter in one)
        name, count = safe, 1
        while name.lower() in taken:
            count += 1
            name = f"{safe}-{count}"
        taken.add(name.lower())
        names[one] = name
    return names
