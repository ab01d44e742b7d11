"""The electrostatics of point charges, given or learned, without a cutoff."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.conventions.logs import log
from xtalgraph.conventions.ranges import Range, check_ranges
from xtalgraph.conventions.units import COULOMB
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.crystal import to_crystal
from xtalgraph.models.encoder import Features
from xtalgraph.models.terms.energy_term import EnergyTerm, by_atomic_number
from xtalgraph.nn.segments import segment_sum

_NEUTRAL: Final = 1e-6
"""Largest sum of given charges in a cell, e."""
_MIDDLE: Final = 2.0
"""Electronegativity of an element that begins without a charge."""
_GAIN: Final = 10.0
"""By which the learned charges of elements are multiplied, which are larger than other weights."""
_MOST: Final = 200_000_000
"""Pairs of a wave and an atom, each of some 50 bytes."""


@final
class Coulomb(EnergyTerm):
    r"""E = ½ Σ_{i≠j} e²/(4πε₀) q_i q_j / r_ij over all periodic images, by Ewald's sum.

    The part in real space reads the edges of the graph; the splitting follows from its cutoff r_c
    and the accuracy η, as exp(−r_c²/2σ²) = η. The sum is that of a crystal in a conducting medium.
    Of a molecule all pairs are added up. Without torch-pme it is a `MissingExtraError`.

    Charges are given by element or for each atom, or they are learned: q_i = q(Z_i) + f(h_i), less
    their mean in the cell, so that it is neutral. They begin as 2 − χ, with the electronegativity χ
    of the element: the energy tells no charges from the opposite ones, the chemistry does.

    Source: P. P. Ewald, Ann. Phys. 369, 253 (1921), doi 10.1002/andp.19213690304; torch-pme:
    P. Loche et al., J. Chem. Phys. 162, 142501 (2025), doi 10.1063/5.0251713.
    """

    @dataclass(frozen=True)
    class Config:
        """Settings of the electrostatics."""

        charges: dict[str, float] | Literal["learned", "given"] = "learned"
        """The charge of each element, e, as in ``{Na: 1, Cl: -1}``; ``given`` for each atom, in the
        column ``initial_charges``; or ``learned``."""
        accuracy: Annotated[float, Range(1e-12, 0.01)] = 1e-10
        """Size of what Ewald's sum leaves out, relative to what it keeps."""
        mesh_spacing: Annotated[float, Range(0.05, 5.0, "Å")] | None = None
        """Spacing of a mesh, Å, for cells of more than about 500 atoms; null adds up all waves."""

        def __post_init__(self) -> None:
            check_ranges(self, "model.terms.coulomb")

    long_ranged = True
    table: Tensor

    def __init__(self, config: Config, width: int, cutoff: float) -> None:
        super().__init__(config, width, cutoff)
        import_extra("torchpme")
        if isinstance(config.charges, dict):
            table = by_atomic_number(config.charges, "model.terms.coulomb.charges")
        elif config.charges == "given":
            table = by_atomic_number({}, "")
        else:
            chi = torch.from_numpy(property_of("electronegativity").copy())
            table = (_MIDDLE - chi).nan_to_num(0.0)
            self.of_element = nn.Embedding.from_pretrained(torch.zeros(len(table), 1), freeze=False)
            self.of_features = nn.Sequential(
                nn.Softplus(), nn.Linear(width, width), nn.Softplus(), nn.Linear(width, 1)
            )
            for weight in self.of_features[-1].parameters():
                nn.init.zeros_(weight)
        self.register_buffer("table", table, persistent=False)
        reach = math.sqrt(-2.0 * math.log(config.accuracy))
        self.smearing, self.longest_wave = cutoff / reach, reach**2 / cutoff
        self._told = False

    def charges(self, features: Features | None, graph: CrystalGraph) -> Float[Tensor, " atoms"]:
        """Return the charge of each atom, e, in float64.

        Args:
            features: Of the graph; not read where charges are given.
            graph: A batch of crystals.

        Raises:
            GraphError: If an element or an atom has no charge.
        """
        graph.expect_ordered("the term coulomb")
        if self.config.charges == "given":
            start = graph.charge.double()
        else:
            start = self.table.double().index_select(0, graph.number)
        if features is not None and self.is_learned:
            learned = _GAIN * self.of_element(graph.number) + self.of_features(features.atom)
            charges = start + learned.squeeze(-1).double()
            return charges - _means(charges, graph)
        self._check(start, graph)
        return start

    def forward(self, features: Features | None, graph: CrystalGraph) -> Float[Tensor, " atoms"]:
        """Return half of what each atom has with all others, in eV."""
        charges = self.charges(features, graph).unsqueeze(-1)
        calculator = self._calculator(graph.position.device)
        parts = []
        for number, atoms, edges in _rows(graph):
            cell, charge = graph.cell[number].double(), charges[atoms]
            positions = graph.position[atoms].double()
            if not bool(graph.pbc[number].any()):
                potential = _of_all_pairs(charge, positions)
            elif bool(graph.pbc[number].all()):
                ends = torch.stack([graph.center[edges], graph.neighbor[edges]], dim=-1)
                waves = (
                    {} if self.config.mesh_spacing else {"kvectors": self._waves(cell, len(charge))}
                )
                potential = calculator(
                    charge,
                    cell,
                    positions,
                    ends - atoms.start,
                    graph.distance[edges].double(),
                    **waves,
                )
            else:
                raise GraphError(
                    f"the electrostatics of {_formula(graph, number)} are those of a crystal that "
                    "repeats in three directions, or of a molecule, and it repeats in "
                    f"{int(graph.pbc[number].sum())}: let it repeat in all, with empty space"
                )
            parts.append(COULOMB * (charge * potential).squeeze(-1))
        return torch.cat(parts)

    def _calculator(self, device: torch.device) -> Any:
        """Return that of torch-pme, which holds buffers that are no part of the model."""
        library = import_extra("torchpme")
        potential = library.CoulombPotential(smearing=self.smearing)
        spacing = self.config.mesh_spacing
        if spacing is not None:
            calculator = library.PMECalculator(
                potential, mesh_spacing=spacing, interpolation_nodes=6, full_neighbor_list=True
            )
        else:
            calculator = library.EwaldCalculator(
                potential, lr_wavelength=1.0 / self.longest_wave, full_neighbor_list=True
            )
        return calculator.to(device=device, dtype=torch.float64)

    def _waves(self, cell: Float[Tensor, "3 3"], atoms: int) -> Float[Tensor, "waves 3"]:
        """Return the reciprocal lattice vectors up to the longest one, but 0.

        Those of torch-pme reach half as far as its wavelength says, and are no sphere.

        Args:
            cell: Lattice vectors, Å.
            atoms: How many there are.

        Raises:
            GraphError: If the sum over waves and atoms would fill the memory.
        """
        reciprocal = 2.0 * math.pi * torch.linalg.inv(cell).mT
        with torch.no_grad():
            lengths = torch.linalg.vector_norm(cell, dim=-1)
            bounds = (self.longest_wave * lengths / (2.0 * math.pi)).floor().long().tolist()
            count = math.prod(2 * bound + 1 for bound in bounds)
            if count * max(atoms, 10) > _MOST:
                raise GraphError(
                    f"Ewald's sum over {count:,} waves and {atoms} atoms is too large: set "
                    "model.terms.coulomb.mesh_spacing, to 0.5 Å for instance"
                )
            axes = [torch.arange(-b, b + 1, dtype=cell.dtype, device=cell.device) for b in bounds]
            n = torch.cartesian_prod(*axes)
            squares = (n @ reciprocal).square().sum(dim=-1)
            n = n[(squares < self.longest_wave**2) & (squares > 0)]
        return n @ reciprocal

    def _check(self, charges: Float[Tensor, " atoms"], graph: CrystalGraph) -> None:
        """Refuse elements without a charge, and warn once of cells that are charged."""
        missing = ~charges.isfinite()
        if bool(missing.any()) and self.config.charges == "given":
            raise GraphError(
                f"model.terms.coulomb.charges is given, and {int(missing.sum())} atoms have no "
                "charge: name the column of charges initial_charges, as ASE does"
            )
        if bool(missing.any()):
            symbol = SYMBOLS[int(graph.number[missing][0])]
            raise GraphError(
                f"model.terms.coulomb.charges has no charge of {symbol}: give one for each element"
            )
        total = segment_sum(charges, graph.crystal_of_atom, len(graph))
        charged = (total.abs() > _NEUTRAL) & graph.pbc.any(dim=-1)
        if not self._told and bool(charged.any()):
            self._told, number = True, int(charged.nonzero()[0])
            log.warning(
                "the charges of %s add up to %g e: a uniform background balances them. If it is no "
                "ion in a crystal, correct model.terms.coulomb.charges",
                _formula(graph, number),
                float(total[number]),
            )


