"""Envelopes: a factor on each message that goes to zero at the cutoff with zero slope."""

import math
from abc import ABC, abstractmethod
from typing import Literal, final, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import ConfigError

EnvelopeName = Literal["cosine", "polynomial", "none"]
"""What `make_envelope` makes."""


class Envelope(nn.Module, ABC):
    """A factor for each edge, from its length alone."""

    @abstractmethod
    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Evaluate at distances in Å."""


@final
class CosineEnvelope(Envelope):
    """½ (cos(π d / r_c) + 1) for d < r_c, and 0 beyond.

    Value and slope vanish at r_c; the curvature jumps there by π²/2r_c².

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


@final
class PolynomialEnvelope(Envelope):
    """1 − (p+1)(p+2)/2 x^p + p(p+2) x^(p+1) − p(p+1)/2 x^(p+2) with x = d/r_c, and 0 beyond.

    Value, slope and curvature vanish at r_c, so that forces have a continuous derivative. The
    higher p, the longer it stays near 1. It is computed as (1 − x)³ Σ_(k<p) ½(k+1)(k+2) x^k, which
    is the same polynomial and loses no digits near r_c.

    Args:
        cutoff: r_c, Å.
        power: p.

    Raises:
        ConfigError: If p is below 2, where the curvature at 0 is not defined.

    Source: Gasteiger et al., ICLR 2020 (arXiv 2003.03123), eq. 8.
    """

    def __init__(self, cutoff: float, power: int = 6) -> None:
        super().__init__()
        if power < 2:
            raise ConfigError(f"the power of a polynomial envelope must be at least 2, got {power}")
        self.cutoff, self.power = cutoff, power

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Evaluate at distances in Å."""
        x = distance / self.cutoff
        total = torch.zeros_like(x)
        for k in reversed(range(self.power)):
            total = total * x + 0.5 * (k + 1) * (k + 2)
        inside = (1.0 - x) ** 3 * total
        return torch.where(distance < self.cutoff, inside, torch.zeros_like(inside))


@final
class NoEnvelope(Envelope):
    """The constant 1, as in papers that cut hard."""

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, " edges"]:
        """Return ones."""
        return torch.ones_like(distance)


def make_envelope(name: str, cutoff: float) -> Envelope:
    """Make an envelope by its name, ``cosine``, ``polynomial`` or ``none``.

    Args:
        name: Which one.
        cutoff: Å.

    Raises:
        ConfigError: If there is no envelope of that name.
    """
    if name == "cosine":
        return CosineEnvelope(cutoff)
    if name == "polynomial":
        return PolynomialEnvelope(cutoff)
    if name == "none":
        return NoEnvelope()
    raise ConfigError(f"envelope must be one of {', '.join(get_args(EnvelopeName))}, got {name!r}")
