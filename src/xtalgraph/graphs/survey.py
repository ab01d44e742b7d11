"""How large the graphs of many crystals are: full, reduced, and of their asymmetric units."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
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
    totals = [_Totals() for _ in strategies]
    unsupported: list[list[UnsupportedStructure]] = [[] for _ in strategies]
    without_group: list[UnsupportedStructure] = []
    with tqdm(total=len(crystals), desc="graphs", unit="crystal", disable=not progress) as bar:
        for start in range(0, len(crystals), _PART):
            part = list(crystals[start : start + _PART])
            groups, unknown = _space_groups(part, start, symprec)
            without_group += unknown
            for which, strategy in enumerate(strategies):
                measured, refusals = _measure(part, groups, start, strategy, reduction_tolerance)
                totals[which] = totals[which].plus(measured)
                unsupported[which] += refusals
            bar.update(len(part))
    sizes = tuple(
        _means(strategy, total, tuple(refusals), reduction_tolerance)
        for strategy, total, refusals in zip(strategies, totals, unsupported, strict=True)
    )
    return SizeSurvey(reduction_tolerance, symprec, sizes, tuple(without_group))


@dataclass(frozen=True)
class _Totals:
    """Sums of sizes, over the crystals that have a graph and over those with a space group too."""

    crystals: int = 0
    atoms: int = 0
    edges: int = 0
    reduced_atoms: int = 0
    reduced_edges: int = 0
    grouped: int = 0
    grouped_edges: int = 0
    unit_atoms: int = 0
    unit_edges: int = 0
    edge_orbits: int = 0

    def plus(self, other: "_Totals") -> "_Totals":
        return _Totals(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


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
) -> tuple[_Totals, list[UnsupportedStructure]]:
    """Return the sums of the sizes, and who was refused."""
    graphs: list[CrystalGraph] = []
    total, refusals = _Totals(), []
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
            total = total.plus(
                _Totals(
                    grouped=1,
                    grouped_edges=len(graph.center),
                    unit_atoms=unit.num_atoms,
                    unit_edges=int(unit.kept.sum()),
                    edge_orbits=unit.num_edges,
                )
            )
    if not graphs:
        return total, refusals
    full = collate(graphs)
    small = reduce_graph(full, reduction_tolerance) if reduction_tolerance != 0 else full
    sizes = _Totals(
        crystals=len(graphs),
        atoms=len(full.number),
        edges=len(full.center),
        reduced_atoms=len(small.number),
        reduced_edges=len(small.center),
    )
    return total.plus(sizes), refusals


def _means(
    strategy: Strategy,
    total: _Totals,
    unsupported: tuple[UnsupportedStructure, ...],
    reduction_tolerance: float,
) -> MeanSizes:
    def mean(amount: int, crystals: int) -> float | None:
        return amount / crystals if crystals else None

    reduced = total.crystals if reduction_tolerance != 0 else 0
    return MeanSizes(
        strategy=strategy_spec(strategy),
        crystals=total.crystals,
        unsupported=unsupported,
        atoms=mean(total.atoms, total.crystals),
        edges=mean(total.edges, total.crystals),
        reduced_atoms=mean(total.reduced_atoms, reduced),
        reduced_edges=mean(total.reduced_edges, reduced),
        grouped=total.grouped,
        grouped_edges=mean(total.grouped_edges, total.grouped),
        unit_atoms=mean(total.unit_atoms, total.grouped),
        unit_edges=mean(total.unit_edges, total.grouped),
        edge_orbits=mean(total.edge_orbits, total.grouped),
    )
