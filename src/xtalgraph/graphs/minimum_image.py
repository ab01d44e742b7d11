"""The minimum-image rule r − T round(T⁻¹ r), and how far it may be trusted."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from xtalgraph.conventions.errors import ConfigError

_WHOLE = 1e-9
"""A coefficient this near a whole number is one."""
_ALL = np.ones(3, dtype=bool)


@dataclass(frozen=True)
class MinimumImageCheck:
    """Whether one image for each pair is enough up to a cutoff, and why."""

    cutoff: float
    """What was asked, Å."""
    half_height: float
    """Half the smallest distance between opposite faces of the cell, Å; infinite for a molecule.

    Below it both conditions hold in every cell."""
    single_image_radius: float
    """Half the shortest lattice vector, Å. Nearer than this, an atom has at most one image."""
    rounding_radius: float
    """Up to this distance, Å, the rule finds the nearest image; infinite where it always does."""

    @property
    def single_image(self) -> bool:
        """Whether no pair can have two images within the cutoff."""
        return self.cutoff < self.single_image_radius

    @property
    def nearest_found(self) -> bool:
        """Whether rounding finds the nearest image of every pair within the cutoff."""
        return self.cutoff < self.rounding_radius

    @property
    def suffices(self) -> bool:
        """Whether the rule gives all neighbours within the cutoff: both conditions together."""
        return self.single_image and self.nearest_found

    def __bool__(self) -> bool:
        return self.suffices

    def __str__(self) -> str:
        count = "at most one image" if self.single_image else "several images"
        right = "finds" if self.nearest_found else "can miss"
        return (
            f"within {self.cutoff:g} Å a pair has {count} "
            f"(limit {self.single_image_radius:.4g} Å), and rounding {right} the nearest "
            f"(limit {self.rounding_radius:.4g} Å): the "
            f"minimum-image rule {'suffices' if self else 'does not suffice'}"
        )


def minimum_image(
    vectors: Float[np.ndarray, "pairs 3"],
    cell: Float[np.ndarray, "3 3"],
    pbc: Bool[np.ndarray, "3"] = _ALL,
) -> Float[np.ndarray, "pairs 3"]:
    """Shorten vectors by the rule r − T round(T⁻¹ r).

    It gives one image of each pair, and not always the nearest: see `minimum_image_check`. No
    graph here is built by it; `xtalgraph.graphs.neighbors.neighbors_within` searches all images.

    Args:
        vectors: From atom to atom, Å.
        cell: Lattice vectors as rows, Å.
        pbc: Which directions repeat; along the others nothing is taken off.

    Returns:
        The vectors less whole lattice vectors, Å.

    >>> minimum_image(np.array([[3.9, 0.0, 0.2]]), 4.0 * np.eye(3)).round(3).tolist()
    [[-0.1, 0.0, 0.2]]
    """
    whole = np.round(vectors @ np.linalg.inv(cell))
    return vectors - np.where(pbc, whole, 0.0) @ cell


def minimum_image_check(
    cell: Float[np.ndarray, "3 3"], cutoff: float, pbc: Bool[np.ndarray, "3"] = _ALL
) -> MinimumImageCheck:
    """Tell whether the minimum-image rule gives all neighbours within a cutoff.

    Two conditions. First, a pair must have at most one image within the cutoff, which holds
    below half the shortest lattice vector. Second, rounding must find it. The vectors that
    rounding leaves alone fill the cell centred on the origin; its face k is half a height, h_k/2,
    away. The foot of that distance belongs to the region nearest to the origin, and is inside it
    unless a lattice vector of length h_k stands upright on the face. So just behind the face
    there are vectors that are the nearest image and that the rule exchanges for a longer one,
    unless the face is upright: the rule is right up to the smallest h_k/2 of the faces that are
    not, and everywhere in a rectangular cell. A cutoff below half the smallest height fulfils
    both conditions.

    Args:
        cell: Lattice vectors as rows, Å.
        cutoff: Å.
        pbc: Which directions repeat.

    Returns:
        The limits and the verdict; true in an ``if`` where the rule suffices.

    Raises:
        ConfigError: If the cutoff is not above zero.

    >>> salt = 2.82 * (np.ones((3, 3)) - np.eye(3))
    >>> round(minimum_image_check(salt, 4.0).rounding_radius, 2)
    1.63
    """
    if not cutoff > 0:
        raise ConfigError(f"cutoff must be larger than 0 Å, got {cutoff}")
    normals = np.linalg.inv(cell).T  # row k: reciprocal vector of face k, of length 1 / h_k
    heights = 1.0 / np.linalg.norm(normals, axis=1)
    upright = normals * heights[:, None] ** 2  # h_k along the normal
    coefficients = upright @ np.linalg.inv(cell)
    whole = np.round(coefficients)
    in_lattice = np.all(np.abs(coefficients - whole) < _WHOLE, axis=1)
    in_lattice &= ~np.any(whole[:, ~pbc] != 0, axis=1)
    half = heights / 2
    return MinimumImageCheck(
        cutoff=float(cutoff),
        half_height=float(np.min(half, where=pbc, initial=np.inf)),
        single_image_radius=_shortest_lattice_vector(cell, pbc) / 2,
        rounding_radius=float(np.min(half, where=pbc & ~in_lattice, initial=np.inf)),
    )


def _shortest_lattice_vector(cell: Float[np.ndarray, "3 3"], pbc: Bool[np.ndarray, "3"]) -> float:
    """Length of the shortest lattice vector, Å; infinite where nothing repeats."""
    if not pbc.any():
        return float("inf")
    heights = 1.0 / np.linalg.norm(np.linalg.pinv(cell[pbc]), axis=0)  # within the periodic space
    bound = np.linalg.norm(cell[pbc], axis=1).min()
    # A vector with coefficient n along direction k is at least |n| h_k long.
    reach = np.floor(bound / heights + _WHOLE).astype(int)
    grid = np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij")
    points = np.stack([axis.ravel() for axis in grid], axis=1)
    points = points[np.any(points != 0, axis=1)]
    return float(np.linalg.norm(points @ cell[pbc], axis=1).min())
