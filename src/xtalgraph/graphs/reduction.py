"""Symmetry reduction: one atom for all that no invariant message passing can tell apart."""

import dataclasses
from typing import Final

import numpy as np
import torch
from jaxtyping import Int, UInt64
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.hashing import mix, segment_totals
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.graphs.merging import group_values

DEFAULT_TOLERANCE: Final = 1e-3
"""Distances this close are merged, Å; what that costs is in docs/reduction.md."""
_SLACK = 1e-9
"""What a group of distances may span beyond the tolerance, Å, so that rounding does not decide."""


def reduce_graph(graph: Graph, tolerance: float = DEFAULT_TOLERANCE) -> InvariantGraph:
    """Merge nearly equal distances, then fold what symmetry makes equal.

    The result gives an invariant model the same features as ``merge_distances(graph,
    tolerance)``, to rounding. A supercell gives the graph of its primitive cell, to rounding.

    Args:
        graph: Any number of crystals, on the CPU.
        tolerance: Largest span of a group of merged distances, Å.

    Raises:
        ConfigError: If the tolerance is not larger than 0.

    Example:
        >>> import numpy as np
        >>> from xtalgraph.crystals.crystal import Crystal
        >>> from xtalgraph.graphs.build import build_graph
        >>> from xtalgraph.graphs.strategies import Radius
        >>> cube = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
        >>> sites = np.concatenate([cube, cube + 0.5])
        >>> numbers = np.array([11] * 4 + [17] * 4)
        >>> salt = Crystal.from_fractional(5.64 * np.eye(3), sites, numbers)
        >>> reduce_graph(build_graph(salt, Radius(4.0)))
        InvariantGraph(1 crystals, 2 atoms, 4 edges, torch.float64, cpu)
    """
    return fold(merge_distances(graph, tolerance))


def merge_distances(graph: Graph, tolerance: float) -> InvariantGraph:
    """Replace nearly equal distances by their mean; atoms and edges stay as they are.

    In each crystal the distances between two given elements are sorted, and cut into groups
    from the smallest on: a group takes every distance at most ``tolerance`` longer than its
    first, so it spans no more than the tolerance. Each distance becomes the mean over its group,
    weighted by multiplicity. Which distances belong together depends on nothing but the
    distances themselves, hence neither on the order of the atoms nor on the cell. A distance
    within 1e-9 Å of the end of a group may go either way.

    Args:
        graph: Any number of crystals, on the CPU.
        tolerance: Largest span of a group, Å.

    Raises:
        ConfigError: If the tolerance is not larger than 0.
    """
    if not (np.isfinite(tolerance) and tolerance > 0):
        raise ConfigError(f"the tolerance of merging must be larger than 0 Å, got {tolerance}")
    center, neighbor = graph.center.numpy(), graph.neighbor.numpy()
    number, distance = graph.number.numpy(), graph.distance.double().numpy()
    edges = graph.edge_multiplicity.numpy()
    one, other = number[center], number[neighbor]
    pair = (np.minimum(one, other) << 8) + np.maximum(one, other)
    family = (graph.crystal_of_edge.numpy() << 16) + pair
    group = group_values(distance, family, tolerance + _SLACK)
    weight = (edges * graph.atom_multiplicity.numpy()[center]).astype(np.float64)
    mean = np.bincount(group, weight * distance) / np.bincount(group, weight)
    kept = {field.name: getattr(graph, field.name) for field in dataclasses.fields(Graph)}
    return InvariantGraph(
        **kept,
        distance=torch.from_numpy(mean[group]).to(graph.distance.dtype),
        atom_multiplicity=graph.atom_multiplicity,
        edge_multiplicity=graph.edge_multiplicity,
    )


def fold(graph: InvariantGraph) -> InvariantGraph:
    """Fold atoms with equal surroundings, and the edges that this makes equal.

    Colour refinement: atoms begin with their element for a colour; in each round an atom's
    colour is joined by the multiset of (colour of the neighbour, distance) over its edges; the
    rounds end when the number of colours no longer grows. Atoms of one colour get the same
    features from any message passing on elements and distances, however deep. Distances count
    as equal to the bit: merge them first.

    Colours are 64-bit hashes: two atoms that differ get the same one with a probability of
    5e-20.

    Args:
        graph: Any number of crystals, on the CPU.

    Returns:
        One atom for each colour, one edge for each (colour, colour of the neighbour, distance),
        in the order of the first atom of each colour.

    Source: Weisfeiler and Leman, Nauchno-Tekhnicheskaya Informatsia 2 (9), 12 (1968), for the
    refinement; Ruff et al., Digital Discovery 3, 594 (2024), doi 10.1039/d4dd00018h, for
    folding the crystal graph, there by its space group.
    """
    owner, atoms = graph.crystal_of_atom.numpy(), graph.atom_multiplicity.numpy()
    first, kind = _classes(_refine(graph))
    chosen = np.zeros(len(kind), dtype=bool)
    chosen[first] = True

    center = graph.center.numpy()
    kept = np.flatnonzero(chosen[center])
    distance = graph.distance.numpy()[kept]
    ends = kind[center[kept]], kind[graph.neighbor.numpy()[kept]]
    order = np.lexsort((distance, *ends[::-1]))
    keys = [key[order] for key in (*ends, distance)]
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts = np.flatnonzero(new)
    edges = graph.edge_multiplicity.numpy()[kept][order]
    folded_center = keys[0][starts]

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values))

    return InvariantGraph(
        num_atoms=tensor(np.bincount(owner[first], minlength=len(graph))),
        num_edges=tensor(np.bincount(owner[first][folded_center], minlength=len(graph))),
        number=tensor(graph.number.numpy()[first]),
        center=tensor(folded_center),
        neighbor=tensor(keys[1][starts]),
        distance=tensor(keys[2][starts]),
        atom_multiplicity=tensor(np.bincount(kind, weights=atoms).astype(np.int64)),
        edge_multiplicity=tensor(np.add.reduceat(edges, starts) if len(starts) else edges),
    )


def _refine(graph: InvariantGraph) -> UInt64[np.ndarray, " atoms"]:
    """Return the stable colours of the atoms; those of different crystals differ."""
    crystal = graph.crystal_of_atom.numpy().astype(np.uint64)
    colour = mix(mix(crystal) + graph.number.numpy().astype(np.uint64))
    label = mix(graph.distance.double().numpy().view(np.uint64))
    edges = graph.edge_multiplicity.numpy().astype(np.uint64)
    neighbor, degree = graph.neighbor.numpy(), np.bincount(graph.center, minlength=len(colour))
    count, before = len(np.unique(colour)), 0
    while before < count < len(colour):
        seen = segment_totals(mix(colour[neighbor] ^ label) * edges, degree)
        colour = mix(colour + mix(seen))
        before, count = count, len(np.unique(colour))
    return colour


def _classes(
    colour: UInt64[np.ndarray, " atoms"],
) -> tuple[Int[np.ndarray, " classes"], Int[np.ndarray, " atoms"]]:
    """Number the colours by their first atom; return those atoms, and the class of each atom."""
    _, first, inverse = np.unique(colour, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.sort(first), rank[inverse]
