"""Graph: what the periodic graph of a crystal looks like, in words and pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import Row, read_rows
from xtalgraph.graphs.comparison import GraphSize, Refusal, compare_strategies
from xtalgraph.graphs.strategies import Strategy
from xtalgraph.graphs.summary import GraphSummary, Site, bonds_of, summarize
from xtalgraph.plots.crystal_scene import crystal_scene
from xtalgraph.plots.crystal_still import crystal_still
from xtalgraph.plots.export import figure_to_png


def describe_graphs(
    sources: Sequence[Any], strategy: Strategy
) -> Iterator[tuple[Row, GraphSummary | None]]:
    """Describe the graph of every crystal in some sources.

    Args:
        sources: Files, folders, tables, structures.
        strategy: Which pairs are neighbours.

    Yields:
        Each row with its summary; None where the row has a reason instead of a crystal, which is
        the strategy's where that refuses the crystal.
    """
    for row in _rows(sources):
        summary = None
        if row.crystal is not None:
            try:
                summary = summarize(row.crystal, strategy)
            except GraphError as error:
                row = replace(row, crystal=None, reason=str(error))  # noqa: PLW2901
        yield row, summary


def compare_graphs(
    sources: Sequence[Any], strategies: Sequence[Strategy]
) -> Iterator[tuple[Row, list[GraphSize | Refusal]]]:
    """Measure the graphs that several strategies make of every crystal in some sources.

    Args:
        sources: Files, folders, tables, structures.
        strategies: In the order of the result.

    Yields:
        Each row with one result for each strategy; none where the row has no crystal.
    """
    for row in _rows(sources):
        yield row, [] if row.crystal is None else compare_strategies(row.crystal, strategies)


def _rows(sources: Sequence[Any]) -> Iterator[Row]:
    return read_rows(sources[0] if len(sources) == 1 else list(sources))


def draw(
    crystal: Crystal,
    summary: GraphSummary,
    path: Path,
    form: Literal["html", "png"],
    title: str,
) -> Path:
    """Draw a crystal with the bonds of its first shells, those through the wall to their images.

    Args:
        crystal: What to draw.
        summary: Of its graph; the facts beside the picture.
        path: File to write; its folder is made if it is not there.
        form: ``html`` for a page to turn the crystal in, ``png`` for a still picture.
        title: Above the picture.
    """
    bonds = bonds_of(crystal)
    arrays = (
        crystal.cell,
        crystal.positions,
        crystal.numbers,
        bonds.center,
        bonds.neighbor,
        bonds.image,
        crystal.pbc,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "png":
        path.write_bytes(figure_to_png(crystal_still(*arrays, title=title, size=5.0)))
    else:
        labels = [_site_words(site) for site in summary.sites]
        page = crystal_scene(*arrays, title=title, labels=labels, facts=_facts(summary))
        path.write_text(page, encoding="utf-8")
    return path


def _site_words(site: Site) -> str:
    if site.nearest is None:
        return f"no neighbour near, degree {site.degree}"
    return f"{site.shell} from {site.nearest:.3f} Å, degree {site.degree}"


def _facts(summary: GraphSummary) -> list[tuple[str, str]]:
    facts = [
        ("Formula", summary.formula),
        ("Atoms", str(summary.num_atoms)),
        ("Directed edges", str(summary.num_edges)),
        ("Degrees", degree_words(summary.degrees)),
        ("Pieces", str(summary.components)),
        ("Volume", f"{summary.volume:.2f} Å³"),
    ]
    return facts + [("Warning", text) for text in summary.warnings]


def degree_words(degrees: Sequence[int]) -> str:
    """Say the degrees in short: one number, or smallest to largest and the mean.

    Args:
        degrees: One for each atom.
    """
    if not degrees:
        return "none"
    low, high = min(degrees), max(degrees)
    mean = sum(degrees) / len(degrees)
    return str(low) if low == high else f"{low} to {high}, mean {mean:.1f}"
