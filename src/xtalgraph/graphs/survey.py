"""How large the graphs of many crystals are: full, reduced, and of their asymmetric units."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tqdm import tqdm

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.asymmetric_unit import (
    DEFAULT_SYMPREC,
    SpaceGroup,
    asymmetric_unit,
    find_space_group,
)
from xtalgraph.graphs.build import UnsupportedStructure, build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import collate
from xtalgraph.graphs.neighbors import Edges
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, reduce_graph
from xtalgraph.graphs.strategies import Strategy, strategy_spec

_PART: Final = 512
"""Crystals whose graphs are held in full at a time."""


@dataclass(frozen=True)
class MeanSizes:
    """What one strategy makes of the crystals.

    Sizes are means over those that it took, None where there are none to take the mean of.
    """

    strategy: str
    """In one word, as `parse_strategy` reads it."""
    crystals: int
    """How many it took."""
    unsupported: tuple[UnsupportedStructure, ...]
    """Those it did not take."""
    atoms: float | None
    """Atoms of the full graph."""
    edges: float | None
    """Directed edges of the full graph."""
    reduced_atoms: float | None
    """Atoms after the symmetry reduction; None where nothing is reduced."""
    reduced_edges: float | None
    """Edges after it."""
    grouped: int
    """How many of the crystals have a space group; what follows is over these alone."""
    grouped_edges: float | None
    """Directed edges of the full graph."""
    unit_atoms: float | None
    """Atoms of the asymmetric unit: orbits of the space group."""
    unit_edges: float | None
    """Edges that start in the asymmetric unit, which coGN keeps."""
    edge_orbits: float | None
    """Edges of which none is the image of another under the space group."""


@dataclass(frozen=True)
class SizeSurvey:
    """The sizes of many crystals' graphs under several strategies."""

    reduction_tolerance: float
    """Largest span of merged distances, Å; 0 where nothing was reduced."""
    symprec: float
    """How far an operation may miss an atom, Å."""
    sizes: tuple[MeanSizes, ...]
    """One for each strategy."""
    without_group: tuple[UnsupportedStructure, ...]
    """Crystals that have no space group, not being periodic in all directions, or of which none
    was found."""


def survey_graphs(
    crystals: Sequence[Crystal],
    strategies: Sequence[Strategy],
    reduction_tolerance: float = DEFAULT_TOLERANCE,
    symprec: float = DEFAULT_SYMPREC,
    *,
    progress: bool = False,
) -> SizeSurvey:
    """Build the graphs of many crystals part by part, reduce them both ways, and keep the sizes.

    Args:
        crystals: Checked.
        strategies: In the order of the result.
        reduction_tolerance: Distances this close are merged, Å; 0 keeps the full graph.
        symprec: How far an operation of a space group may miss an atom, Å.
        progress: Show a progress bar on standard error.

    Raises:
        ConfigError: If symprec is not larger than 0, or the tolerance below 0 or larger than 1.
    """
    totals: list[Counter[str]] = [Counter() for _ in strategies]
    unsupported: list[list[UnsupportedStructure]] = [[] for _ in strategies]
    without_group: list[UnsupportedStructure] = []
    with tqdm(total=len(crystals), desc="graphs", unit="crystal", disable=not progress) as bar:
        for start in range(0, len(crystals), _PART):
            part = list(crystals[start : start + _PART])
            groups, unknown = _space_groups(part, start, symprec)
            without_group += unknown
            for which, strategy in enumerate(strategies):
                measured, refusals = _measure(part, groups, start, strategy, reduction_tolerance)
                totals[which].update(measured)
                unsupported[which] += refusals
            bar.update(len(part))
    sizes = tuple(
        _means(strategy, total, tuple(refusals))
        for strategy, total, refusals in zip(strategies, totals, unsupported, strict=True)
    )
    return SizeSurvey(reduction_tolerance, symprec, sizes, tuple(without_group))


def _space_groups(
    crystals: list[Crystal], start: int, symprec: float
) -> tuple[list[SpaceGroup | None], list[UnsupportedStructure]]:
    groups: list[SpaceGroup | None] = []
    refusals = []
    for index, crystal in enumerate(crystals, start):
        try:
            groups.append(find_space_group(crystal, symprec))
        except GraphError as error:
            groups.append(None)
            refusals.append(UnsupportedStructure(index, str(error)))
    return groups, refusals


def _measure(
    crystals: list[Crystal],
    groups: list[SpaceGroup | None],
    start: int,
    strategy: Strategy,
    reduction_tolerance: float,
) -> tuple[Counter[str], list[UnsupportedStructure]]:
    """Return the sums of the sizes, by their names in `MeanSizes`, and who was refused."""
    graphs: list[CrystalGraph] = []
    total, refusals = Counter[str](), []
    for index, (crystal, group) in enumerate(zip(crystals, groups, strict=True), start):
        try:
            graph = build_graph(crystal, strategy)
        except GraphError as error:
            refusals.append(UnsupportedStructure(index, str(error)))
            continue
        graphs.append(graph)
        if group is not None:
            arrays = (graph.center, graph.neighbor, graph.image, graph.distance)
            unit = asymmetric_unit(group, Edges(*(array.numpy() for array in arrays)))
            total.update(grouped=1, grouped_edges=len(graph.center), edge_orbits=unit.num_edges)
            total.update(unit_atoms=unit.num_atoms, unit_edges=int(unit.kept.sum()))
    if graphs:
        full = collate(graphs)
        total.update(crystals=len(graphs), atoms=len(full.number), edges=len(full.center))
        if reduction_tolerance != 0:
            small = reduce_graph(full, reduction_tolerance)
            total.update(reduced_atoms=len(small.number), reduced_edges=len(small.center))
    return total, refusals


def _means(
    strategy: Strategy, total: Counter[str], unsupported: tuple[UnsupportedStructure, ...]
) -> MeanSizes:
    def means(*keys: str, over: str) -> dict[str, float | None]:
        return {key: total[key] / total[over] if key in total else None for key in keys}

    return MeanSizes(
        strategy=strategy_spec(strategy),
        crystals=total["crystals"],
        unsupported=unsupported,
        grouped=total["grouped"],
        **means("atoms", "edges", "reduced_atoms", "reduced_edges", over="crystals"),
        **means("grouped_edges", "unit_atoms", "unit_edges", "edge_orbits", over="grouped"),
    )
