"""What flows when a crystal is drawn: coordinates on the torus, and the shapes of cells."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

_UPPER: Final = (0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2)
"""The six numbers of a symmetric matrix, row by row."""


@dataclass(frozen=True, eq=False)
class CellsAndSites:
    """A batch of crystals as they flow; neither rotations nor the origin of the cell are in it."""

    number: Int[Tensor, " atoms"]
    """Atomic numbers."""
    num_atoms: Int[Tensor, " crystals"]
    """Of each crystal."""
    fractional: Float[Tensor, "atoms 3"]
    """Coordinates in units of the lattice vectors."""
    shape: Float[Tensor, "crystals 6"]
    """Of each cell, see `shapes_of`."""

    def to(self, device: torch.device) -> "CellsAndSites":
        """Return the same on a device."""
        tensors = self.number, self.num_atoms, self.fractional, self.shape
        return CellsAndSites(*(tensor.to(device) for tensor in tensors))


def wrapped(difference: Float[Tensor, "*rows 3"]) -> Float[Tensor, "*rows 3"]:
    """Return the shortest way on the torus, each component from -1/2 to 1/2.

    >>> wrapped(torch.tensor([0.9, -0.2, 0.5]))
    tensor([-0.1000, -0.2000,  0.5000])
    """
    return difference - difference.round()


def without_mean(
    vectors: Float[Tensor, "atoms 3"], num_atoms: Int[Tensor, " crystals"]
) -> Float[Tensor, "atoms 3"]:
    """Take from the vectors of each crystal their mean, which would move the crystal as a whole.

    Args:
        vectors: One for each atom, crystal by crystal.
        num_atoms: Of each crystal.
    """
    crystal = torch.arange(len(num_atoms), device=num_atoms.device).repeat_interleave(num_atoms)
    total = vectors.new_zeros(len(num_atoms), 3).index_add(0, crystal, vectors)
    return vectors - (total / num_atoms.unsqueeze(-1)).index_select(0, crystal)


def shapes_of(
    cell: Float[Tensor, "crystals 3 3"], num_atoms: Int[Tensor, " crystals"]
) -> Float[Tensor, "crystals 6"]:
    """Return the shapes of cells: log √(C Cᵀ) of lattice vectors in rows, less (log N) / 3.

    √(C Cᵀ) is the symmetric matrix that differs from C by a rotation. The trace of its logarithm is
    that of the volume, here of the volume of an atom, so that cells of different sizes are alike.

    Args:
        cell: Lattice vectors as rows, Å.
        num_atoms: Of each crystal.

    Source: R. Jiao et al., ICLR 2024 (arXiv 2402.03992), section 4.1, for the logarithm.

    >>> cell = 2.0 * torch.eye(3, dtype=torch.float64).unsqueeze(0)
    >>> shapes_of(cell, torch.tensor([8])).abs().max() < 1e-12
    tensor(True)
    """
    metric, turned = torch.linalg.eigh(cell @ cell.mT)
    logarithm = turned @ torch.diag_embed(metric.log() / 2) @ turned.mT
    size = num_atoms.to(cell.dtype).log() / 3
    logarithm = logarithm - size.view(-1, 1, 1) * torch.eye(3, dtype=cell.dtype, device=cell.device)
    return logarithm[:, _UPPER[0], _UPPER[1]]


def cells_from(
    shape: Float[Tensor, "crystals 6"], num_atoms: Int[Tensor, " crystals"]
) -> Float[Tensor, "crystals 3 3"]:
    """Return the symmetric cells of some shapes, lattice vectors as rows, Å; see `shapes_of`.

    Args:
        shape: Of each cell.
        num_atoms: Of each crystal.
    """
    logarithm = shape.new_zeros(len(shape), 3, 3)
    logarithm[:, _UPPER[0], _UPPER[1]] = shape
    logarithm[:, _UPPER[1], _UPPER[0]] = shape
    size = num_atoms.to(shape.dtype).pow(1 / 3)
    return size.view(-1, 1, 1) * torch.linalg.matrix_exp(logarithm)
