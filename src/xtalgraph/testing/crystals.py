"""Crystals for the contract: one of each kind that has broken somebody's code."""

import numpy as np

from xtalgraph.crystals.crystal import Crystal


def contract_crystals() -> dict[str, Crystal]:
    """Return small crystals by name.

    Cubic, triclinic, sheared to 20°, left-handed, a slab, a wire, one atom, and one without
    edges. No pair is within 1e-6 Å of 4, 5 or 6 Å, nor of the shell of the 12th neighbour, but for
    shells that symmetry makes equal.
    """
    generator = np.random.default_rng(7)
    triclinic = np.array([[4.1, 0.0, 0.0], [1.3, 4.6, 0.0], [-0.8, 1.1, 5.2]])
    angle = np.deg2rad(20.0)
    sheared = np.array(
        [[3.9, 0, 0], [6.1 * np.cos(angle), 6.1 * np.sin(angle), 0], [0.4, 0.3, 4.7]]
    )
    sites = np.array([[0.02, 0.01, 0.03], [0.52, 0.47, 0.09], [0.46, 0.06, 0.55]])
    perovskite = np.array([[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    slab = np.array([[4.2, 0.0, 0.0], [0.7, 4.4, 0.0], [0.0, 0.0, 30.0]])
    flat = np.array([[0.1, 0.2, 0.50], [0.6, 0.7, 0.54], [0.3, 0.8, 0.57]])
    shaken = perovskite + generator.normal(0.0, 0.02, perovskite.shape)
    make = Crystal.from_fractional
    return {
        "cubic": make(3.91 * np.eye(3), perovskite, np.array([38, 22, 8, 8, 8])),
        "distorted": make(3.91 * np.eye(3), shaken, np.array([56, 40, 8, 8, 8])),
        "triclinic": make(triclinic, sites, np.array([11, 17, 8])),
        "sheared": make(sheared, sites, np.array([26, 16, 16])),
        "left-handed": make(triclinic[[1, 0, 2]], sites, np.array([13, 7, 1])),
        "slab": make(slab, flat, np.array([6, 7, 5]), (True, True, False)),
        "wire": make(slab, flat, np.array([14, 8, 8]), (True, False, False)),
        "one atom": make(triclinic, np.array([[0.3, 0.2, 0.1]]), np.array([29])),
        "no edges": make(40.0 * np.eye(3), np.array([[0.5, 0.5, 0.5]]), np.array([18])),
    }
