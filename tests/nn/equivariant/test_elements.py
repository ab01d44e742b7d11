"""Each atom has the weights of its element."""

import pytest
import torch

from xtalgraph.nn.equivariant.elements import ElementGroups, ElementLinear

NUMBERS = [[8, 22, 38, 8, 8], [14, 14]]


@pytest.mark.parametrize("numbers", NUMBERS, ids=["three", "one"])
def test_atoms_are_grouped_by_element(numbers):
    number = torch.tensor(numbers)
    groups = ElementGroups.of(number)
    assert groups.present.tolist() == sorted(set(numbers))
    assert torch.equal(groups.present[groups.element], number)
    assert torch.equal(number[groups.order], number.sort().values)
    assert torch.equal(groups.order[groups.rank], torch.arange(len(number)))
    assert groups.counts == [numbers.count(one) for one in sorted(set(numbers))]
    table = torch.arange(119.0)
    rows = groups.rows(table)
    assert torch.equal(rows.expand(len(number)), table[number])


@pytest.mark.parametrize("numbers", NUMBERS, ids=["three", "one"])
def test_each_atom_is_multiplied_with_the_matrix_of_its_element(numbers):
    linear = ElementLinear({(0, 1): 3, (1, -1): 2}, {(1, -1): 4, (2, 1): 1}, 119)
    assert linear.outputs == {(1, -1): 4}
    atoms = {(1, -1): torch.randn(len(numbers), 3, 2)}
    mixed = linear(atoms, ElementGroups.of(torch.tensor(numbers)))[1, -1]
    for row, number in enumerate(numbers):
        expected = atoms[1, -1][row] @ linear.weights[0][number]
        torch.testing.assert_close(mixed[row], expected)
