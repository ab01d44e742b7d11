"""`xtalgraph graph`."""

import json
from collections import Counter
from typing import TYPE_CHECKING

import click

from xtalgraph.cli.command import CommandWithLists, as_json, verb
from xtalgraph.cli.tables import aligned
from xtalgraph.evidence.numbers import count

if TYPE_CHECKING:
    from xtalgraph.graphs.statistics import Peak
    from xtalgraph.graphs.summary import GraphSize, GraphSummary
    from xtalgraph.workflows.graph import ComparedGraphs, DescribedGraphs

_SITES_SHOWN = 12
_PEAKS_SHOWN = 5
_BARS = 10
_BAR_LENGTH = 24


@verb("xtalgraph.workflows.graph:graph", extra=[as_json()], several=["files"], cls=CommandWithLists)
def graph(graphs: "DescribedGraphs | ComparedGraphs", as_json: bool) -> int:
    """Show the periodic graph of the crystals in FILES.

    With several crystals, --html, --png and --plot name a folder. The exit code is 1 if some
    crystals could not be used.
    """
    from xtalgraph.crystals.composition import reduced_formula
    from xtalgraph.workflows.graph import DescribedGraphs

    if as_json:
        click.echo(json.dumps(graphs.documents(), indent=1, ensure_ascii=False))
    elif isinstance(graphs, DescribedGraphs):
        for row, summary in graphs.rows:
            click.echo(f"{row.id}: {row.reason}" if summary is None else _words(row.id, summary))
    else:
        for row, sizes in graphs.rows:
            if row.crystal is None:
                click.echo(f"{row.id}: {row.reason}")
                continue
            formula = reduced_formula(row.crystal)
            title = formula if row.id == formula else f"{row.id}: {formula}"
            click.echo("\n".join([title, *_table(graphs.strategies, sizes)]))
    return 1 if graphs.bad else 0


def _table(words: tuple[str, ...], sizes: "list[GraphSize | str]") -> list[str]:
    from xtalgraph.workflows.graph_pictures import degree_words

    rows = [["  strategy", "edges", "degree", "longest, Å", "pieces", "reduced atoms, edges"]]
    reasons = []
    for word, size in zip(words, sizes, strict=True):
        if isinstance(size, str):
            reasons.append(f"  {word}: {size}")
        else:
            longest = "none" if size.longest is None else f"{size.longest:.3f}"
            none = size.reduced_atoms is None
            reduced = "not reduced" if none else f"{size.reduced_atoms}, {size.reduced_edges}"
            cells = (str(size.num_edges), degree_words(size.degrees), longest, str(size.components))
            rows.append([f"  {size.strategy}", *cells, reduced])
    return [*(aligned(rows) if len(rows) > 1 else []), *reasons]


def _words(name: str, summary: "GraphSummary") -> str:
    from xtalgraph.workflows.graph_pictures import degree_words

    edges = (
        f"{count(summary.num_edges, 'directed edge')} of {summary.shortest:.3f} to "
        f"{summary.longest:.3f} Å"
        if summary.shortest is not None
        else "no edges"
    )
    pieces = "" if summary.components == 1 else f", in {summary.components} pieces"
    cell = "" if summary.formula == summary.reduced_formula else f" ({summary.formula})"
    lines = [
        f"{name}: {summary.reduced_formula}",
        f"  {summary.strategy}: {summary.rule}",
        f"  {count(summary.num_atoms, 'atom')}{cell}, {edges}{pieces}; degree "
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
    """Draw the histogram of the degrees, where they differ."""
    present = [degree for degree, atoms in enumerate(counts) if atoms]
    if len(present) < 2:
        return []
    width = -(-(present[-1] - present[0] + 1) // _BARS) if len(present) > _BARS else 1
    rows = []
    for low in range(present[0], present[-1] + 1, width):
        atoms, high = sum(counts[low : low + width]), min(low + width - 1, present[-1])
        if atoms or width > 1:
            rows.append((str(low) if low == high else f"{low} to {high}", atoms))
    longest, most = max(len(name) for name, _ in rows), max(atoms for _, atoms in rows)
    bars = ("█" * max(round(_BAR_LENGTH * atoms / most), bool(atoms)) for _, atoms in rows)
    return [
        "  atoms of each degree:",
        *(
            f"    {name.rjust(longest)}  {bar} {atoms}"
            for (name, atoms), bar in zip(rows, bars, strict=True)
        ),
    ]


def _reduced(summary: "GraphSummary") -> str:
    small = summary.reduced
    if small is None:
        return "not reduced by symmetry"
    kinds = Counter(
        f"{atom_class.multiplicity} {atom_class.element}" for atom_class in small.classes
    )
    texts = [kind if n == 1 else f"{kind}, {n} times" for kind, n in kinds.items()]
    more = f"; and {len(texts) - _SITES_SHOWN} more kinds" if len(texts) > _SITES_SHOWN else ""
    return (
        f"reduced by symmetry at {small.tolerance:g} Å: {summary.num_atoms} -> "
        f"{count(small.num_atoms, 'atom')} ({'; '.join(texts[:_SITES_SHOWN])}{more}), "
        f"{summary.num_edges:,} -> {count(small.num_edges, 'edge')}"
    )


def _distances(peaks: "list[Peak]") -> list[str]:
    """Say the first peaks of g(r), and how many neighbours an average atom has in each."""
    texts = []
    for peak in peaks[:_PEAKS_SHOWN]:
        sharp = peak.last - peak.first < 0.01
        where = f"{peak.distance:.3f}" if sharp else f"{peak.first:.2f} to {peak.last:.2f}"
        texts.append(f"{peak.neighbors:.3g} at {where}")
    return [f"  neighbours per atom at each distance, Å: {', '.join(texts)}"] if texts else []
