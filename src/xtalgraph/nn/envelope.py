"""Envelopes: a factor on each message that goes to zero at the cutoff with zero slope."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import ConfigError


class CosineEnvelope(nn.Module):
    """½ (cos(π d / r_c) + 1) for d < r_c, and 0 beyond.

    Args:
        cutoff: r_c, Å.

    Source: Behler and Parrinello, Phys. Rev. Lett. 98, 146401 (2007), eq. 4.
    """

    def __init__(self, cutoff: float) -> None:
        super().__init__()
        self.cutoff = cutoff

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Evaluate at distances in Å."""
        inside = 0.5 * (torch.cos(math.pi / self.cutoff * distance) + 1.0)
        return torch.where(distance < self.cutoff, inside, torch.zeros_like(inside))


class NoEnvelope(nn.Module):
    """The constant 1, as in papers that cut hard."""

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Return ones."""
        return torch.ones_like(distance)


def make_envelope(name: str, cutoff: float) -> nn.Module:
    """Make an envelope by its name, ``cosine`` or ``none``.

    Args:
        name: Which one.
        cutoff: Å.

    Raises:
        ConfigError: If there is no envelope of that name.
    """
    if name == "cosine":
        return CosineEnvelope(cutoff)
    if name == "none":
        return NoEnvelope()
    raise ConfigError(f"envelope must be 'cosine' or 'none', got {name!r}")
