"""The zero of the target: the virtual crystal, an undistorted perovskite of mean ions."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from ionic_perovskites.compounds import Compound
from ionic_perovskites.perovskite import Perovskite
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.ionic.interaction import Interaction
from xtalgraph.data.ionic.rigid_ion import RigidIonModel


@dataclass(frozen=True)
class VirtualCrystal:
    """Cubic perovskite with the mean ion of the compound on each of its sites, at equilibrium.

    For a compound that shares no site this is the ideal cubic crystal itself.
    """

    lattice_constant: float
    """Edge of the 5-atom cell, Å."""
    energy: float
    """Energy in the rigid-ion model, eV for 5 atoms."""

    @classmethod
    def of(cls, compound: Compound) -> "VirtualCrystal":
        """Average charge, radius and outer electrons on each site and find where the stress is 0.

        Args:
            compound: A compound whose charges balance.

        Returns:
            Lattice constant and energy at the minimum.
        """
        charges, radii, outer_electrons = (
            np.array([compound.mean(site, quantity) for site in (0, 1, 2, 2, 2)])
            for quantity in ("charge", "radius", "outer_electrons")
        )
        model = RigidIonModel(charges, radii, outer_electrons)
        fractional = np.concatenate(Perovskite((1, 1, 1)).sites())
        placeholders = np.ones(5, dtype=int)  # a mean ion is no element

        def cubic(edge: float) -> Interaction:
            return model(Crystal.from_fractional(edge * np.eye(3), fractional, placeholders))

        def tension(edge: float) -> float:
            return float(np.trace(cubic(edge).stress))

        contact = 2 * (compound.mean(1, "radius") + compound.mean(2, "radius"))
        edge = float(brentq(tension, 0.75 * contact, 1.5 * contact, xtol=1e-7))
        return cls(edge, cubic(edge).energy)
