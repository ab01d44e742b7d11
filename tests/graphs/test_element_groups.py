"""Atoms by element."""

import pytest
import torch

from xtalgraph.graphs.element_groups import ElementGroups


@pytest.mark.parametrize("numbers", [[8, 22, 38, 8, 8], [14, 14]], ids=["three", "one"])
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
