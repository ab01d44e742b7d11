"""Lattice vectors from lengths and angles, and back."""

import math

import numpy as np
from jaxtyping import Float


def cell_from_parameters(
    lengths: Float[np.ndarray, "3"], angles: Float[np.ndarray, "3"]
) -> Float[np.ndarray, "3 3"]:
    """Return lattice vectors as rows, a along x and b in the xy plane.

    Args:
        lengths: a, b, c in Å.
        angles: α (between b and c), β (a and c), γ (a and b) in degrees.

    Returns:
        The cell in Å. It holds NaN where no cell has these angles.
    """
    a, b, c = np.asarray(lengths, dtype=float).tolist()
    # 90 degrees are exact, so that a cubic cell has zeros and not 1e-17.
    cos_a, cos_b, cos_g = (
        0.0 if angle == 90.0 else math.cos(math.radians(angle))
        for angle in np.asarray(angles, dtype=float).tolist()
    )
    sin_g = math.sqrt(1.0 - cos_g**2)
    y = (cos_a - cos_b * cos_g) / sin_g if sin_g > 0.0 else math.nan
    z_squared = 1.0 - cos_b**2 - y**2
    z = math.sqrt(z_squared) if z_squared >= 0.0 else math.nan
    return np.array([[a, 0.0, 0.0], [b * cos_g, b * sin_g, 0.0], [c * cos_b, c * y, c * z]])


def cell_parameters(
    cell: Float[np.ndarray, "3 3"],
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    """Return the lengths a, b, c in Å and the angles α, β, γ in degrees of a cell."""
    lengths = np.linalg.norm(cell, axis=1)
    pairs = ((1, 2), (0, 2), (0, 1))
    cosines = np.array([cell[i] @ cell[j] / (lengths[i] * lengths[j]) for i, j in pairs])
    return lengths, np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
