"""Weighted means and softmaxes against torch's on rows repeated as often as they weigh."""

import torch

from xtalgraph.nn.averages import softmax_weight, weighted_mean

SEGMENT = torch.tensor([2, 0, 2, 0, 2])
COUNT = torch.tensor([1, 2, 3, 1, 4])


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(5, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    score = torch.randn(5, dtype=torch.float64, generator=generator, requires_grad=True)
    return values, score


def test_a_softmax_is_torchs_over_the_rows_repeated():
    values, score = rows()
    weight = softmax_weight(score, COUNT.double(), SEGMENT, 4)
    found = weighted_mean(values, weight, SEGMENT, 4)
    for segment in (0, 2):
        mine = SEGMENT.repeat_interleave(COUNT) == segment
        often = score.repeat_interleave(COUNT)[mine].softmax(0)
        expected = often @ values.repeat_interleave(COUNT, 0)[mine]
        torch.testing.assert_close(found[segment], expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(found[[1, 3]], torch.zeros(2, 3, dtype=torch.float64))


def test_two_derivatives_agree_with_differences():
    values, score = rows()

    def softmax(values: torch.Tensor, score: torch.Tensor) -> torch.Tensor:
        weight = softmax_weight(score, COUNT.double(), SEGMENT, 4)
        return weighted_mean(values, weight, SEGMENT, 4)

    # The maximum that is subtracted is a constant to autograd, and drops out of the mean.
    assert torch.autograd.gradcheck(softmax, (values, score))
    assert torch.autograd.gradgradcheck(softmax, (values, score))


def test_large_scores_and_no_weight_stay_finite():
    values, _ = rows()
    score = torch.tensor([800.0, -800.0, 805.0, 0.0, -3e4], dtype=torch.float64, requires_grad=True)
    weight = softmax_weight(score, torch.tensor([1.0, 0, 1, 0, 1]).double(), SEGMENT, 4)
    found = weighted_mean(values, weight, SEGMENT, 4)
    torch.testing.assert_close(found[0], torch.zeros(3, dtype=torch.float64))
    part = torch.tensor(5.0, dtype=torch.float64).sigmoid()
    torch.testing.assert_close(found[2], part * values[2] + (1 - part) * values[0])
    for gradient in torch.autograd.grad(found.sum(), [values, score]):
        assert gradient.isfinite().all()
