"""Sums and averages of rows that belong together, and gathering, the transpose of a sum."""

from typing import Any

import torch
from jaxtyping import Float, Int, Num
from torch import Tensor
from torch.nn import functional


class _Gather(torch.autograd.Function):
    """Rows of a matrix by index.

    The backward of ``index_select`` scatters, several times slower on a CPU than adding by index.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(index)
        ctx.rows = values.shape[0]
        return values.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (index,) = ctx.saved_tensors
        return segment_sum(grads[0], index, ctx.rows), None


def gather(
    values: Float[Tensor, "rows features"], index: Int[Tensor, " chosen"]
) -> Float[Tensor, "chosen features"]:
    """Take rows by index; differentiable any number of times."""
    return _Gather.apply(values, index)


def segment_sum(
    values: Num[Tensor, "rows *features"], segment: Int[Tensor, " rows"], num_segments: int
) -> Num[Tensor, "segments *features"]:
    """Add up the rows of each segment; a segment without rows is zero."""
    total = values.new_zeros(num_segments, *values.shape[1:])
    return total.index_add_(0, segment, values)


def sum_sorted(
    values: Float[Tensor, "rows features"],
    segment: Int[Tensor, " rows"],
    num_segments: int,
    starts: Int[Tensor, " starts"] | None,
) -> Float[Tensor, "segments features"]:
    """`segment_sum` without a derivative, of rows that may be sorted by segment.

    Sorted rows in float32 on a CPU are added segment by segment, several times as fast as row by
    row, with the same bits.

    Args:
        values: What to add.
        segment: The segment of each row.
        num_segments: How many segments there are.
        starts: Where the rows of each segment begin, and where the last ones end, such as
            `Graph.edge_starts`; None if they are not sorted.
    """
    quick = values.dtype == torch.float32 and values.device.type == "cpu" and values.shape[0] > 0
    if starts is None or not quick:
        return segment_sum(values, segment, num_segments)
    rows = torch.arange(values.shape[0], dtype=starts.dtype)
    return functional.embedding_bag(rows, values, starts, mode="sum", include_last_offset=True)


def weighted(
    values: Float[Tensor, "rows *features"], multiplicity: Num[Tensor, " rows"]
) -> Float[Tensor, "rows *features"]:
    """Multiply each row by how often it counts."""
    return values * multiplicity.to(values.dtype).view(-1, *[1] * (values.ndim - 1))


def weighted_mean(
    values: Float[Tensor, "rows width"],
    weight: Float[Tensor, " rows"],
    segment: Int[Tensor, " rows"],
    num_segments: int,
) -> Float[Tensor, "segments width"]:
    """Σ w x / Σ w over the rows of each segment; zero where no row has any weight.

    >>> rows = torch.tensor([[1.0], [4.0], [9.0]])
    >>> weighted_mean(rows, torch.tensor([2.0, 1.0, 0.0]), torch.tensor([0, 0, 1]), 2)
    tensor([[2.],
            [0.]])
    """
    total = segment_sum(values * weight.unsqueeze(-1), segment, num_segments)
    mass = segment_sum(weight, segment, num_segments).unsqueeze(-1)
    return total / torch.where(mass > 0, mass, torch.ones_like(mass))


def softmax_weight(
    score: Float[Tensor, " rows"],
    weight: Float[Tensor, " rows"],
    segment: Int[Tensor, " rows"],
    num_segments: int,
) -> Float[Tensor, " rows"]:
    """Return w exp(a − max a), the weights that make `weighted_mean` a softmax.

    A row of weight 2 counts as two rows, one of weight 0 as none. The maximum keeps the
    exponentials finite and drops out of the mean.
    """
    counts = weight > 0
    highest = score.new_full((num_segments,), -torch.inf)
    seen = torch.where(counts, score.detach(), -torch.inf)
    highest = highest.scatter_reduce(0, segment, seen, "amax").index_select(0, segment)
    above = torch.where(counts, score - highest, 0.0)
    return weight * torch.exp(above)
