"""How alike the atoms have become: three measures of over-smoothing."""

import numpy as np
from jaxtyping import Float, Int


def mean_average_distance(
    features: Float[np.ndarray, "atoms width"],
    center: Int[np.ndarray, " edges"],
    neighbor: Int[np.ndarray, " edges"],
    edge_multiplicity: Int[np.ndarray, " edges"],
    atom_multiplicity: Int[np.ndarray, " atoms"],
) -> float:
    """Return the mean over atoms of the mean over their neighbours of 1 − cos(h_i, h_j).

    It is 0 where all neighbours point the same way, however long they are, and at most 2. An
    atom without edges is left out, and a vector of zeros is at distance 1 from everything. The
    paper leaves out pairs at distance 0; here every pair counts, so that a reduced graph gives
    what the full one gives, and equal neighbours count as smooth.

    Args:
        features: One vector for each atom.
        center: Center of each edge.
        neighbor: Neighbor of each edge.
        edge_multiplicity: How often each edge counts.
        atom_multiplicity: How often each atom counts.

    Returns:
        The mean; not a number where there is no edge.

    Source: Chen et al., AAAI 2020 (arXiv 1909.03211), over neighbours.
    """
    length = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.where(length > 0, length, 1.0)
    distance = 1.0 - np.sum(unit[center] * unit[neighbor], axis=1)
    total = np.bincount(center, edge_multiplicity * distance, len(features))
    degree = np.bincount(center, edge_multiplicity, len(features))
    weight = atom_multiplicity * (degree > 0)
    if not weight.any():
        return float("nan")
    return float(np.sum(weight * total / np.where(degree > 0, degree, 1)) / np.sum(weight))


def dirichlet_energy(
    features: Float[np.ndarray, "atoms width"],
    center: Int[np.ndarray, " edges"],
    neighbor: Int[np.ndarray, " edges"],
    edge_multiplicity: Int[np.ndarray, " edges"],
    atom_multiplicity: Int[np.ndarray, " atoms"],
) -> float:
    """Return (1/N) Σ_i Σ_j |h_i − h_j|², the sum over directed edges, N the number of atoms.

    It is 0 where all neighbours are equal, and grows with the square of the features.

    Source: Rusch et al., A survey on oversmoothing (arXiv 2303.10993).
    """
    weight = edge_multiplicity * atom_multiplicity[center]
    difference = np.sum((features[center] - features[neighbor]) ** 2, axis=1)
    return float(np.sum(weight * difference) / np.sum(atom_multiplicity))


def effective_rank(
    features: Float[np.ndarray, "atoms width"], atom_multiplicity: Int[np.ndarray, " atoms"]
) -> float:
    """Return exp(−Σ p ln p) of the singular values over their sum: how many directions are used.

    It is 1 where all atoms are multiples of one vector, and at most the smaller of the number of
    atoms and the width; 0 where all features are zero.

    Source: Roy and Vetterli, EUSIPCO 2007, pp. 606-610.

    >>> round(effective_rank(np.eye(3), np.array([1, 1, 1])), 6)
    3.0
    """
    # Repeating a row n times is multiplying it by √n, as far as singular values go.
    weighted = features * np.sqrt(atom_multiplicity)[:, None]
    singular = np.linalg.svd(weighted, compute_uv=False)
    if not singular.any():
        return 0.0
    share = singular[singular > 0] / singular.sum()
    return float(np.exp(-np.sum(share * np.log(share))))
