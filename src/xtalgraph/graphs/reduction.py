"""Symmetry reduction: one atom for all that no invariant message passing can tell apart."""

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt64
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.graphs.shares import mix, rows_of_atoms, site_colours, site_kinds

DEFAULT_TOLERANCE: Final = 1e-3
"""Distances this close are merged, Å, and cosines; the cost is in docs/reduction.md."""
_LARGEST: Final = 1.0
"""Å; as far apart as the atoms of a bond."""
_GRID: Final = 1e-10
"""Numbers are compared in units of this, so that a batch decides as its parts do."""
_SLACK = 1e-9
"""What a group may span beyond the tolerance, so that rounding does not decide."""


def reduce_graph(graph: Graph, tolerance: float = DEFAULT_TOLERANCE) -> InvariantGraph:
    """Merge nearly equal distances and angles, then what symmetry makes equal.

    The result gives an invariant model the same features as ``merge_geometry(graph,
    tolerance)``, to rounding. A supercell gives the graph of its primitive cell, to rounding.

    Args:
        graph: Any number of crystals, on the CPU.
        tolerance: Largest span of a group of merged distances, Å, and of merged cosines.

    Raises:
        ConfigError: If the tolerance is not larger than 0, or larger than 1.

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
    return merge_equivalent(merge_geometry(graph, tolerance))


def merge_geometry(graph: Graph, tolerance: float) -> InvariantGraph:
    """Replace nearly equal distances, and nearly equal angles, by their mean, and nothing else.

    In each crystal the distances between two given elements are sorted, and cut into groups
    from the smallest on: a group takes every distance at most ``tolerance`` longer than its
    first, so it spans no more than the tolerance. Each distance becomes the mean over its group,
    weighted by multiplicity. Which distances belong together depends on nothing but the
    distances themselves, hence neither on the order of the atoms nor on the cell. A distance
    within 1e-9 Å of the end of a group may go either way.

    Cosines of angles are then merged in the same way, among the triplets of a crystal whose atom
    in the middle is of one element and whose two edges are of the same two merged distances.

    Args:
        graph: Any number of crystals, on the CPU.
        tolerance: Largest span of a group, Å for distances, a number for cosines.

    Raises:
        ConfigError: If the tolerance is not larger than 0, or larger than 1.
    """
    if not 0 < tolerance <= _LARGEST:
        raise ConfigError(
            "the tolerance of merging must be larger than 0 Å and at most "
            f"{_LARGEST:g} Å, got {tolerance}"
        )
    center, neighbor = graph.center.numpy(), graph.neighbor.numpy()
    number, distance = site_kinds(graph), graph.distance.double().numpy()
    weight = graph.edge_multiplicity.numpy() * graph.atom_multiplicity.numpy()[center]
    center_number, neighbor_number = number[center], number[neighbor]
    kinds = int(number.max(initial=0)) + 1
    pair = np.minimum(center_number, neighbor_number) * kinds + np.maximum(
        center_number, neighbor_number
    )
    family = graph.crystal_of_edge.numpy() * kinds**2 + pair
    group = group_values(distance, family, tolerance + _SLACK)

    receiving, sending = graph.receiving_edge.numpy(), graph.sending_edge.numpy()
    first, second = group[receiving], group[sending]
    lengths = np.minimum(first, second) * len(group) + np.maximum(first, second)
    middle = lengths * kinds + number[center[sending]]
    cosine = graph.cosine.double().numpy()
    bent = group_values(1.0 - cosine, middle, tolerance + _SLACK)
    kept = {field.name: getattr(graph, field.name) for field in dataclasses.fields(Graph)}
    return InvariantGraph(
        **kept,
        distance=_group_means(distance, group, weight).to(graph.distance.dtype),
        atom_multiplicity=graph.atom_multiplicity,
        edge_multiplicity=graph.edge_multiplicity,
        cosine=_group_means(
            cosine, bent, graph.triplet_multiplicity.numpy() * weight[receiving]
        ).to(graph.cosine.dtype),
        triplet_multiplicity=graph.triplet_multiplicity,
    )


def merge_equivalent(graph: InvariantGraph) -> InvariantGraph:
    """Merge atoms with equal surroundings, and the edges and triplets that this makes equal.

    Colour refinement: atoms begin with their element, or mixture, for a colour, edges with their
    distance. In each round the colour of an edge is joined by the multiset of (colour of the
    sending edge, angle) over its triplets and by the colours of its ends, and that of an atom by
    the multiset of the colours of its edges; the rounds end when neither atoms nor edges come apart
    any more. Atoms of one colour get the same features from any message passing on elements,
    distances and angles, however deep. Distances and cosines count as equal to the bit: merge them
    first.

    Colours are 64-bit hashes: two atoms that differ get the same one with a probability of
    5e-20.

    Args:
        graph: Any number of crystals, on the CPU.

    Returns:
        One atom for each colour of atoms, in the order of the first atom of each; one edge for
        each colour of edges; one triplet for each (receiving edge, sending edge, angle).

    Source: Weisfeiler and Leman, Nauchno-Tekhnicheskaya Informatsia 2 (9), 12 (1968), for the
    refinement; Ruff et al., Digital Discovery 3, 594 (2024), doi 10.1039/d4dd00018h, for
    merging in the crystal graph, there by its space group.
    """
    owner, atoms = graph.crystal_of_atom.numpy(), graph.atom_multiplicity.numpy()
    colours = _refine(graph)
    first, kind = _classes(colours.atom)
    chosen = np.zeros(len(kind), dtype=bool)
    chosen[first] = True

    center = graph.center.numpy()
    kept = np.flatnonzero(chosen[center])
    representative, edge_class = _classes(colours.edge[kept])
    distance = graph.distance.numpy()[kept]
    ends = kind[center[kept[representative]]], kind[graph.neighbor.numpy()[kept[representative]]]
    order = np.lexsort((np.arange(len(representative)), distance[representative], *ends[::-1]))
    position = np.empty(len(representative), dtype=np.int64)
    position[order] = np.arange(len(representative))
    edges = graph.edge_multiplicity.numpy()[kept]
    reduced_center = ends[0][order]

    stands_for = np.full(len(center), -1)
    stands_for[kept[representative]] = position  # only the triplets of these edges are kept
    triplets = _reduce_triplets(
        graph, stands_for, colours.edge, colours.edge[kept[representative]], position
    )
    edge_owner = owner[first][reduced_center]
    num_atoms = np.bincount(owner[first], minlength=len(graph))
    return InvariantGraph(
        num_atoms=_tensor(num_atoms),
        num_edges=_tensor(np.bincount(edge_owner, minlength=len(graph))),
        number=_tensor(graph.number.numpy()[first]),
        center=_tensor(reduced_center),
        neighbor=_tensor(ends[1][order]),
        distance=_tensor(distance[representative][order]),
        atom_multiplicity=_tensor(np.bincount(kind, weights=atoms).astype(np.int64)),
        edge_multiplicity=_tensor(
            np.bincount(position[edge_class], edges, minlength=len(representative)).astype(np.int64)
        ),
        num_triplets=_tensor(
            np.bincount(edge_owner[triplets["receiving_edge"]], minlength=len(graph))
        ),
        has_angles=graph.has_angles,
        conditions=graph.conditions,
        fidelity=graph.fidelity,
        **rows_of_atoms(graph, first, num_atoms),
        **{name: _tensor(values) for name, values in triplets.items()},
    )


def atom_classes(graph: InvariantGraph) -> Int[np.ndarray, " atoms"]:
    """Return the row of the graph from `merge_equivalent` that stands for each atom."""
    return _classes(_refine(graph).atom)[1]


def _reduce_triplets(
    graph: InvariantGraph,
    stands_for: Int[np.ndarray, " edges"],
    colour: UInt64[np.ndarray, " edges"],
    class_colour: UInt64[np.ndarray, " classes"],
    class_place: Int[np.ndarray, " classes"],
) -> dict[str, np.ndarray]:
    """Merge the triplets of one edge of each class; the fields of the scope triplet.

    Args:
        graph: What is reduced.
        stands_for: The row of the reduced graph for the one edge of each class, −1 for others.
        colour: Of every edge.
        class_colour: Of each class of edges.
        class_place: The row of the reduced graph of each class of edges.
    """
    received = stands_for[graph.receiving_edge.numpy()]
    kept = np.flatnonzero(received >= 0)
    by_colour = np.argsort(class_colour)
    sent_colour = colour[graph.sending_edge.numpy()[kept]]
    sent = class_place[by_colour[np.searchsorted(class_colour[by_colour], sent_colour)]]
    cosine = graph.cosine.numpy()[kept]
    order = np.lexsort((cosine, sent, received[kept]))
    keys = [key[order] for key in (received[kept], sent, cosine)]
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts = np.flatnonzero(new)
    counts = graph.triplet_multiplicity.numpy()[kept][order]
    return {
        "receiving_edge": keys[0][starts],
        "sending_edge": keys[1][starts],
        "cosine": keys[2][starts],
        "triplet_multiplicity": np.add.reduceat(counts, starts) if len(starts) else counts,
    }


@dataclass(frozen=True, eq=False)
class _Colours:
    """Stable colours; those of different crystals differ."""

    atom: UInt64[np.ndarray, " atoms"]
    edge: UInt64[np.ndarray, " edges"]


def _refine(graph: InvariantGraph) -> _Colours:
    crystal = graph.crystal_of_atom.numpy().astype(np.uint64)
    atom = mix(mix(crystal) + site_colours(graph))
    center, neighbor = graph.center.numpy(), graph.neighbor.numpy()
    degree = np.bincount(center, minlength=len(atom))
    length = mix(_bits(graph.distance))
    edges = graph.edge_multiplicity.numpy().astype(np.uint64)
    receiving, sending = graph.receiving_edge.numpy(), graph.sending_edge.numpy()
    reached = np.bincount(receiving, minlength=len(length))
    angle = mix(_bits(graph.cosine))
    triplets = graph.triplet_multiplicity.numpy().astype(np.uint64)

    inner = length  # what an edge has seen through its triplets
    edge, count, before = length, _count(atom), 0
    while True:
        edge = mix(mix(mix(atom[center]) + atom[neighbor]) ^ inner)
        if before == count or (count == len(atom) and not len(receiving)):
            return _Colours(atom, edge)
        if len(receiving):
            seen = segment_totals(mix(edge[sending] ^ angle) * triplets, reached)
            edge = inner = mix(edge + mix(seen))
        atom = mix(atom + mix(segment_totals(edge * edges, degree)))
        classes = _count(atom) + (_count(edge) if len(receiving) else 0)
        before, count = count, classes


def segment_totals(
    values: UInt64[np.ndarray, " rows"], counts: Int[np.ndarray, " segments"]
) -> UInt64[np.ndarray, " segments"]:
    """Add up consecutive rows modulo 2^64; a hash of each segment as a multiset of hashes."""
    running = np.concatenate([np.zeros(1, np.uint64), np.cumsum(values, dtype=np.uint64)])
    stops = np.cumsum(counts)
    return running[stops] - running[stops - counts]


def group_values(
    values: Float[np.ndarray, " rows"], family: Int[np.ndarray, " rows"], span: float
) -> Int[np.ndarray, " rows"]:
    """Put nearly equal values of a family into groups that span at most ``span``.

    From the smallest value on, a group takes every value at most ``span`` larger than its first.
    No division of a line into groups of that span has fewer.

    Args:
        values: Not negative.
        family: Only rows of one family come into one group.
        span: Largest difference within a group; differences within 1e-10 of it may go either way.

    Returns:
        The group of each row, counted from 0.
    """
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    step = round(span / _GRID)
    on_grid = np.rint(values / _GRID).astype(np.int64)
    room = int(on_grid.max()) + step + 1  # so that no group reaches into the next family
    key = np.unique(family, return_inverse=True)[1] * room + on_grid
    line, index = np.unique(key, return_inverse=True)
    first = np.ones(len(line), dtype=bool)
    first[1:] = line[1:] // room != line[:-1] // room
    following = np.searchsorted(line, line + step, side="right")
    group = np.cumsum(_reached(first, following)) - 1
    return group[index]


def _reached(
    start: Bool[np.ndarray, " rows"], following: Int[np.ndarray, " rows"]
) -> Bool[np.ndarray, " rows"]:
    """Mark what can be reached from the starts by following, in steps that double."""
    reached, jump = np.append(start, False), np.append(following, len(following))
    before, count = -1, int(start.sum())
    while before < count:
        reached[jump[np.flatnonzero(reached)]] = True
        jump = jump[jump]
        before, count = count, int(np.count_nonzero(reached[:-1]))
    return reached[:-1]


def _bits(values: Tensor) -> UInt64[np.ndarray, " rows"]:
    return values.double().numpy().view(np.uint64)


def _count(colour: UInt64[np.ndarray, " rows"]) -> int:
    return len(np.unique(colour))


def _classes(
    colour: UInt64[np.ndarray, " rows"],
) -> tuple[Int[np.ndarray, " classes"], Int[np.ndarray, " rows"]]:
    """Number the colours by their first row; return those rows, and the class of each row."""
    _, first, inverse = np.unique(colour, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.sort(first), rank[inverse]


def _group_means(
    values: Float[np.ndarray, " rows"],
    group: Int[np.ndarray, " rows"],
    weight: Int[np.ndarray, " rows"],
) -> Tensor:
    """Return for each row the weighted mean over its group."""
    mean = np.bincount(group, weight * values) / np.bincount(group, weight)
    return torch.from_numpy(mean[group])


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))
