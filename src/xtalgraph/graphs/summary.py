"""What a person wants to know of a crystal's graph, and of those that other strategies make."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.composition import reduced_formula
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.neighbors import Edges, neighbors_within
from xtalgraph.graphs.reduction import (
    DEFAULT_TOLERANCE,
    atom_classes,
    merge_equivalent,
    merge_geometry,
    reduce_graph,
)
from xtalgraph.graphs.statistics import Peak, degree_histogram, distance_peaks
from xtalgraph.graphs.strategies import Strategy, strategy_spec

SHELL_GAP = 0.1
"""A shell ends at the first gap wider than this part of the nearest distance."""
_SHELL_CUTOFF = 6.0
"""How far the first shell is looked for, whatever the graph's own cutoff, Å."""


@dataclass(frozen=True)
class Site:
    """One atom: its element and its first coordination shell."""

    element: str
    """Symbol."""
    coordination: int
    """Number of neighbours in the first shell."""
    shell: str
    """The neighbours' elements, ``Cl6``."""
    nearest: float | None
    """Distance of the nearest neighbour, Å; None where there is none within 6 Å."""
    degree: int
    """Number of edges of the graph that start here."""
    atom_class: int
    """Which class of `ReducedSize.classes` it belongs to; its own where nothing is reduced."""


@dataclass(frozen=True)
class AtomClass:
    """Atoms that no invariant message passing can tell apart."""

    element: str
    """Symbol."""
    multiplicity: int
    """How many atoms of the cell."""


@dataclass(frozen=True)
class ReducedSize:
    """The graph after the symmetry reduction, in numbers."""

    tolerance: float
    """Largest span of merged distances, Å."""
    num_atoms: int
    """Atoms that are left, one for each class."""
    num_edges: int
    """Directed edges that are left."""
    classes: list[AtomClass]
    """In the order of their first atoms."""


