"""Linear maps against e3nn's, with the same weights."""

import torch
from e3nn import o3

from xtalgraph.nn.equivariant.linear import EquivariantLinear


def test_it_is_that_of_e3nn():
    torch.manual_seed(0)
    inputs, outputs = {(0, 1): 3, (1, -1): 2, (2, 1): 4}, {(1, -1): 5, (0, 1): 2, (3, -1): 1}
    ours = EquivariantLinear(inputs, outputs)
    assert ours.outputs == {(1, -1): 5, (0, 1): 2}
    theirs = o3.Linear("3x0e+2x1o+4x2e", "5x1o+2x0e")
    with torch.no_grad():
        views = list(theirs.weight_views())
        for path, view in zip(theirs.instructions, views, strict=True):
            irrep = theirs.irreps_out[path.i_out].ir
            row = list(ours.outputs).index((irrep.l, irrep.p))
            view.copy_(ours.weights[row] / path.path_weight)
    atoms = {i: torch.randn(6, 2 * i[0] + 1, c) for i, c in inputs.items()}
    expected = theirs(torch.cat([values.mT.flatten(1) for values in atoms.values()], dim=1))
    mixed = ours(atoms)
    made = torch.cat([values.mT.flatten(1) for values in mixed.values()], dim=1)
    torch.testing.assert_close(made, expected)
