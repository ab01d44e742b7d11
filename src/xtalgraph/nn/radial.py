"""Radial bases: a distance becomes a smooth vector."""

from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import ConfigError


class GaussianBasis(nn.Module):
    """Gaussians on a grid of distances, exp(−(d − μ)² / 2σ²).

    The original CGCNN code writes exp(−(d − μ)² / s²); its s is σ√2 here.

    Args:
        start: First centre, Å.
        stop: Last centre, Å, included.
        step: Distance between centres, Å.
        sigma: Standard deviation of each Gaussian, Å.

    Source: Schütt et al., NeurIPS 2017 (arXiv 1706.08566), eq. 4; Xie and Grossman,
    Phys. Rev. Lett. 120, 145301 (2018).
    """

    centers: Tensor

    def __init__(self, start: float, stop: float, step: float, sigma: float) -> None:
        super().__init__()
        if not (step > 0 and sigma > 0 and stop > start):
            raise ConfigError(
                "a Gaussian basis needs stop > start, step > 0 and sigma > 0, "
                f"got start {start}, stop {stop}, step {step}, sigma {sigma} Å"
            )
        count = round((stop - start) / step) + 1
        self.register_buffer("centers", torch.linspace(start, stop, count), persistent=False)
        self.exponent = -0.5 / sigma**2

    @property
    def size(self) -> int:
        """Number of Gaussians."""
        return len(self.centers)

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Expand distances in Å."""
        return torch.exp(self.exponent * (distance.unsqueeze(-1) - self.centers) ** 2)


GAUSSIAN_PRESETS: Final[dict[str, dict[str, Any]]] = {
    "lecture": {"start": 0.0, "stop": 5.0, "step": 0.1, "sigma": 0.2},
    "cgcnn": {"start": 0.0, "stop": 8.0, "step": 0.2, "sigma": 0.2 / 2**0.5},
}
"""Named grids: the lecture's (51 centres to 5 Å), and that of the CGCNN code (41 to 8 Å)."""
