"""Segment sums against a plain loop, averages against repeated rows, gathering against indexing."""

import pytest
import torch

from xtalgraph.nn.determinism import deterministic
from xtalgraph.nn.segments import (
    gather,
    segment_sum,
    softmax_weight,
    sum_sorted,
    weighted,
    weighted_mean,
)

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


OWNER = torch.tensor([2, 0, 2, 0, 2])
OFTEN = torch.tensor([1, 2, 3, 1, 4])


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(5, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    score = torch.randn(5, dtype=torch.float64, generator=generator, requires_grad=True)
    return values, score


def test_a_softmax_is_torchs_over_the_rows_repeated():
    values, score = rows()
    weight = softmax_weight(score, OFTEN.double(), OWNER, 4)
    found = weighted_mean(values, weight, OWNER, 4)
    for segment in (0, 2):
        mine = OWNER.repeat_interleave(OFTEN) == segment
        often = score.repeat_interleave(OFTEN)[mine].softmax(0)
        expected = often @ values.repeat_interleave(OFTEN, 0)[mine]
        torch.testing.assert_close(found[segment], expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(found[[1, 3]], torch.zeros(2, 3, dtype=torch.float64))


def test_two_derivatives_agree_with_differences():
    values, score = rows()

    def softmax(values: torch.Tensor, score: torch.Tensor) -> torch.Tensor:
        weight = softmax_weight(score, OFTEN.double(), OWNER, 4)
        return weighted_mean(values, weight, OWNER, 4)

    # The maximum that is subtracted is a constant to autograd, and drops out of the mean.
    assert torch.autograd.gradcheck(softmax, (values, score))
    assert torch.autograd.gradgradcheck(softmax, (values, score))


def test_large_scores_and_no_weight_stay_finite():
    values, _ = rows()
    score = torch.tensor([800.0, -800.0, 805.0, 0.0, -3e4], dtype=torch.float64, requires_grad=True)
    weight = softmax_weight(score, torch.tensor([1.0, 0, 1, 0, 1]).double(), OWNER, 4)
    found = weighted_mean(values, weight, OWNER, 4)
    torch.testing.assert_close(found[0], torch.zeros(3, dtype=torch.float64))
    part = torch.tensor(5.0, dtype=torch.float64).sigmoid()
    torch.testing.assert_close(found[2], part * values[2] + (1 - part) * values[0])
    for gradient in torch.autograd.grad(found.sum(), [values, score]):
        assert gradient.isfinite().all()
