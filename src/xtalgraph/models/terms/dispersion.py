"""Grimme's D3 dispersion with the rational damping, in periodic crystals."""

from dataclasses import dataclass
from typing import Annotated, Any, Final, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.conventions.ranges import Range, check_ranges
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.crystal import to_crystal
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.encoder import Features
from xtalgraph.models.terms.energy_term import EnergyTerm
from xtalgraph.nn.segments import segment_sum

BOHR: Final = 0.529177210903
"""Å."""
HARTREE: Final = 27.211386245988
"""eV."""
_ELEMENTS: Final = 103
"""Up to this atomic number there are references."""


@final
class D3(EnergyTerm):
    r"""E = −½ Σ_{i≠j} Σ_{n=6,8} s_n C_n / (r^n + (a₁ R₀ + a₂)^n) over all images, D3(BJ).

    C₆ is between those of reference molecules, by the coordination numbers of both atoms;
    C₈ = 3 C₆ √(Q_i Q_j) and R₀ = √(C₈/C₆). References, weights and damping parameters are those of
    tad-dftd3, which is for molecules; the pairs of a crystal are found here. Pairs and
    coordination fade smoothly over the last fifth before the cutoff. There is no term of three
    bodies, as in most D3(BJ) of plane-wave codes. A functional without
    parameters is a `ConfigError`, tad-dftd3 that is not installed a `MissingExtraError`.

    Source: S. Grimme et al., J. Chem. Phys. 132, 154104 (2010), doi 10.1063/1.3382344; J. Comput.
    Chem. 32, 1456 (2011), doi 10.1002/jcc.21759; tad-dftd3: M. Friede et al., J. Chem. Phys. 161,
    062501 (2024), doi 10.1063/5.0216715.
    """

    @dataclass(frozen=True)
    class Config:
        """Settings of the dispersion."""

        functional: str = "pbe"
        """The functional of the labels, for the damping parameters: pbe, pbesol, r2scan, b3lyp."""
        cutoff: Annotated[float, Range(5.0, 60.0, "Å")] = 20.0
        """Longest pair, Å."""

        def __post_init__(self) -> None:
            check_ranges(self, "model.terms.d3")

    def __init__(self, config: Config, width: int, cutoff: float) -> None:
        super().__init__(config, width, cutoff)
        library = import_extra("tad_dftd3")
        tables = import_extra("tad_dftd3.param")
        try:
            parameters = tables.get_functional_params(
                config.functional, damping="bj", dtype=torch.float64
            )
        except (KeyError, ValueError) as error:
            raise ConfigError(
                f"model.terms.d3.functional: tad-dftd3 has no parameters of D3(BJ) for "
                f"{config.functional!r}"
            ) from error
        self.damping = {key: parameters[key] for key in ("s6", "s8", "a1", "a2")}
        self.reference = library.reference.Reference(dtype=torch.float64)

    def forward(self, features: Features | None, graph: CrystalGraph) -> Float[Tensor, " atoms"]:
        """Return half the dispersion of the pairs of each atom, in eV."""
        graph.expect_ordered("the term d3")
        if int(graph.number.max()) > _ELEMENTS:
            raise GraphError(
                f"the term d3 has no references of {SYMBOLS[int(graph.number.max())]}: leave it out"
            )
        longer = _with_pairs(graph, self.config.cutoff)
        distance, cutoff = longer.distance.double() / BOHR, self.config.cutoff / BOHR
        fading = _fading(distance / cutoff)
        center, neighbor = longer.center, longer.neighbor
        coefficients = self._c6(graph.number, center, neighbor, distance, fading)
        library = import_extra("tad_dftd3")
        charges = library.data.R4R2(dtype=torch.float64).to(distance.device)[graph.number]
        quotient = 3.0 * charges[center] * charges[neighbor]
        damped = library.damping.rational_damping
        parts = [
            self.damping[name].to(distance.device)
            * weight
            * damped(order, distance, quotient, self._damping_on(distance.device))
            for name, order, weight in (("s6", 6, 1.0), ("s8", 8, quotient))
        ]
        pairs = -0.5 * HARTREE * coefficients * (parts[0] + parts[1]) * fading
        return segment_sum(pairs, center, len(graph.number))

    def _damping_on(self, device: torch.device) -> dict[str, Tensor]:
        return {name: factor.to(device) for name, factor in self.damping.items()}

    def _c6(
        self,
        number: Int[Tensor, " atoms"],
        center: Int[Tensor, " pairs"],
        neighbor: Int[Tensor, " pairs"],
        distance: Float[Tensor, " pairs"],
        fading: Float[Tensor, " pairs"],
    ) -> Float[Tensor, " pairs"]:
        """Return the coefficient of each pair, in atomic units."""
        library = import_extra("tad_dftd3")
        radii: Any = import_extra("tad_mctc.data.radii")
        reference = self.reference.to(distance.device)
        radius = radii.COV_D3(dtype=torch.float64).to(distance.device)[number]
        near = library.ncoord.exp_count(distance, radius[center] + radius[neighbor]) * fading
        coordination = segment_sum(near, center, len(number))
        weights = library.model.weight_references(number, coordination, reference)
        elements, element = number.unique(return_inverse=True)
        # Of each atom with each element: all but the references of the other atom is added up.
        tables = reference.c6[number.unsqueeze(-1), elements.unsqueeze(0)]
        mixed = torch.einsum("ia,ieab->ieb", weights, tables)
        return (mixed[center, element[neighbor]] * weights[neighbor]).sum(dim=-1)


def _with_pairs(graph: CrystalGraph, cutoff: float) -> CrystalGraph:
    """Return the graph with all pairs up to a distance, Å, as edges."""
    crystals = [to_crystal(graph.select([number])) for number in range(len(graph))]
    full = build_graph(crystals, Radius(cutoff)).to(graph.position.device)
    names = ("num_edges", "center", "neighbor", "image")
    nothing = {"num_triplets": graph.num_triplets.new_zeros(len(graph))}
    for name in ("receiving_edge", "sending_edge", "at_center"):
        nothing[name] = getattr(graph, name)[:0]
    return graph.replace(**{name: getattr(full, name) for name in names}, **nothing)


def _fading(x: Float[Tensor, " pairs"]) -> Float[Tensor, " pairs"]:
    """Return 1 up to 0.8, and 0 from 1 on, with three continuous derivatives."""
    t = ((x - 0.8) / 0.2).clamp(0.0, 1.0)
    return 1.0 - t**4 * (35.0 - 84.0 * t + 70.0 * t**2 - 20.0 * t**3)
