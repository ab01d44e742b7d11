"""Smooth functions of the distance of two atoms, of which a pair potential is a sum."""

from collections.abc import Sequence
from typing import ClassVar, Final, final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.polynomial import chebyshev
from scipy.sparse import csr_array
from torch import Tensor

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.neighbors import neighbors_within
from xtalgraph.nn.linear_potential.basis import Basis, Design

_STEEPNESS: Final = 2.0
"""By how many e-foldings the distance is compressed."""


@final
class PairBasis(Basis):
    """Chebyshev polynomials of an exponentially compressed distance, for each pair of elements.

    φ_k(r) = T_k(x) (1 − r²/r_c²)³ with x from −1 at r = 0 to 1 at r_c, e^(−2r/r_c) scaled, so that
    short distances, where energies are steep, are resolved more finely.

    Args:
        elements: Atomic numbers that may occur; pairs of others have no functions.
        cutoff: r_c, Å.
        functions: Of each pair.
    """

    name: ClassVar[str] = "pair potential"

    def __init__(self, elements: Sequence[int], cutoff: float = 6.0, functions: int = 14) -> None:
        self.elements = np.unique(np.asarray(elements))
        self.cutoff = cutoff
        self.functions = functions

    @property
    def columns(self) -> int:
        """The number of coefficients."""
        count = len(self.elements)
        return count * (count + 1) // 2 * self.functions

    def radial(
        self, distance: Float[np.ndarray, " edges"]
    ) -> tuple[Float[np.ndarray, "edges functions"], Float[np.ndarray, "edges functions"]]:
        """Return the functions and their derivatives at distances in Å, at most the cutoff."""
        reduced = (distance / self.cutoff)[:, None]
        span = 1.0 - np.exp(-_STEEPNESS)
        x = 2.0 * (1.0 - np.exp(-_STEEPNESS * reduced)) / span - 1.0
        slope = 2.0 * _STEEPNESS * np.exp(-_STEEPNESS * reduced) / span / self.cutoff
        values = chebyshev.chebvander(x[:, 0], self.functions - 1)
        kernels = np.eye(self.functions)
        derivatives = np.stack(
            [chebyshev.chebval(x[:, 0], chebyshev.chebder(k)) for k in kernels], 1
        )
        inside = np.maximum(1.0 - reduced**2, 0.0)
        envelope, falling = inside**3, -6.0 * reduced / self.cutoff * inside**2
        return values * envelope, derivatives * slope * envelope + values * falling

    def design(self, crystal: Crystal) -> Design:
        """Return the functions of the distances of each pair of elements, and their derivatives."""
        edges = neighbors_within(crystal, self.cutoff)
        count, per = len(self.elements), self.functions
        vector = (
            crystal.positions[edges.neighbor]
            + edges.image @ crystal.cell
            - crystal.positions[edges.center]
        )
        values, derivatives = self.radial(edges.distance)
        element = np.searchsorted(self.elements, crystal.numbers).clip(max=count - 1)
        known = self.elements[element] == crystal.numbers
        ends = np.sort(np.stack([element[edges.center], element[edges.neighbor]]), axis=0)
        pair = ends[0] * count - ends[0] * (ends[0] - 1) // 2 + ends[1] - ends[0]
        pair = np.where(known[edges.center] & known[edges.neighbor], pair, -1)
        energy = np.zeros((self.columns // per, per))
        forces = np.zeros((len(crystal), 3, self.columns // per, per))
        stress = np.zeros((3, 3, self.columns // per, per))
        for kind in np.unique(pair[pair >= 0]):
            chosen = pair == kind
            unit = vector[chosen] / edges.distance[chosen, None]
            pull = unit[:, :, None] * derivatives[chosen, None, :]
            of_atom = _summing(edges.center[chosen], len(crystal))
            energy[kind] = values[chosen].sum(axis=0) / 2
            forces[:, :, kind] = (of_atom @ pull.reshape(len(pull), -1)).reshape(-1, 3, per)
            stress[:, :, kind] = np.einsum("eak,eb->abk", pull, vector[chosen]) / 2 / crystal.volume
        return Design(
            energy.reshape(-1), forces.reshape(len(crystal), 3, -1), stress.reshape(3, 3, -1)
        )


def _summing(center: Int[np.ndarray, " edges"], num_atoms: int) -> csr_array:
    places = np.arange(len(center))
    return csr_array((np.ones(len(center)), (center, places)), shape=(num_atoms, len(center)))


def chebyshev_functions(
    distance: Float[Tensor, " edges"], cutoff: float, functions: int
) -> Float[Tensor, "edges functions"]:
    """Return the functions φ_k of `PairBasis`, as often differentiable as one likes.

    Args:
        distance: Å; beyond the cutoff they are 0.
        cutoff: r_c, Å.
        functions: How many, at least two.
    """
    reduced = distance / cutoff
    span = 1.0 - np.exp(-_STEEPNESS)
    x = 2.0 * (1.0 - torch.exp(-_STEEPNESS * reduced)) / span - 1.0
    values = [torch.ones_like(x), x]
    while len(values) < functions:
        values.append(2.0 * x * values[-1] - values[-2])
    envelope = (1.0 - reduced.square()).clamp(min=0.0) ** 3
    return torch.stack(values, dim=-1) * envelope.unsqueeze(-1)
