"""Segment sums against a plain loop; gathering against indexing, through two derivatives."""

import pytest
import torch

from xtalgraph.nn.determinism import deterministic
from xtalgraph.nn.segments import gather, segment_sum, sum_sorted, weighted

SEGMENT = torch.tensor([2, 0, 2, 3, 0])
VALUES = torch.arange(10, dtype=torch.float64).reshape(5, 2)


def test_a_sum_equals_a_loop_and_empty_segments_are_zero():
    total = segment_sum(VALUES, SEGMENT, 5)
    for s in range(5):
        torch.testing.assert_close(total[s], VALUES[s == SEGMENT].sum(0))


def test_a_row_that_counts_twice_is_as_good_as_two():
    multiplicity = torch.tensor([1, 2, 3, 1, 4])
    repeated = VALUES.repeat_interleave(multiplicity, 0), SEGMENT.repeat_interleave(multiplicity)
    torch.testing.assert_close(
        segment_sum(weighted(VALUES, multiplicity), SEGMENT, 5), segment_sum(*repeated, 5)
    )


def test_gather_is_indexing_with_the_same_derivatives():
    values = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(gather(values, SEGMENT), values[SEGMENT])
    assert torch.autograd.gradcheck(lambda v: gather(v, SEGMENT), values)
    assert torch.autograd.gradgradcheck(lambda v: gather(v, SEGMENT) ** 2, values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [0, 1, 1000])
@pytest.mark.parametrize("ordered", [True, False])
def test_sorted_rows_add_up_to_the_same_bits(dtype, rows, ordered):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(rows, 5, generator=generator, dtype=dtype)
    segment = torch.randint(0, 70, (rows,), generator=generator)
    segment = segment.sort().values if ordered else segment
    starts = torch.searchsorted(segment, torch.arange(72)) if ordered else None
    with deterministic():
        found = sum_sorted(values, segment, 71, starts)  # the last one is empty
        assert torch.equal(found, segment_sum(values, segment, 71))
