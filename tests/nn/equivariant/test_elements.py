"""Each atom has the weights of its element."""

import pytest
import torch

from xtalgraph.graphs.element_groups import ElementGroups
from xtalgraph.nn.equivariant.elements import ElementLinear

NUMBERS = [[8, 22, 38, 8, 8], [14, 14]]


@pytest.mark.parametrize("numbers", NUMBERS, ids=["three", "one"])
def test_each_atom_is_multiplied_with_the_matrix_of_its_element(numbers):
    linear = ElementLinear({(0, 1): 3, (1, -1): 2}, {(1, -1): 4, (2, 1): 1}, 119)
    assert linear.outputs == {(1, -1): 4}
    atoms = {(1, -1): torch.randn(len(numbers), 3, 2)}
    mixed = linear(atoms, ElementGroups.of(torch.tensor(numbers)))[1, -1]
    for row, number in enumerate(numbers):
        expected = atoms[1, -1][row] @ linear.weights[0][number]
        torch.testing.assert_close(mixed[row], expected)
