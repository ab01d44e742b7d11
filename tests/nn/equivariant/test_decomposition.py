"""The change of basis of tensors: orthonormal, complete, turning, and that of e3nn."""

import numpy as np
import pytest
import torch
from e3nn.o3 import Irreps, ReducedTensorProducts
from scipy.spatial.transform import Rotation

from xtalgraph.conventions.tensors import TensorType
from xtalgraph.conventions.voigt import NAMED
from xtalgraph.nn.equivariant.decomposition import decomposition
from xtalgraph.nn.equivariant.irreps import rotation_matrix


@pytest.mark.parametrize("name", NAMED)
def test_rows_are_an_orthonormal_basis_of_all_tensors_of_the_type(name):
    tensor = NAMED[name]
    bases = decomposition(tensor)
    rows = torch.cat([basis.flatten(0, 1) for basis in bases.values()]).numpy()
    assert len(rows) == tensor.num_components
    np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), atol=1e-10)
    values = tensor.from_components(np.eye(tensor.num_components)).reshape(len(rows), -1)
    np.testing.assert_allclose(values @ rows.T @ rows, values, atol=1e-10)


@pytest.mark.parametrize("improper", [False, True])
@pytest.mark.parametrize("name", NAMED)
def test_numbers_that_turn_as_irreps_make_tensors_that_turn(name, improper):
    tensor, turn = NAMED[name], Rotation.random(random_state=6).as_matrix()
    turn = -turn if improper else turn
    for irrep, basis in decomposition(tensor).items():
        numbers = torch.randn(len(basis), 2 * irrep[0] + 1)
        turned = numbers @ rotation_matrix(irrep, torch.from_numpy(turn)).T
        before, after = (
            torch.einsum("ck,cke->e", y, basis).numpy().reshape(tensor.shape)
            for y in (numbers, turned)
        )
        np.testing.assert_allclose(tensor.rotate(before, turn), after, atol=1e-10)


@pytest.mark.parametrize(
    ("tensor", "formula", "vectors"),
    [
        (NAMED["dielectric"], "ij=ji", "i"),
        (NAMED["piezoelectric"], "ijk=ikj", "ij"),
        (NAMED["elastic"], "ijkl=jikl=klij", "i"),
        (TensorType(2), "ij", "ij"),
    ],
)
def test_each_degree_spans_what_e3nn_finds(tensor, formula, vectors):
    theirs = ReducedTensorProducts(formula, **dict.fromkeys(vectors, "1o"))
    irreps, change = theirs.irreps_out, theirs.change_of_basis
    change = change.reshape(irreps.dim, -1)
    for irrep, basis in decomposition(tensor).items():
        chosen = torch.cat(
            [
                change[part]
                for part, (_, one) in zip(irreps.slices(), Irreps(irreps), strict=True)
                if (one.l, one.p) == irrep
            ]
        )
        ours = basis.flatten(0, 1)
        projector = torch.linalg.pinv(chosen) @ chosen
        torch.testing.assert_close(ours.T @ ours, projector, atol=1e-6, rtol=0.0)
