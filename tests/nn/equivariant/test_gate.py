"""The gate against e3nn's."""

import torch
from e3nn import nn
from torch.nn.functional import silu

from xtalgraph.nn.equivariant.gate import Gate


def test_it_is_that_of_e3nn():
    torch.manual_seed(0)
    ours = Gate({(0, 1): 4, (0, -1): 2, (1, -1): 3, (2, 1): 2})
    assert ours.inputs == {(0, 1): 4 + 5, (0, -1): 2, (1, -1): 3, (2, 1): 2}
    theirs = nn.Gate("4x0e+2x0o", [silu, torch.tanh], "5x0e", [silu], "3x1o+2x2e")
    atoms = {
        irrep: torch.randn(6, 2 * irrep[0] + 1, channels) for irrep, channels in ours.inputs.items()
    }
    sorted_atoms = [atoms[irrep.ir.l, irrep.ir.p] for irrep in theirs.irreps_in]
    expected = theirs(torch.cat([part.mT.flatten(1) for part in sorted_atoms], dim=1))
    gated = ours(atoms)
    assert {irrep: values.shape[2] for irrep, values in gated.items()} == ours.outputs
    made = torch.cat([values.mT.flatten(1) for values in gated.values()], dim=1)
    torch.testing.assert_close(made, expected)


def test_gates_alone_need_no_scalars():
    ours = Gate({(1, -1): 3})
    atoms = {(0, 1): torch.ones(2, 1, 3), (1, -1): torch.randn(2, 3, 3)}
    assert list(ours(atoms)) == [(1, -1)]
