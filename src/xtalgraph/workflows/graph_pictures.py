"""Pictures of crystals and of their graphs, into files."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.files import distinct_names, make_folder, write_atomically
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.bonded_crystal import with_bonds
from xtalgraph.evidence.numbers import count
from xtalgraph.graphs.statistics import RadialDistribution, radial_distribution
from xtalgraph.graphs.strategies import Strategy
from xtalgraph.graphs.summary import GraphSummary, Site
from xtalgraph.plots.crystal_snapshot import crystal_snapshot
from xtalgraph.plots.crystal_viewer import crystal_viewer
from xtalgraph.plots.export import write_figure
from xtalgraph.plots.graph_statistics import graph_statistics_plot
from xtalgraph.workflows.outputs import check_output

Color = Literal["element", "class"]
"""What the colour of an atom tells: its element, or its symmetry class."""
_RADIAL_REACH = 10.0
"""How far the radial distribution is shown, Å; farther where an edge is longer."""


@dataclass(frozen=True)
class Pictures:
    """The pictures that are wanted; with several crystals each names a folder."""

    html: str | Path | None
    """A page to turn the crystal in."""
    png: str | Path | None
    """A picture of the crystal."""
    plot: str | Path | None
    """Statistics of the graph, .png or .svg."""
    color: Color
    """Of the atoms."""

    def __post_init__(self) -> None:
        for option, path, suffixes in self._wanted():
            if path.suffix.lower() not in ("", *suffixes):
                raise ConfigError(f"{option} writes {' or '.join(suffixes)}, got {path}")

    def _wanted(self) -> Iterator[tuple[str, Path, tuple[str, ...]]]:
        for option, path, suffixes in (
            ("--html", self.html, (".html",)),
            ("--png", self.png, (".png",)),
            ("--plot", self.plot, (".png", ".svg")),
        ):
            if path is not None:
                yield option, Path(path), suffixes

    def write(
        self, shown: Sequence[tuple[str, Crystal, GraphSummary]], strategy: Strategy, total: int
    ) -> None:
        """Write the pictures of some crystals.

        Args:
            shown: Id, crystal and summary of the graph.
            strategy: Of the graphs.
            total: How many crystals there are, those without a graph too.

        Raises:
            ConfigError: If there are several crystals, and one file for them.
        """
        for option, path, _ in self._wanted():
            if total > 1 and path.suffix:
                raise ConfigError(
                    f"{option} names a folder, as there are {total} crystals; got {path}"
                )
        names = _file_names([name for name, _, _ in shown])
        for name, crystal, summary in shown:
            formula = summary.reduced_formula
            title = formula if name == formula else f"{name}: {formula}"
            for option, written, suffixes in self._wanted():
                path = written if total == 1 else written / f"{names[name]}{suffixes[0]}"
                if option == "--plot":
                    _plot_statistics(crystal, strategy, summary, path, title)
                    log.info("wrote %s", path)
                else:
                    form: Literal["html", "png"] = "html" if option == "--html" else "png"
                    draw(crystal, summary, path, form, title, self.color)
                    log.info("wrote %s: %s", path, _drawn_words(summary))


def draw(
    crystal: Crystal,
    summary: GraphSummary,
    path: Path,
    form: Literal["html", "png"],
    title: str,
    color: Color = "element",
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
    if form == "png":
        write_figure(crystal_snapshot(shown, title=title, size=5.0, color=color), path)
    else:
        make_folder(path.parent)
        labels = [_site_words(site) for site in summary.sites]
        facts = _facts(summary)
        page = crystal_viewer(shown, title=title, labels=labels, facts=facts, color=color)
        write_atomically(path, page)
    return path


def radial_of(crystal: Crystal, summary: GraphSummary) -> RadialDistribution | None:
    """Return g(r) up to 10 Å, or up to the longest edge; None where there is no density."""
    if not crystal.pbc.all():
        return None
    return radial_distribution(crystal, max(_RADIAL_REACH, summary.longest or 0.0))


def _plot_statistics(
    crystal: Crystal, strategy: Strategy, summary: GraphSummary, path: Path, title: str
) -> Path:
    """Draw g(r) with the graph's edges marked, and the degrees of its atoms, as PNG or SVG."""
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
    write_figure(figure, path)
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
        ("Drawn", _drawn_words(summary)),
    ]
    return facts + [("Warning", text) for text in summary.warnings]


def _formula_words(summary: GraphSummary) -> str:
    if summary.formula == summary.reduced_formula:
        return summary.formula
    return f"{summary.reduced_formula}, {summary.formula} in the cell"


def _drawn_words(summary: GraphSummary) -> str:
    """Say which lines a picture has: bonds of first shells, and not the edges of the graph."""
    return (
        f"the {count(summary.num_bonds, 'bond')} of first shells, by distance; not the "
        f"{count(summary.num_edges, 'directed edge')} of the graph"
    )


def _file_names(ids: Sequence[str]) -> dict[str, str]:
    """Return for each id a name that every file system takes, and that no other id has."""
    safe = (re.sub(r"[^\w.+-]", "_", name) for name in ids)
    return dict(zip(ids, distinct_names(safe), strict=True))


def degree_words(degrees: Sequence[int]) -> str:
    """Say the degrees in short: one number, or smallest to largest and the mean."""
    if not degrees:
        return "none"
    low, high = min(degrees), max(degrees)
    mean = sum(degrees) / len(degrees)
    return str(low) if low == high else f"{low} to {high}, mean {mean:.1f}"
