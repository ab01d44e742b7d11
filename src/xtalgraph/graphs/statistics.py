"""Degrees and distances of graphs as plain arrays, to print or to draw."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.neighbors import neighbors_within


@dataclass(frozen=True, eq=False)
class RadialDistribution:
    """How many neighbours an average atom has at a distance, against an even spread."""

    edges: Float[np.ndarray, " borders"]
    """Borders of the bins, Å."""
    count: Float[np.ndarray, " bins"]
    """Mean number of neighbours of an atom in each bin."""
    g: Float[np.ndarray, " bins"]
    """The count over that of the same number of atoms spread evenly in the cell's volume."""

    @property
    def centers(self) -> Float[np.ndarray, " bins"]:
        """Middles of the bins, Å."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def coordination(self) -> Float[np.ndarray, " bins"]:
        """Mean number of neighbours of an atom up to the end of each bin."""
        return np.cumsum(self.count)

    def as_dict(self) -> dict[str, list[float]]:
        """Return plain values."""
        arrays = (("edges", self.edges), ("count", self.count), ("g", self.g))
        return {name: array.tolist() for name, array in arrays}


def radial_distribution(
    crystal: Crystal, cutoff: float = 10.0, width: float = 0.05
) -> RadialDistribution:
    """Count the neighbours of an average atom by distance, over all periodic images.

    g(r) = n(r) / (4π/3 (r₊³ − r₋³) N/V), with n the mean count between r₋ and r₊. All pairs are
    counted, whatever a graph would keep.

    Args:
        crystal: Repeats in all three directions, so that it has a density.
        cutoff: Largest distance, Å.
        width: Of a bin, Å; the last may be narrower.

    Raises:
        GraphError: If the crystal has no density, or a length is not above zero.

    Source: Allen and Tildesley, Computer Simulation of Liquids, section 2.6.

    >>> cell = 1.805 * (1 - np.eye(3))
    >>> copper = Crystal.from_fractional(cell, np.zeros((1, 3)), np.array([29]))
    >>> float(radial_distribution(copper, cutoff=3.0).coordination[-1])
    12.0
    """
    if not crystal.pbc.all():
        raise GraphError(
            "a radial distribution needs a density, so pbc in all directions; got "
            f"{crystal.pbc.tolist()}"
        )
    if not (cutoff > 0 and width > 0):
        raise GraphError(f"cutoff and width must be larger than 0 Å, got {cutoff} and {width}")
    bins = np.append(np.arange(0.0, cutoff - 1e-9 * width, width), cutoff)
    counts, _ = np.histogram(neighbors_within(crystal, cutoff).distance, bins)
    mean = counts / len(crystal)
    shells = 4.0 / 3.0 * np.pi * np.diff(bins**3)
    return RadialDistribution(bins, mean, mean * crystal.volume / (shells * len(crystal)))


@dataclass(frozen=True)
class Peak:
    """Distances that lie close together: a peak of the radial distribution."""

    distance: float
    """Their mean, Å."""
    first: float
    """The shortest of them, Å."""
    last: float
    """The longest of them, Å."""
    neighbors: float
    """How many an average atom has."""


def distance_peaks(crystal: Crystal, cutoff: float = 6.0, gap: float = 0.1) -> list[Peak]:
    """Group the distances of all pairs up to a cutoff into peaks, the nearest first.

    A peak ends where the next distance is more than the gap away; in a disordered crystal it may
    reach far.

    Args:
        crystal: Of any periodicity.
        cutoff: Largest distance, Å; the last peak is cut where it reaches it.
        gap: Width of the empty interval between two peaks, Å.

    Returns:
        None at all where no pair is that near.

    Raises:
        GraphError: If a length is not above zero.

    >>> cell = 1.805 * (1 - np.eye(3))
    >>> copper = Crystal.from_fractional(cell, np.zeros((1, 3)), np.array([29]))
    >>> [(round(peak.distance, 3), peak.neighbors) for peak in distance_peaks(copper, 4.0)]
    [(2.553, 12.0), (3.61, 6.0)]
    """
    if not (cutoff > 0 and gap > 0):
        raise GraphError(f"cutoff and gap must be larger than 0 Å, got {cutoff} and {gap}")
    distances = np.sort(neighbors_within(crystal, cutoff).distance)
    groups = np.split(distances, np.flatnonzero(np.diff(distances) > gap) + 1)
    return [
        Peak(float(group.mean()), float(group[0]), float(group[-1]), len(group) / len(crystal))
        for group in groups
        if len(group)
    ]


def degree_histogram(graph: CrystalGraph) -> Int[np.ndarray, " degrees"]:
    """Count the atoms of each degree: entry d is the number of atoms with d edges.

    Args:
        graph: Of one crystal or many.
    """
    return np.bincount(graph.degree.cpu().numpy())
