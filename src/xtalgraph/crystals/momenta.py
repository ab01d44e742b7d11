"""Random momenta of a temperature."""

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.units import BOLTZMANN


def thermal_momenta(
    masses: Float[np.ndarray, " atoms"], temperature: float, generator: np.random.Generator
) -> Float[np.ndarray, "atoms 3"]:
    """Draw momenta from the distribution of Maxwell and Boltzmann.

    The crystal as a whole does not move, and the kinetic energy is that of the temperature: 3/2 kT
    for each atom, of one atom alone none.

    Args:
        masses: In atomic mass units.
        temperature: K.
        generator: Draws them.

    Returns:
        In √(eV u), the units of ASE.

    >>> momenta = thermal_momenta(np.array([1.0, 4.0]), 300.0, np.random.default_rng(0))
    >>> bool(np.allclose(momenta.sum(axis=0), 0.0))
    True
    """
    mass = masses[:, None]
    momenta = generator.normal(size=(len(masses), 3)) * np.sqrt(mass)
    momenta -= mass * momenta.sum(axis=0) / masses.sum()
    kinetic = float((momenta**2 / (2.0 * mass)).sum())
    wanted = 1.5 * len(masses) * BOLTZMANN * temperature
    return momenta * np.sqrt(wanted / kinetic) if kinetic > 1e-20 else np.zeros_like(momenta)
