"""Cartesian tensors as sums of irreducible representations."""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from torch import Tensor

from xtalgraph.conventions.tensors import Irrep, TensorType
from xtalgraph.nn.equivariant.irreps import rotation_matrix

_SMALL = 1e-8


@cache
def decomposition(tensor: TensorType) -> dict[Irrep, Float[Tensor, "copies _ elements"]]:
    """Return the change of basis from irreducible representations to a tensor's elements.

    A tensor Σ_l Σ_c y_lc Q_lc, where y_lc are 2l + 1 numbers that turn as the representation l does
    and Q_lc is of shape (2l + 1, 3^rank), turns as its type says. All rows together are an
    orthonormal basis, so the norm of the numbers is that of the tensor.

    Q commutes with rotations: it is the null space of Q D(R) − D_l(R) Q for two rotations that
    generate all. That of several copies is not unique; a model keeps the one it was made with.

    Args:
        tensor: Of a single copy.
    """
    turns = [Rotation.from_rotvec(axis).as_matrix() for axis in ([1.0, 0.2, 0.0], [0.0, 0.3, 1.1])]
    unit = np.eye(tensor.num_components)
    of_tensor = [
        tensor.to_components(tensor.rotate(tensor.from_components(unit), turn)) for turn in turns
    ]
    bases = {}
    for irrep in sorted(set(tensor.irreps)):
        size = 2 * irrep[0] + 1
        changes = []
        for turn, matrix in zip(turns, of_tensor, strict=True):
            of_irrep = rotation_matrix(irrep, torch.from_numpy(turn)).numpy()
            # Rows of `matrix` are turned unit components: components turn by its transpose.
            changes.append(np.kron(np.eye(size), matrix.T) - np.kron(of_irrep.T, np.eye(len(unit))))
        _, sizes, vectors = np.linalg.svd(np.concatenate(changes), full_matrices=False)
        null = vectors[sizes < _SMALL]
        elements = tensor.from_components(null.reshape(-1, len(unit))) * size**0.5
        bases[irrep] = torch.from_numpy(elements.reshape(-1, size, 3**tensor.rank))
    return bases
