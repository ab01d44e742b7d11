"""How large the graphs of many crystals are: full, folded, and reduced by space group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float
from tqdm import tqdm

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.asymmetric_unit import (
    DEFAULT_SYMPREC,
    SpaceGroup,
    asymmetric_unit,
    find_space_group,
)
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import collate
from xtalgraph.graphs.neighbors import Edges
from xtalgraph.graphs.reduction import DEFAULT_TOLERANCE, reduce_graph
from xtalgraph.graphs.strategies import Strategy, strategy_spec

_PART: Final = 512
"""Crystals whose graphs are held in full at a time."""


@dataclass(frozen=True)
class Misfit:
    """A crystal that could not be treated like the others."""

    place: int
    """Of the crystal in what was given."""
    reason: str
    """Why not."""


@dataclass(frozen=True)
class MeanSizes:
    """What one strategy makes of the crystals; sizes are means over those that it took."""

    strategy: str
    """In one word, as `parse_strategy` reads it."""
    crystals: int
    """How many it took."""
    refused: tuple[Misfit, ...]
    """Those it did not take."""
    atoms: float
    """Atoms of the full graph."""
    folded_atoms: float
    """Atoms after the symmetry reduction."""
    unit_atoms: float
    """Atoms of the asymmetric unit: orbits of the space group."""
    edges: float
    """Directed edges of the full graph."""
    folded_edges: float
    """Edges after the symmetry reduction."""
    unit_edges: float
    """Edges that start in the asymmetric unit, which coGN keeps."""
    edge_orbits: float
    """Edges of which none is the image of another under the space group."""


@dataclass(frozen=True)
class Survey:
    """The sizes of many crystals' graphs under several strategies."""

    fold_tolerance: float
    """Largest span of merged distances, Å."""
    symprec: float
    """How far an operation may miss an atom, Å."""
    sizes: tuple[MeanSizes, ...]
    """One for each strategy."""
    without_group: tuple[Misfit, ...]
    """Crystals of which no space group was found; they count as P1."""


def survey_graphs(
    crystals: Sequence[Crystal],
    strategies: Sequence[Strategy],
    fold_tolerance: float = DEFAULT_TOLERANCE,
    symprec: float = DEFAULT_SYMPREC,
    *,
    progress: bool = False,
) -> Survey:
    """Build the graphs of many crystals part by part, reduce them both ways, and keep the sizes.

    Args:
        crystals: Checked.
        strategies: In the order of the result.
        fold_tolerance: Distances this close are merged before a graph is folded, Å.
        symprec: How far an operation of a space group may miss an atom, Å.
        progress: Show a progress bar on standard error.

    Raises:
        ConfigError: If a tolerance is not larger than 0.
    """
    counts: list[list[Float[np.ndarray, "7"]]] = [[] for _ in strategies]
    refused: list[list[Misfit]] = [[] for _ in strategies]
    without_group: list[Misfit] = []
    with tqdm(total=len(crystals), desc="graphs", unit="crystal", disable=not progress) as bar:
        for start in range(0, len(crystals), _PART):
            part = list(crystals[start : start + _PART])
            groups, unknown = _space_groups(part, start, symprec)
            without_group += unknown
            for which, strategy in enumerate(strategies):
                sizes, misfits = _measure(part, groups, start, strategy, fold_tolerance)
                counts[which].append(sizes)
                refused[which] += misfits
            bar.update(len(part))
    found = tuple(
        _means(strategy, len(crystals) - len(misfits), sum(sizes, np.zeros(7)), tuple(misfits))
        for strategy, sizes, misfits in zip(strategies, counts, refused, strict=True)
    )
    return Survey(fold_tolerance, symprec, found, tuple(without_group))


def _space_groups(
    crystals: list[Crystal], start: int, symprec: float
) -> tuple[list[SpaceGroup], list[Misfit]]:
    groups, misfits = [], []
    for place, crystal in enumerate(crystals, start):
        try:
            groups.append(find_space_group(crystal, symprec))
        except GraphError as error:
            groups.append(SpaceGroup.trivial(len(crystal)))
            misfits.append(Misfit(place, str(error)))
    return groups, misfits


def _measure(
    crystals: list[Crystal],
    groups: list[SpaceGroup],
    start: int,
    strategy: Strategy,
    fold_tolerance: float,
) -> tuple[Float[np.ndarray, "7"], list[Misfit]]:
    """Return the sums of the sizes, in the order of `MeanSizes`, and who was refused."""
    graphs: list[CrystalGraph] = []
    units = np.zeros(3)
    misfits = []
    for place, (crystal, group) in enumerate(zip(crystals, groups, strict=True), start):
        try:
            graph = build_graph(crystal, strategy)
        except GraphError as error:
            misfits.append(Misfit(place, str(error)))
            continue
        graphs.append(graph)
        arrays = (graph.center, graph.neighbor, graph.image, graph.distance)
        unit = asymmetric_unit(group, Edges(*(array.numpy() for array in arrays)))
        units += [unit.num_atoms, int(unit.kept.sum()), unit.num_edges]
    if not graphs:
        return np.zeros(7), misfits
    full = collate(graphs)
    small = reduce_graph(full, fold_tolerance)
    atoms = [len(full.number), len(small.number), units[0]]
    edges = [len(full.center), len(small.center), units[1], units[2]]
    return np.array([*atoms, *edges], dtype=np.float64), misfits


def _means(
    strategy: Strategy, crystals: int, sums: Float[np.ndarray, "7"], refused: tuple[Misfit, ...]
) -> MeanSizes:
    means = (sums / max(crystals, 1)).tolist()
    return MeanSizes(strategy_spec(strategy), crystals, refused, *means)
