"""Products with a tensor of the center, against e3nn's product for each edge."""

import torch
from e3nn import o3

from xtalgraph.nn.equivariant.edge_product import EdgeProduct

INPUTS, OTHERS = ((0, 1), (1, -1), (1, 1), (2, 1)), ((0, 1), (1, -1), (2, 1))
OUTPUTS = ((0, 1), (0, -1), (1, -1), (2, -1))
CHANNELS, ATOMS, SLOTS = 3, 4, 5


def test_it_is_the_product_of_each_edge():
    torch.manual_seed(0)
    multiply = EdgeProduct(INPUTS, OTHERS, OUTPUTS, CHANNELS)
    edges = torch.randn(CHANNELS, ATOMS, SLOTS, 1 + 3 + 3 + 5)
    atoms = torch.randn(ATOMS, 9, CHANNELS)
    found = edges @ multiply(atoms)
    assert found.shape == (CHANNELS, ATOMS, SLOTS, 1 + 1 + 3 + 5)
    paths = [
        (inputs, others, outputs, "uuu", True)
        for outputs, end in enumerate(OUTPUTS)
        for inputs, start in enumerate(INPUTS)
        for others, other in enumerate(OTHERS)
        if o3.Irrep(*end) in o3.Irrep(*start) * o3.Irrep(*other)
    ]
    product = o3.TensorProduct(
        [(1, irrep) for irrep in INPUTS],
        [(1, irrep) for irrep in OTHERS],
        [(1, irrep) for irrep in OUTPUTS],
        paths,
        path_normalization="none",
        internal_weights=False,
        shared_weights=True,
    )
    for channel in range(CHANNELS):
        environment = atoms[:, :, channel].unsqueeze(1).expand(-1, SLOTS, -1)
        expected = product(edges[channel], environment, multiply.weight[channel])
        torch.testing.assert_close(found[channel], expected, rtol=0, atol=1e-12)


def test_a_product_that_nothing_leads_to_has_no_paths():
    multiply = EdgeProduct(((0, 1),), ((1, -1),), ((1, -1), (2, 1)), 2)
    assert multiply.weight.shape == (2, 1)
    assert not multiply(torch.ones(1, 3, 2))[..., 3:].any()
