"""Sums over neighbors of their features times spherical harmonics, coupled once for each atom."""

from collections.abc import Iterable
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors, coupling, harmonic, product
from xtalgraph.nn.equivariant.neighbor_sum import Group, neighbor_sums
from xtalgraph.nn.equivariant.surroundings import Surroundings


class Path(NamedTuple):
    """A product of a neighbor's features with spherical harmonics."""

    input: Irrep
    """Of the neighbor."""
    degree: int
    """Of the harmonics."""
    output: Irrep
    """Of the product."""


@final
class Convolution(nn.Module):
    """m_i = Σ_j R(d_ij) C (h_j ⊗ Y(r̂_ij)) for each path, a product for each channel.

    A coupling C does not depend on the edge. So first the sums Σ_j R(d_ij) h_j Y(r̂_ij) are taken,
    which are products of matrices over the neighbors of an atom, and coupled once for each atom.

    Args:
        inputs: Channels of the neighbors' features.
        degree: The highest degree of the harmonics.
        outputs: Which representations are wanted; those that no path leads to are left out.
    """

    def __init__(self, inputs: Irreps, degree: int, outputs: Iterable[Irrep]) -> None:
        super().__init__()
        wanted = tuple(outputs)
        self.inputs = dict(inputs)
        self.paths = tuple(
            Path(start, order, end)
            for start in inputs
            for order in range(degree + 1)
            for end in product(start, harmonic(order))
            if end in wanted
        )
        self.width = sum(inputs[path.input] for path in self.paths)
        """How many radial functions there are: a channel for each path, in their order."""
        self.outputs: dict[Irrep, int] = {
            irrep: channels
            for irrep in wanted
            if (channels := sum(inputs[p.input] for p in self.paths if p.output == irrep))
        }
        """Channels of the sums: those of all paths that lead there, in their order."""
        self.groups: list[Group] = []
        self.members: list[list[Path]] = []
        column = 0
        for number, start in enumerate(inputs):
            for order in range(degree + 1):
                paths = [path for path in self.paths if path[:2] == (start, order)]
                scalar = [path for path in paths if order and not path.output[0]]
                for few in (scalar, paths[len(scalar) :]):
                    if few:
                        self.groups.append(Group(number, order, len(few), column, few is scalar))
                        self.members.append(few)
                        column += len(few) * inputs[start]
        for number, path in enumerate(self.paths):
            if path.degree and path.input[0] and path.output[0]:  # a scalar needs no table
                table = coupling(path.input[0], path.degree, path.output[0]).permute(2, 1, 0)
                self.register_buffer(f"coupling_{number}", table.flatten(1), persistent=False)

    def forward(
        self, atoms: Tensors, radial: Float[Tensor, "rows width"], around: Surroundings
    ) -> dict[Irrep, Float[Tensor, "atoms _ _"]]:
        """Add up over the neighbors.

        Args:
            atoms: Features h.
            radial: R of each row of the surroundings, `width` columns; zero at the cutoff.
            around: The surroundings of the same atoms.
        """
        if not self.groups:
            return {}
        features = [
            around.at_neighbors(atoms[start].flatten(1)).unflatten(2, (2 * start[0] + 1, channels))
            for start, channels in self.inputs.items()
        ]
        totals = neighbor_sums(around.harmonics.mT, around.at_slots(radial), features, self.groups)
        sums: dict[Irrep, list[Tensor]] = {irrep: [] for irrep in self.outputs}
        number = 0
        for paths, total in zip(self.members, totals, strict=True):
            for path, part in zip(paths, total.unbind(dim=2), strict=True):
                products = part.flatten(1, 2)
                if path.degree and path.input[0] and path.output[0]:
                    table: Tensor = getattr(self, f"coupling_{number}")
                    products = table.to(products.dtype) @ products
                elif path.degree and path.input[0]:
                    products = products * (2 * path.degree + 1) ** -0.5
                sums[path.output].append(products)
                number += 1
        return {irrep: torch.cat(parts, dim=-1) for irrep, parts in sums.items()}