def _rows(graph: CrystalGraph) -> Iterator[tuple[int, slice, slice]]:
    """Yield each crystal of a batch with its atoms and its edges."""
    ends = [np.cumsum(numbers.cpu().numpy()) for numbers in (graph.num_atoms, graph.num_edges)]
    counts = [numbers.tolist() for numbers in (graph.num_atoms, graph.num_edges)]
    for number in range(len(graph)):
        atoms, edges = (
            slice(int(end[number]) - count[number], int(end[number]))
            for end, count in zip(ends, counts, strict=True)
        )
        yield number, atoms, edges


def _of_all_pairs(
    charges: Float[Tensor, "atoms 1"], positions: Float[Tensor, "atoms 3"]
) -> Float[Tensor, "atoms 1"]:
    """Return half the potential of all others at each atom, e/Å."""
    first, second = torch.triu_indices(len(positions), len(positions), 1, device=positions.device)
    inverse = 0.5 / torch.linalg.vector_norm(positions[first] - positions[second], dim=-1)
    ends, others = torch.cat([first, second]), torch.cat([second, first])
    return segment_sum(charges[others] * inverse.repeat(2).unsqueeze(-1), ends, len(positions))


def _means(charges: Float[Tensor, " atoms"], graph: CrystalGraph) -> Float[Tensor, " atoms"]:
    """Return the mean charge of the crystal of each atom."""
    total = segment_sum(charges, graph.crystal_of_atom, len(graph))
    return (total / graph.num_atoms).index_select(0, graph.crystal_of_atom)


def _formula(graph: CrystalGraph, number: int) -> str:
    return to_crystal(graph.select([number])).formula
