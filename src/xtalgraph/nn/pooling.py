"""Pooling: one vector for a crystal from many, which repeating the crystal does not change."""

from abc import ABC, abstractmethod
from typing import Final, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xtalgraph.nn.segments import gather, softmax_weight, weighted_mean

Rows: TypeAlias = Float[Tensor, "rows width"]
Weight: TypeAlias = Float[Tensor, " rows"]
Segment: TypeAlias = Int[Tensor, " rows"]
Pooled: TypeAlias = Float[Tensor, "segments size"]


class Pooling(nn.Module, ABC):
    """Base of every pooling.

    Args:
        size: Length of what it returns.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    @abstractmethod
    def forward(self, values: Rows, weight: Weight, segment: Segment, num_segments: int) -> Pooled:
        """Return one vector for each segment.

        Args:
            values: Rows to be pooled, of atoms or of edges.
            weight: How often each counts, not negative; of an edge with its envelope, which
                is then a factor of the values, too.
            segment: The segment of each row, a crystal.
            num_segments: How many segments there are.
        """


class MeanPooling(Pooling):
    """Σ n h / Σ n."""

    def __init__(self, width: int) -> None:
        super().__init__(width)

    def forward(self, values: Rows, weight: Weight, segment: Segment, num_segments: int) -> Pooled:
        """Average the rows of each segment."""
        return weighted_mean(values, weight, segment, num_segments)


class AttentionPooling(Pooling):
    """Σ α h with α = n exp(a) / Σ n exp(a), and a score a = w_2 · tanh(W_1 h + b_1).

    Source: Ilse et al., ICML 2018 (arXiv 1802.04712), eq. 8.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.score = nn.Sequential(
            nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False)
        )

    def forward(self, values: Rows, weight: Weight, segment: Segment, num_segments: int) -> Pooled:
        """Average the rows of each segment with weights that the rows decide."""
        score = self.score(values).squeeze(-1)
        weight = softmax_weight(score, weight, segment, num_segments)
        return weighted_mean(values, weight, segment, num_segments)


class Set2SetPooling(Pooling):
    """An LSTM that reads the set several times by attention: q ⊕ r, twice as long as a row.

    q = LSTM(q ⊕ r), a = h · q, r = Σ n exp(a) h / Σ n exp(a), from zeros, `STEPS` times.

    Args:
        width: Length of a row.

    Source: Vinyals et al., ICLR 2016 (arXiv 1511.06391), eq. 3 to 7.
    """

    STEPS: Final = 3
    """How often it reads the set."""

    def __init__(self, width: int) -> None:
        super().__init__(2 * width)
        self.memory = nn.LSTMCell(2 * width, width)

    def forward(self, values: Rows, weight: Weight, segment: Segment, num_segments: int) -> Pooled:
        """Return the last query and what it read."""
        query = cell = values.new_zeros(num_segments, values.shape[1])
        memory_input = torch.cat([query, cell], dim=-1)
        for _ in range(self.STEPS):
            query, cell = self.memory(memory_input, (query, cell))
            score = (values * gather(query, segment)).sum(dim=-1)
            attention = softmax_weight(score, weight, segment, num_segments)
            read = weighted_mean(values, attention, segment, num_segments)
            memory_input = torch.cat([query, read], dim=-1)
        return memory_input
