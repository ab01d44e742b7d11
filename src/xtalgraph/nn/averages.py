"""Averages of rows that belong together, with weights that may all be zero."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.nn.segments import segment_sum


def weighted_mean(
    values: Float[Tensor, "rows width"],
    weight: Float[Tensor, " rows"],
    segment: Int[Tensor, " rows"],
    num_segments: int,
) -> Float[Tensor, "segments width"]:
    """Σ w x / Σ w over the rows of each segment; zero where no row has any weight.

    Args:
        values: What to average.
        weight: Not negative.
        segment: The segment of each row.
        num_segments: How many segments there are.

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

    Args:
        score: a.
        weight: w, not negative.
        segment: The segment of each row.
        num_segments: How many segments there are.
    """
    counts = weight > 0
    highest = score.new_full((num_segments,), -torch.inf)
    seen = torch.where(counts, score.detach(), -torch.inf)
    highest = highest.scatter_reduce(0, segment, seen, "amax").index_select(0, segment)
    above = torch.where(counts, score - highest, 0.0)
    return weight * torch.exp(above)
