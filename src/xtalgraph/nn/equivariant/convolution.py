"""Sums over neighbors of their features times spherical harmonics, coupled once for each atom."""

from collections.abc import Iterable
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors, coupling, harmonic, product
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
        for number, start in enumerate(inputs):
            table = _couplings([path for path in self.paths if path.input == start], degree)
            self.register_buffer(f"couplings_{number}", table, persistent=False)

    def forward(
        self, atoms: Tensors, radial: Float[Tensor, "rows width"], around: Surroundings
    ) -> dict[Irrep, Float[Tensor, "atoms _ _"]]:
        """Add up over the neighbors.

        Args:
            atoms: Features h.
            radial: R of each row of the surroundings, `width` columns; zero at the cutoff.
            around: The surroundings of the same atoms.
        """
        placed, column = around.at_slots(radial), 0
        sums: dict[Irrep, list[Tensor]] = {irrep: [] for irrep in self.outputs}
        for number, (start, channels) in enumerate(self.inputs.items()):
            paths = [path for path in self.paths if path.input == start]
            if not paths:
                continue
            weights = placed[..., column : column + len(paths) * channels]
            column += len(paths) * channels
            size, count = 2 * start[0] + 1, len(paths)
            sent = around.at_neighbors(atoms[start].flatten(1)).unflatten(2, (1, size, channels))
            message = (weights.unflatten(2, (count, 1, channels)) * sent).flatten(2)
            total = around.harmonics @ message
            total = total.reshape(len(total), -1, channels)
            table: Tensor = getattr(self, f"couplings_{number}")
            coupled = table.to(total.dtype) @ total
            sizes = [2 * path.output[0] + 1 for path in paths]
            for path, part in zip(paths, coupled.split(sizes, dim=1), strict=True):
                sums[path.output].append(part)
        return {irrep: torch.cat(parts, dim=-1) for irrep, parts in sums.items()}


def _couplings(paths: list[Path], degree: int) -> Float[Tensor, "outputs products"]:
    """The components of all outputs from products of harmonics, paths and input components."""
    components = 2 * paths[0].input[0] + 1 if paths else 0
    rows = [torch.zeros(0, (degree + 1) ** 2, len(paths), components, dtype=torch.float64)]
    for number, (start, order, end) in enumerate(paths):
        block = rows[0].new_zeros(2 * end[0] + 1, *rows[0].shape[1:])
        couple = coupling(start[0], order, end[0])
        block[:, order**2 : (order + 1) ** 2, number] = couple.permute(2, 1, 0)
        rows.append(block)
    return torch.cat(rows).flatten(1)
