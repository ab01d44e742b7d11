"""What edges are to an encoder that reads directions."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.equivariant.surroundings import Surroundings
from xtalgraph.nn.expansion import Envelope
from xtalgraph.nn.radial import BesselBasis


@final
class DirectedEdges(nn.Module):
    """Spherical harmonics of the directions of edges, and s f(d) B(d) of their lengths.

    B are Bessel functions and f is an envelope, so that all vanish at the cutoff.

    Args:
        cutoff: Å.
        radials: Number of Bessel functions.
        degree: The highest degree of the harmonics.
        envelope: f.
        factor: s; √r_c makes it √2 sin(k_n d)/d, of a size that does not follow the cutoff.
    """

    def __init__(
        self, cutoff: float, radials: int, degree: int, envelope: Envelope, factor: float = 1.0
    ) -> None:
        super().__init__()
        self.basis = BesselBasis(cutoff, radials)
        self.envelope, self.factor = envelope, factor
        self.harmonics = SphericalHarmonics(degree)

    def forward(
        self, graph: CrystalGraph, dtype: torch.dtype
    ) -> tuple[Float[Tensor, "rows radials"], Surroundings]:
        """Return the functions of the length of each row of the surroundings, and these.

        Args:
            graph: Not reduced by symmetry.
            dtype: Of what is returned.
        """
        around = Surroundings.of(graph, self.harmonics, dtype)
        return self.radial(around.distance), around

    def radial(self, distance: Float[Tensor, " rows"]) -> Float[Tensor, "rows radials"]:
        """Return s f(d) B(d).

        Args:
            distance: d, in Å.
        """
        size = self.factor * self.envelope(distance)
        return self.basis(distance) * size.unsqueeze(-1)

    def usual(self, count: int = 256) -> Float[Tensor, "count radials"]:
        """Return s f(d) B(d) of neighbors that fill the sphere of the cutoff evenly.

        Args:
            count: How many.
        """
        part = (torch.arange(count, dtype=torch.get_default_dtype()) + 0.5) / count
        return self.radial(self.basis.reach * part ** (1 / 3))
