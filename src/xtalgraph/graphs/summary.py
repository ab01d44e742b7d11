"""What a person wants to know of a crystal's graph."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import Edges, neighbors_within
from xtalgraph.graphs.shells import first_shell
from xtalgraph.graphs.strategies import Strategy

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


@dataclass(frozen=True)
class GraphSummary:
    """The graph of one crystal, in numbers and words."""

    formula: str
    """Unreduced."""
    num_atoms: int
    """Atoms in the cell."""
    num_edges: int
    """Directed edges."""
    degrees: list[int]
    """Edges of each atom, in the order of the file."""
    sites: list[Site]
    """One for each atom."""
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
    warnings: list[str]
    """What to beware of."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def bonds_of(crystal: Crystal) -> Edges:
    """Return the edges of the first coordination shells, which pictures show as bonds."""
    near = neighbors_within(crystal, _SHELL_CUTOFF)
    return near.select(first_shell(near, len(crystal)))


def summarize(crystal: Crystal, strategy: Strategy) -> GraphSummary:
    """Build the graph of a crystal and describe it.

    Args:
        crystal: Checked.
        strategy: Which pairs are neighbours.
    """
    edges, shell = strategy.edges(crystal), bonds_of(crystal)
    degrees = np.bincount(edges.center, minlength=len(crystal)).tolist()
    sites = []
    for index, number in enumerate(crystal.numbers.tolist()):
        mine = shell.center == index
        kinds = Counter(SYMBOLS[z] for z in crystal.numbers[shell.neighbor[mine]].tolist())
        words = "".join(f"{s}{n if n > 1 else ''}" for s, n in sorted(kinds.items()))
        nearest = float(shell.distance[mine].min()) if mine.any() else None
        sites.append(Site(SYMBOLS[number], int(mine.sum()), words, nearest, degrees[index]))
    components = count_pieces(edges.center, edges.neighbor, len(crystal))
    return GraphSummary(
        formula=crystal.formula,
        num_atoms=len(crystal),
        num_edges=len(edges),
        degrees=degrees,
        sites=sites,
        components=components,
        shortest=float(edges.distance.min()) if len(edges) else None,
        longest=float(edges.distance.max()) if len(edges) else None,
        volume=crystal.volume,
        pbc=crystal.pbc.tolist(),
        warnings=_warnings(degrees, components, strategy.cutoff),
    )


def count_pieces(
    center: Int[np.ndarray, " edges"], neighbor: Int[np.ndarray, " edges"], num_atoms: int
) -> int:
    """Return the number of pieces into which a graph falls; an atom alone is one."""
    ones = np.ones(len(center), dtype=np.int8)
    links = coo_array((ones, (center, neighbor)), shape=(num_atoms, num_atoms))
    return int(connected_components(links, directed=False)[0])


def _warnings(degrees: list[int], components: int, cutoff: float) -> list[str]:
    found = []
    alone = degrees.count(0)
    if alone:
        found.append(
            f"{alone} of {len(degrees)} atoms have no neighbour within {cutoff:g} Å: a model "
            "knows them by their element alone"
        )
    if components > 1:
        found.append(
            f"the graph falls into {components} pieces that exchange no messages at a cutoff of "
            f"{cutoff:g} Å"
        )
    return found
