"""Angles: which pairs of edges meet in an atom."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Int

from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.conventions.limits import MAX_ANGLES
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.neighbors import kth_distance


@dataclass(frozen=True)
class Angles:
    """Which edges of a graph form angles with each other.

    An edge takes part if it is at most ``cutoff`` long and among the ``max_neighbors`` nearest of
    its center; like the strategies, this keeps the whole shell at the last distance, so that
    neither the order of the atoms nor the cell decides.

    Args:
        cutoff: Longest edge that takes part, Å; None takes edges of every length. Edges within
            1e-9 Å of it may go either way.
        max_neighbors: How many edges of an atom take part, before ties; None takes all.
        vertex: Where the edges meet. ``neighbor``: the sending edge starts where the receiving
            edge has its neighbor, so that messages run along a path k → j → i, as in ALIGNN's line
            graph and in DimeNet. ``center``: both start at one atom, the angles that a
            coordination polyhedron has. Where every edge has its reverse, the two hold the same
            angles.
        shell_tolerance: How much farther than the last a neighbour may be and still take part, Å.

    Source: Choudhary and DeCost, npj Comput. Mater. 7, 185 (2021),
    doi 10.1038/s41524-021-00650-1, for the line graph.
    """

    cutoff: float | None = None
    max_neighbors: int | None = None
    vertex: Literal["neighbor", "center"] = "neighbor"
    shell_tolerance: float = 1e-3

    def __post_init__(self) -> None:
        if self.cutoff is not None and not self.cutoff > 0:
            raise ConfigError(f"the cutoff of angles must be larger than 0 Å, got {self.cutoff}")
        if self.max_neighbors is not None and not (
            isinstance(self.max_neighbors, int) and self.max_neighbors >= 2
        ):
            raise ConfigError(
                "max_neighbors of angles must be a whole number of at least 2, for an angle needs "
                f"two edges, got {self.max_neighbors}"
            )
        if self.vertex not in ("neighbor", "center"):
            raise ConfigError(f"vertex must be 'neighbor' or 'center', got {self.vertex!r}")
        if not self.shell_tolerance >= 0:
            raise ConfigError(f"shell_tolerance must not be negative, got {self.shell_tolerance}")


def add_triplets(graph: CrystalGraph, angles: Angles | None = None) -> CrystalGraph:
    """Return the graph with its triplets: every ordered pair of edges that meet in an atom.

    At its center an edge forms no angle with itself, and no path returns along the reverse of its
    first edge. Under ``vertex="center"`` an
    atom with d edges has d (d − 1) triplets.

    Args:
        graph: Any number of crystals, on the CPU. Triplets that it has are replaced.
        angles: Which edges take part; all if it is left out.

    Returns:
        The graph, its triplets sorted by their receiving edge.

    Raises:
        GraphError: If a crystal would have more than `MAX_ANGLES` angles.

    >>> import numpy as np
    >>> from xtalgraph.crystals.crystal import Crystal
    >>> from xtalgraph.graphs.build import build_graph
    >>> from xtalgraph.graphs.strategies import Radius
    >>> fcc = 2.82 * (np.ones((3, 3)) - np.eye(3))
    >>> sites, numbers = np.array([[0, 0, 0], [0.5] * 3]), np.array([11, 17])
    >>> salt = Crystal.from_fractional(fcc, sites, numbers)
    >>> graph = add_triplets(build_graph(salt, Radius(3.0)), Angles(vertex="center"))
    >>> sorted({round(c, 9) + 0.0 for c in graph.cosine.tolist()}), len(graph.cosine)
    ([-1.0, 0.0], 60)
    """
    angles = angles or Angles()
    center, neighbor = graph.center.numpy(), graph.neighbor.numpy()
    taking = np.flatnonzero(_taking_part(graph, angles))
    count = np.bincount(center[taking], minlength=len(graph.number))
    start = np.cumsum(count) - count
    meets = (neighbor if angles.vertex == "neighbor" else center)[taking]

    _check_size(graph, taking, count[meets])
    received = np.repeat(taking, count[meets])
    first = np.repeat(start[meets], count[meets])
    ends = np.cumsum(count[meets])
    offset = np.arange(len(received)) - np.repeat(ends - count[meets], count[meets])
    sent = taking[first + offset]
    if angles.vertex == "neighbor":
        image = graph.image.numpy()
        back = (neighbor[sent] == center[received]) & np.all(
            image[sent] == -image[received], axis=1
        )
    else:
        back = sent == received
    received, sent = received[~back], sent[~back]
    owner = graph.crystal_of_edge.numpy()[received]
    return graph.replace(
        num_triplets=torch.from_numpy(np.bincount(owner, minlength=len(graph))),
        receiving_edge=torch.from_numpy(received),
        sending_edge=torch.from_numpy(sent),
        at_center=torch.full((len(received),), angles.vertex == "center"),
        has_angles=torch.ones(len(graph), dtype=torch.bool),
    )


def _check_size(
    graph: CrystalGraph, taking: Int[np.ndarray, " taking"], angles: Int[np.ndarray, " taking"]
) -> None:
    """Raise where a crystal has too many angles to hold them."""
    owner = graph.crystal_of_edge.numpy()[taking]
    most = np.bincount(owner, weights=angles, minlength=1).max()
    if most > MAX_ANGLES:
        raise GraphError(
            f"a crystal of this graph has {most:.1e} angles, {MAX_ANGLES:.0e} at most: take a "
            "smaller cutoff for angles, or the nearest neighbours only"
        )


def _taking_part(graph: CrystalGraph, angles: Angles) -> Bool[np.ndarray, " edges"]:
    distance, center = graph.distance.detach().numpy(), graph.center.numpy()
    taking = np.ones(len(distance), dtype=bool)
    if angles.cutoff is not None:
        taking &= distance <= angles.cutoff
    if angles.max_neighbors is not None:
        last = kth_distance(distance, center, len(graph.number), angles.max_neighbors)
        taking &= distance <= last[center] + angles.shell_tolerance
    return taking
