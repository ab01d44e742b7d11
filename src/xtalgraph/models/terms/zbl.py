"""The screened repulsion of nuclei at short distances."""

from dataclasses import dataclass
from typing import Annotated, Final, final

import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Range, check_ranges
from xtalgraph.conventions.units import COULOMB
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.models.encoder import Features
from xtalgraph.models.terms.energy_term import EnergyTerm
from xtalgraph.nn.expansion import PolynomialEnvelope
from xtalgraph.nn.segments import segment_sum

_LENGTH: Final = 0.46850
"""0.8854 Bohr radii, Å."""
_EXPONENT: Final = 0.23
_SCREENING: Final = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
"""Weights and exponents of the universal screening."""
_UNKNOWN: Final = 1.5
"""Covalent radius of an element of which none is known, Å."""


@final
class ZBL(EnergyTerm):
    r"""The universal repulsion of Ziegler, Biersack and Littmark, which keeps atoms apart.

    E = ½ Σ_{i≠j} e²/(4πε₀) Z_i Z_j / r φ(r/a) f(r/r_out), with a = 0.4685 Å/(Z_i^0.23 + Z_j^0.23)
    and φ(x) = Σ_k c_k exp(−d_k x). The polynomial envelope f takes it, its force and its curvature
    to zero at r_out, the sum of the covalent radii of the pair by default, so that bonds are left
    to what is learned. An end beyond the cutoff is a `ConfigError`.

    Source: J. F. Ziegler, J. P. Biersack, U. Littmark, The Stopping and Range of Ions in Solids
    (Pergamon, 1985); the numbers are those of LAMMPS ``pair_style zbl``. Covalent radii: Pyykkö
    and Atsumi, Chem. Eur. J. 15, 186 (2009).
    """

    @dataclass(frozen=True)
    class Config:
        """Settings of the repulsion."""

        outer: Annotated[float, Range(0, 100, "Å", above=True)] | None = None
        """Where it ends, Å; null takes the sum of the covalent radii of each pair."""

        def __post_init__(self) -> None:
            check_ranges(self, "model.terms.zbl")

    radius: Tensor

    def __init__(self, config: Config, width: int, cutoff: float) -> None:
        super().__init__(config, width, cutoff)
        if config.outer is not None and config.outer > cutoff:
            raise ConfigError(
                f"model.terms.zbl.outer must be at most graph.cutoff, {cutoff:g} Å, got "
                f"{config.outer:g} Å"
            )
        radius = torch.from_numpy(property_of("covalent_radius").copy()).nan_to_num(_UNKNOWN)
        if config.outer is not None:
            radius.fill_(config.outer / 2)
        self.register_buffer("radius", radius.clamp(max=cutoff / 2), persistent=False)
        self.envelope = PolynomialEnvelope(1.0)

    def forward(self, features: Features | None, graph: CrystalGraph) -> Float[Tensor, " atoms"]:
        """Return half the repulsion of the edges of each atom, in eV."""
        graph.expect_ordered("the term zbl")
        first, second = (
            graph.number.index_select(0, end) for end in (graph.center, graph.neighbor)
        )
        radius = self.radius.double()
        x = graph.distance.double() / (radius[first] + radius[second])
        near = (x < 1.0).nonzero().squeeze(-1)
        first, second = first.index_select(0, near), second.index_select(0, near)
        distance = graph.distance.index_select(0, near).double()
        repulsion = screened_repulsion(distance, first.double(), second.double())
        pairs = 0.5 * repulsion * self.envelope(x.index_select(0, near))
        return segment_sum(pairs, graph.center.index_select(0, near), len(graph.number))


def screened_repulsion(
    distance: Float[Tensor, " pairs"],
    first: Float[Tensor, " pairs"],
    second: Float[Tensor, " pairs"],
) -> Float[Tensor, " pairs"]:
    """Return the energy of pairs of nuclei with the universal screening, without an end, in eV.

    Args:
        distance: Å.
        first: Atomic number of one atom of each pair.
        second: That of the other.
    """
    scaled = distance * (first**_EXPONENT + second**_EXPONENT) / _LENGTH
    screening = torch.zeros_like(distance)
    for weight, exponent in _SCREENING:
        screening = screening + weight * torch.exp(-exponent * scaled)
    return COULOMB * first * second / distance * screening