@dataclass(frozen=True)
class GraphSummary:
    """The graph of one crystal, in numbers and words."""

    formula: str
    """Of all atoms in the cell: ``Na4Cl4``."""
    reduced_formula: str
    """In the smallest whole numbers: ``NaCl``."""
    strategy: str
    """Which pairs are neighbours, in the word that `parse_strategy` reads."""
    rule: str
    """The same in words."""
    cutoff: float
    """No edge is longer, Å."""
    num_atoms: int | float
    """Atoms in the cell; a site that is half empty counts half."""
    num_edges: int
    degrees: list[int]
    """Edges of each atom, in the order of the file."""
    degree_histogram: list[int]
    """How many atoms have 0, 1, 2, ... edges, up to the largest degree."""
    reduced: ReducedSize | None
    """What the symmetry reduction leaves; None where nothing is reduced."""
    sites: list[Site]
    """One for each atom."""
    num_bonds: int
    """Bonds of the first shells, each counted once: what pictures draw, whatever the edges are."""
    components: int
    """Pieces into which the graph falls; 1 is whole."""
    shortest: float | None
    """Shortest edge, Å."""
    longest: float | None
    """Longest edge, Å."""
    volume: float
    """Of the cell, Å³."""
    pbc: list[bool]
    """Which lattice directions repeat."""
    peaks: list[Peak]
    """Of the distances up to 6 Å, whatever the graph keeps."""
    warnings: list[str]
    """What to beware of."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def bonds_of(crystal: Crystal) -> Edges:
    """Return the edges of the first coordination shells, which pictures show as bonds."""
    near = neighbors_within(crystal, _SHELL_CUTOFF)
    return near.select(first_shell(near, len(crystal)))


def summarize(
    crystal: Crystal, strategy: Strategy, reduction_tolerance: float = DEFAULT_TOLERANCE
) -> GraphSummary:
    """Build the graph of a crystal and describe it.

    Args:
        crystal: Checked.
        strategy: Which pairs are neighbours.
        reduction_tolerance: Distances this close are merged, Å; 0 keeps the full graph,
            as it is.

    Raises:
        GraphError: If the strategy refuses the crystal.
        ConfigError: If the tolerance is below 0, or larger than 1.
    """
    graph = build_graph(crystal, strategy)
    degrees = [int(degree) for degree in graph.degree]
    reduced, kind = _reduced(graph, crystal.site_labels, reduction_tolerance)
    sites = _sites(crystal, degrees, kind)
    components = count_pieces(graph.center.numpy(), graph.neighbor.numpy(), len(crystal))
    return GraphSummary(
        formula=crystal.formula,
        reduced_formula=reduced_formula(crystal),
        strategy=strategy_spec(strategy),
        rule=strategy.rule,
        cutoff=strategy.cutoff,
        num_atoms=crystal.num_atoms,
        num_edges=len(graph.center),
        degrees=degrees,
        degree_histogram=degree_histogram(graph).tolist(),
        reduced=reduced,
        sites=sites,
        num_bonds=sum(site.coordination for site in sites) // 2,
        components=components,
        shortest=float(graph.distance.min()) if len(graph.center) else None,
        longest=float(graph.distance.max()) if len(graph.center) else None,
        volume=crystal.volume,
        pbc=crystal.pbc.tolist(),
        peaks=distance_peaks(crystal),
        warnings=_warnings(degrees, components, strategy.cutoff),
    )


def _reduced(
    graph: CrystalGraph, labels: list[str], tolerance: float
) -> tuple[ReducedSize | None, Int[np.ndarray, " atoms"]]:
    """Return what the reduction leaves, and the class of each atom."""
    if tolerance == 0:
        return None, np.arange(len(graph.number))
    merged = merge_geometry(graph, tolerance)
    kind, small = atom_classes(merged), merge_equivalent(merged)
    classes = [
        AtomClass(labels[int(np.argmax(kind == row))], multiplicity)
        for row, multiplicity in enumerate(small.atom_multiplicity.tolist())
    ]
    return ReducedSize(tolerance, len(small.number), len(small.center), classes), kind


def _sites(crystal: Crystal, degrees: list[int], kind: Int[np.ndarray, " atoms"]) -> list[Site]:
    shell = bonds_of(crystal)
    sites = []
    for index, label in enumerate(crystal.site_labels):
        mine = shell.center == index
        kinds = Counter(crystal.site_labels[other] for other in shell.neighbor[mine].tolist())
        named = {s if s.isalpha() else f"({s})": n for s, n in kinds.items()}
        words = "".join(f"{s}{n if n > 1 else ''}" for s, n in sorted(named.items()))
        nearest = float(shell.distance[mine].min()) if mine.any() else None
        count, degree = int(mine.sum()), degrees[index]
        sites.append(Site(label, count, words, nearest, degree, int(kind[index])))
    return sites


def count_pieces(
    center: Int[np.ndarray, " edges"], neighbor: Int[np.ndarray, " edges"], num_atoms: int
) -> int:
    """Return the number of pieces into which a graph falls; an atom alone is one."""
    ones = np.ones(len(center), dtype=np.int8)
    links = coo_array((ones, (center, neighbor)), shape=(num_atoms, num_atoms))
    return int(connected_components(links, directed=False)[0])


def _warnings(degrees: list[int], components: int, cutoff: float) -> list[str]:
    warnings = []
    alone = degrees.count(0)
    if alone:
        warnings.append(
            f"{alone} of {len(degrees)} atoms have no neighbour within {cutoff:g} Å: a model "
            "knows them by their element alone"
        )
    if components > 1:
        warnings.append(
            f"the graph falls into {components} pieces that exchange no messages at a cutoff of "
            f"{cutoff:g} Å"
        )
    return warnings


def first_shell(edges: Edges, num_atoms: int) -> Bool[np.ndarray, " edges"]:
    """Mark the edges of the first coordination shells, each with its reverse.

    Sorted by distance, the shell of an atom ends before the first gap between neighbours that is
    wider than a tenth of its nearest distance. In rock salt that gives 6, in bcc 8, in fcc 12.

    Where two atoms disagree, the bond is there for both: in SrTiO3 the 12 O of Sr are bonds of
    these O, too, which so have 2 Ti and 4 Sr. Bonds counted from the cations are then as many as
    from the anions, as coordination numbers demand (A. F. Wells, Structural Inorganic Chemistry);
    bonds that both ends have alone would leave Sr without any. pymatgen's StructureGraph does the
    same with what its finders say of single sites.

    Args:
        edges: Of one crystal, sorted by center; must reach beyond the first shell.
        num_atoms: Atoms of the crystal.
    """
    inside = np.zeros(len(edges), dtype=bool)
    counts = np.bincount(edges.center, minlength=num_atoms)
    order = np.lexsort((edges.distance, edges.center))
    for stop, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
        mine = order[stop - count : stop]
        distance = edges.distance[mine]
        if count:
            gaps = np.flatnonzero(np.diff(distance) > SHELL_GAP * distance[0])
            inside[mine[: gaps[0] + 1 if len(gaps) else count]] = True
    return _with_reverse(edges, inside)


def _with_reverse(edges: Edges, inside: Bool[np.ndarray, " edges"]) -> Bool[np.ndarray, " edges"]:
    """Mark the reverse of what is marked; what has none is not marked."""
    there = np.column_stack([edges.center, edges.neighbor, edges.image])
    back = np.column_stack([edges.neighbor, edges.center, -edges.image])
    _, name = np.unique(np.concatenate([there, back]), axis=0, return_inverse=True)
    forward, backward = np.split(name.reshape(-1), 2)
    marked, present = np.zeros((2, len(name) + 1), dtype=bool)
    marked[forward[inside]] = True
    present[forward] = True
    return (inside | marked[backward]) & present[backward]


@dataclass(frozen=True)
class GraphSize:
    """What one strategy makes of one crystal, in numbers."""

    strategy: str
    """In one word, as `parse_strategy` reads it."""
    num_edges: int
    degrees: list[int]
    """Edges of each atom, in the order of the file."""
    longest: float | None
    """Longest edge, Å; None where there is none."""
    components: int
    """Pieces into which the graph falls; 1 is whole."""
    reduced_atoms: int | None
    """Atoms after the symmetry reduction; None where nothing is reduced."""
    reduced_edges: int | None
    """Edges after it."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def compare_strategies(
    crystal: Crystal, strategies: Sequence[Strategy], reduction_tolerance: float = DEFAULT_TOLERANCE
) -> list[GraphSize | str]:
    """Build the graph of a crystal with each strategy and measure it.

    Args:
        crystal: Checked.
        strategies: In the order of the result.
        reduction_tolerance: Distances this close are merged, Å; 0 keeps the full graph.

    Returns:
        One for each strategy; the reason where the strategy raises `GraphError`.
    """
    return [_measure(crystal, strategy, reduction_tolerance) for strategy in strategies]


def _measure(crystal: Crystal, strategy: Strategy, tolerance: float) -> GraphSize | str:
    word = strategy_spec(strategy)
    try:
        graph = build_graph(crystal, strategy)
    except GraphError as error:
        return str(error)
    reduced = reduce_graph(graph, tolerance) if tolerance != 0 else None
    pieces = count_pieces(graph.center.numpy(), graph.neighbor.numpy(), len(crystal))
    return GraphSize(
        strategy=word,
        num_edges=len(graph.center),
        degrees=[int(degree) for degree in graph.degree],
        longest=float(graph.distance.max()) if len(graph.center) else None,
        components=pieces,
        reduced_atoms=None if reduced is None else len(reduced.number),
        reduced_edges=None if reduced is None else len(reduced.center),
    )
