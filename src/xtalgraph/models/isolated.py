"""Energies of isolated atoms, to which a potential falls where atoms are alone."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_labels import isolated_atoms
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.models.terms.energy_term import by_atomic_number
from xtalgraph.nn.expansion import PolynomialEnvelope
from xtalgraph.nn.segments import segment_sum

FROM_FRAMES: Final = "isolated"
"""The setting by which the energies are those of single atoms among the frames."""
_SHARPNESS: Final = 4.0
"""How much of a neighbour is enough: with one at its closest all but e⁻⁴ is learned."""


@final
class IsolatedAtoms(nn.Module):
    """E_i = E⁰(Z_i) + s_i (E_i^learned − E⁰(Z_i)), s_i = 1 − exp(−4 Σ_j f_c(d_ij)).

    The envelope f_c takes s_i, its slope and its curvature to zero as the last neighbour leaves, so
    that an isolated atom has the energy E⁰ exactly, and no other atom feels it.

    Args:
        given: Energies by element, eV; or ``isolated``, to take them from the training crystals.
        cutoff: Longest edge of the graph, Å.
    """

    energy: Tensor

    def __init__(self, given: Mapping[str, float] | str, cutoff: float) -> None:
        super().__init__()
        self.is_given, self.envelope = not isinstance(given, str), PolynomialEnvelope(cutoff)
        values = {} if isinstance(given, str) else given
        self.register_buffer("energy", by_atomic_number(values, "model.reference_energies"))

    def forward(
        self, learned: Float[Tensor, " atoms"], graph: CrystalGraph
    ) -> Float[Tensor, " atoms"]:
        """Return the energies of atoms, which are alone or not."""
        alone = self.energy.double().index_select(0, graph.number)
        known, alone = ~alone.isnan(), alone.nan_to_num()
        edges = self.envelope(graph.distance.double())
        near = -torch.expm1(-_SHARPNESS * segment_sum(edges, graph.center, graph.number.shape[0]))
        return torch.where(known, alone + near * (learned - alone), learned)

    def known(self) -> dict[str, float]:
        """Return the energies that are known, eV, by element."""
        values = enumerate(self.energy.tolist())
        return {SYMBOLS[number]: value for number, value in values if not math.isnan(value)}

    @torch.no_grad()
    def fit(self, crystals: Sequence[Crystal], energies: Float[np.ndarray, " crystals"]) -> None:
        """Take the energies of single atoms from training crystals, unless they are given.

        Args:
            crystals: Of the training part.
            energies: Of each, eV; NaN where it is not known.

        Raises:
            InputError: If the isolated atom of an element is missing.
        """
        if self.is_given:
            return
        isolated = isolated_atoms(crystals, energies, self.envelope.cutoff)
        present = {int(z) for crystal in crystals for z in crystal.elements}
        if missing := sorted(present - set(isolated)):
            raise InputError(
                f"model.reference_energies={FROM_FRAMES} takes the energies of single atoms in "
                "large cells, and the training part has none of "
                f"{', '.join(SYMBOLS[z] for z in missing)}: add such frames, or give the energies, "
                f"as in {{{SYMBOLS[missing[0]]}: -1.0}}"
            )
        for number, energy in isolated.items():
            self.energy[number] = energy
