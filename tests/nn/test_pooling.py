"""Pooling against PyTorch Geometric's with the same weights, on rows repeated as they count."""

import pytest
import torch

from xtalgraph.nn.pooling import AttentionPooling, MeanPooling, Pooling, Set2SetPooling

SEGMENT = torch.tensor([2, 0, 2, 0, 2, 1])
COUNT = torch.tensor([1, 2, 3, 1, 4, 5])
WIDTH = 4


def rows() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, WIDTH, dtype=torch.float64, generator=generator, requires_grad=True)


def pair(pyg, name: str) -> tuple[Pooling, torch.nn.Module]:
    torch.manual_seed(0)
    if name == "mean":
        return MeanPooling(WIDTH), pyg.MeanAggregation()
    if name == "attention":
        ours = AttentionPooling(WIDTH).double()
        return ours, pyg.AttentionalAggregation(ours.score)
    ours = Set2SetPooling(WIDTH).double()
    theirs = pyg.Set2Set(WIDTH, processing_steps=3).double()
    state = ours.memory.state_dict()
    theirs.lstm.load_state_dict({f"{key}_l0": value for key, value in state.items()})
    return ours, theirs


@pytest.mark.parametrize("name", ["mean", "attention", "set2set"])
def test_it_is_that_of_pytorch_geometric_on_the_rows_repeated(pyg, name):
    ours, theirs = pair(pyg, name)
    values = rows()
    found = ours(values, COUNT.double(), SEGMENT, 3)
    assert found.shape == (3, ours.size)
    often = SEGMENT.repeat_interleave(COUNT)
    order = often.argsort()
    expected = theirs(values.repeat_interleave(COUNT, 0)[order], often[order], dim_size=3)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        torch.autograd.grad((found**2).sum(), values),
        torch.autograd.grad((expected**2).sum(), values),
        rtol=1e-10,
        atol=1e-10,
    )


@pytest.mark.parametrize("name", ["mean", "attention", "set2set"])
def test_a_set_repeated_is_the_same_and_an_empty_one_is_finite(pyg, name):
    ours, _ = pair(pyg, name)
    once = ours(rows(), COUNT.double(), SEGMENT, 4)
    torch.testing.assert_close(ours(rows(), 8.0 * COUNT, SEGMENT, 4), once, rtol=1e-12, atol=0)
    assert once[3].isfinite().all()


@pytest.mark.parametrize("name", ["mean", "attention", "set2set"])
def test_two_derivatives_agree_with_differences(pyg, name):
    ours, _ = pair(pyg, name)

    def pool(values: torch.Tensor) -> torch.Tensor:
        return ours(values, COUNT.double(), SEGMENT, 3)

    assert torch.autograd.gradcheck(pool, rows())
    assert torch.autograd.gradgradcheck(pool, rows())
