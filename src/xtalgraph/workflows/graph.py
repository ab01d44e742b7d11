"""Graph: what the periodic graph of a crystal looks like, in words and pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.table import Row, read_rows
from xtalgraph.evidence.bonded_crystal import with_bonds
from xtalgraph.evidence.numbers import count
from xtalgraph.graphs.comparison import GraphSize, compare_strategies
from xtalgraph.graphs.graph_settings import GraphSettings
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE
from xtalgraph.graphs.statistics import RadialDistribution, radial_distribution
from xtalgraph.graphs.strategies import Strategy
from xtalgraph.graphs.summary import GraphSummary, Site, summarize
from xtalgraph.plots.crystal_scene import crystal_scene
from xtalgraph.plots.crystal_still import crystal_still
from xtalgraph.plots.export import figure_to_png, figure_to_svg
from xtalgraph.plots.graph_statistics import graph_statistics_plot
from xtalgraph.workflows.config import RunConfig
from xtalgraph.workflows.outputs import check_output
from xtalgraph.workflows.predict import load

_RADIAL_REACH = 10.0
"""How far the radial distribution is shown, Å; farther where an edge is longer."""


def describe_graphs(
    sources: Sequence[Any],
    strategy: Strategy,
    reduction_tolerance: float = DEFAULT_TOLERANCE,
    disorder: str = "refuse",
) -> Iterator[tuple[Row, GraphSummary | None]]:
    """Describe the graph of every crystal in some sources.

    Args:
        sources: Files, folders, tables, structures.
        strategy: Which pairs are neighbours.
        reduction_tolerance: Distances this close are merged, Å; 0 keeps the full graph.
        disorder: What to do with disordered crystals: ``refuse``, ``mix`` or ``order``.

    Yields:
        Each row with its summary; None where the row has a reason instead of a crystal, which is
        the strategy's where that refuses the crystal.
    """
    for row in _rows(sources, disorder):
        summary = None
        if row.crystal is not None:
            try:
                summary = summarize(row.crystal, strategy, reduction_tolerance)
            except GraphError as error:
                row = replace(row, crystal=None, reason=str(error))  # noqa: PLW2901
        yield row, summary


def compare_graphs(
    sources: Sequence[Any],
    strategies: Sequence[Strategy],
    reduction_tolerance: float = DEFAULT_TOLERANCE,
    disorder: str = "refuse",
) -> Iterator[tuple[Row, list[GraphSize | str]]]:
    """Measure the graphs that several strategies make of every crystal in some sources.

    Args:
        sources: Files, folders, tables, structures.
        strategies: In the order of the result.
        reduction_tolerance: Distances this close are merged, Å; 0 keeps the full graph.
        disorder: What to do with disordered crystals: ``refuse``, ``mix`` or ``order``.

    Yields:
        Each row with one result for each strategy, a reason where it refuses the crystal; none
        where the row has no crystal.
    """
    for row in _rows(sources, disorder):
        found = (
            []
            if row.crystal is None
            else compare_strategies(row.crystal, strategies, reduction_tolerance)
        )
        yield row, found


def _rows(sources: Sequence[Any], disorder: str) -> Iterator[Row]:
    return read_rows(sources[0] if len(sources) == 1 else list(sources), disorder)


def draw(
    crystal: Crystal,
    summary: GraphSummary,
    path: Path,
    form: Literal["html", "png"],
    title: str,
    color: Literal["element", "class"] = "element",
) -> Path:
    """Draw a crystal with the bonds of its first shells, those through the wall to their images.

    Args:
        crystal: What to draw.
        summary: Of its graph; the facts beside the picture, and the symmetry classes.
        path: File to write; its folder is made if it is not there.
        form: ``html`` for a page to turn the crystal in, ``png`` for a still picture.
        title: Above the picture.
        color: By ``element`` or by symmetry ``class``; the page has buttons for both, and opens
            with this.
    """
    classes = np.array([site.atom_class for site in summary.sites], dtype=np.int64)
    shown = with_bonds(crystal, classes)
    check_output(path)
    make_folder(path.parent)
    if form == "png":
        figure = crystal_still(shown, title=title, size=5.0, color=color)
        write_atomically(path, figure_to_png(figure))
    else:
        labels = [_site_words(site) for site in summary.sites]
        facts = _facts(summary)
        page = crystal_scene(shown, title=title, labels=labels, facts=facts, color=color)
        write_atomically(path, page)
    return path


def radial_of(crystal: Crystal, summary: GraphSummary) -> RadialDistribution | None:
    """Return g(r) up to 10 Å, or up to the longest edge; None where there is no density.

    Args:
        crystal: Whose distances are counted.
        summary: Of its graph.
    """
    if not crystal.pbc.all():
        return None
    return radial_distribution(crystal, max(_RADIAL_REACH, summary.longest or 0.0))


def plot_statistics(
    crystal: Crystal, strategy: Strategy, summary: GraphSummary, path: Path, title: str
) -> Path:
    """Draw g(r) with the graph's edges marked, and the degrees of its atoms.

    Args:
        crystal: Whose graph it is.
        strategy: Which pairs are neighbours.
        summary: Of that graph.
        path: File to write, `.png` or `.svg`; its folder is made if it is not there.
        title: Above the picture.

    Raises:
        ConfigError: If the name of the file ends otherwise.
    """
    if path.suffix not in (".png", ".svg"):
        raise ConfigError(f"a plot is written as .png or .svg, got the file {path}")
    radial, none = radial_of(crystal, summary), np.zeros(0)
    share = none
    if radial is not None:
        edges, _ = np.histogram(strategy.edges(crystal).distance, radial.edges)
        pairs = np.rint(radial.count * len(crystal))
        share = np.divide(edges, pairs, out=np.zeros(len(pairs)), where=pairs > 0)
    figure = graph_statistics_plot(
        none if radial is None else radial.edges,
        none if radial is None else radial.g,
        share,
        np.array(summary.degree_histogram),
        cutoff=strategy.cutoff,
        title=title,
    )
    check_output(path)
    make_folder(path.parent)
    if path.suffix == ".svg":
        write_atomically(path, figure_to_svg(figure))
    else:
        write_atomically(path, figure_to_png(figure))
    return path


def _site_words(site: Site) -> str:
    if site.nearest is None:
        return f"no neighbour near, degree {site.degree}"
    return f"{site.shell} from {site.nearest:.3f} Å, degree {site.degree}"


def _facts(summary: GraphSummary) -> list[tuple[str, str]]:
    small = summary.reduced
    facts = [
        ("Formula", _formula_words(summary)),
        ("Atoms", str(summary.num_atoms)),
        ("Strategy", summary.strategy),
        ("Neighbours", summary.rule),
        ("Directed edges", str(summary.num_edges)),
        ("Degrees", degree_words(summary.degrees)),
        (
            "Reduced by symmetry",
            f"{small.num_atoms} atoms, {small.num_edges} edges" if small else "no",
        ),
        ("Pieces", str(summary.components)),
        ("Volume", f"{summary.volume:.2f} Å³"),
        ("Drawn", drawn_words(summary)),
    ]
    return facts + [("Warning", text) for text in summary.warnings]


def _formula_words(summary: GraphSummary) -> str:
    if summary.formula == summary.reduced_formula:
        return summary.formula
    return f"{summary.reduced_formula}, {summary.formula} in the cell"


def drawn_words(summary: GraphSummary) -> str:
    """Say which lines a picture has: bonds of first shells, and not the edges of the graph.

    Args:
        summary: Of the graph.
    """
    return (
        f"the {count(summary.num_bonds, 'bond')} of first shells, by distance; not the "
        f"{count(summary.num_edges, 'directed edge')} of the graph"
    )


def default_strategy() -> Strategy:
    """Return the strategy of a training to which nothing is said of graphs."""
    sections = {"data": {"path": "any", "target": "any"}}
    return RunConfig.from_sections(sections).spec.make_strategy()


def graph_settings_of(run: str | Path) -> GraphSettings:
    """Return how the graphs that the model of a run reads are built.

    Args:
        run: Its folder.

    Raises:
        RunError: If it is not a finished run.
    """
    return load(run).spec.make_graph_settings()


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
