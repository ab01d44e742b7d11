"""Radial bases: a distance becomes a smooth vector.

Constants of a basis lie in float64 and are rounded where they are used, so that a model in float64
has all their digits, also if it was made in float32.
"""

import math
from abc import abstractmethod
from typing import Annotated, Any, Final, Literal, final, get_args

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from xtalgraph.conventions.conditional import OnlyIf
from xtalgraph.conventions.errors import ConfigError
from xtalgraph.conventions.ranges import Functions, Step
from xtalgraph.nn.basis import Basis
from xtalgraph.nn.spherical_bessel import spherical_bessel

BasisName = Literal["gaussian", "bessel", "chebyshev", "lecture", "cgcnn"]
"""What `make_basis` makes; the last two are Gaussians on a grid of their own."""
GridStep = Annotated[Step, OnlyIf("basis", lambda name: name == "gaussian")]
"""Setting of Gaussians whose grid is not given by their name."""
BasisSize = Annotated[Functions, OnlyIf("basis", lambda name: name in ("bessel", "chebyshev"))]
"""Number of the functions that are counted, not placed on a grid."""


FAINTEST: Final = -80.0
"""The exponent at which a Gaussian stops fading. Below e⁻⁸⁷ float32 has no ordinary numbers, and
an exponential takes eight times as long."""


class RadialBasis(Basis):
    """Functions of a distance, side by side; every one is differentiable as often as one likes."""

    variable = "radial"
    reach: float
    """The largest distance that the basis is made for, Å."""

    @abstractmethod
    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Expand distances in Å."""


@final
class GaussianBasis(RadialBasis):
    """Gaussians on a grid of distances, exp(−(d − μ)² / 2σ²).

    The original CGCNN code writes exp(−(d − μ)² / s²); its s is σ√2 here. Beyond the last centre
    all of them fade, to e⁻⁸⁰ and no further, and edges of different length look the same: see
    `edges_beyond`.

    Args:
        start: First centre, Å.
        stop: Last centre, Å, included.
        step: Distance between centres, Å.
        sigma: Standard deviation of each Gaussian, Å.

    Raises:
        ConfigError: If the grid makes no sense.

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
        self.size = round((stop - start) / step) + 1
        self.reach = stop
        centers = torch.linspace(start, stop, self.size, dtype=torch.float64)
        self.register_buffer("centers", centers, persistent=False)
        self.exponent = -0.5 / sigma**2
        made = (stop - start) / max(1, self.size - 1)  # whole steps from the first to the last
        self.description = (
            f"{self.size} Gaussians from {start:g} to {stop:g} Å every {made:.4g} Å, "
            f"standard deviation {sigma:.4g} Å"
        )

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Expand distances in Å."""
        away = distance.unsqueeze(-1) - self.centers.to(distance.dtype)
        if distance.requires_grad:
            return torch.exp((self.exponent * away**2).clamp(min=FAINTEST))
        return away.square_().mul_(self.exponent).clamp_(min=FAINTEST).exp_()


@final
class BesselBasis(RadialBasis):
    """√(2/r_c) sin(k_n d)/d with k_n = nπ/r_c, n from 1 to size.

    They are the waves of a particle in a sphere of radius r_c, orthonormal under ∫ d² dd, and zero
    at r_c with a slope, which an envelope takes away. At d = 0 they are √(2/r_c) k_n.

    Args:
        cutoff: r_c, Å.
        size: Number of functions.

    Raises:
        ConfigError: If the cutoff or the size is not positive.

    Source: Gasteiger et al., ICLR 2020 (arXiv 2003.03123), eq. 7.
    """

    wave_number: Tensor

    def __init__(self, cutoff: float, size: int = 16) -> None:
        super().__init__()
        _check("Bessel", cutoff, size)
        self.size, self.reach = size, cutoff
        self.scale = math.sqrt(2.0 / cutoff)
        self.description = f"{size} Bessel functions up to {cutoff:g} Å"
        wave_number = torch.arange(1, size + 1, dtype=torch.float64) * (math.pi / cutoff)
        self.register_buffer("wave_number", wave_number, persistent=False)

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Expand distances in Å; the functions are in Å^(−3/2)."""
        wave_number = self.wave_number.to(distance.dtype)
        phase = distance.unsqueeze(-1) * wave_number
        return self.scale * wave_number * spherical_bessel(phase, 0)[..., 0]


@final
class ChebyshevBasis(RadialBasis):
    """Chebyshev polynomials T_n(2d/r_c − 1), n from 0 to size − 1.

    They stay between −1 and 1 up to r_c and grow without bound beyond it.

    Args:
        cutoff: r_c, Å.
        size: Number of functions.

    Raises:
        ConfigError: If the cutoff or the size is not positive.

    Source: Artrith, Urban and Ceder, Phys. Rev. B 96, 014112 (2017),
    doi 10.1103/PhysRevB.96.014112, eq. 5.
    """

    def __init__(self, cutoff: float, size: int = 16) -> None:
        super().__init__()
        _check("Chebyshev", cutoff, size)
        self.size, self.reach = size, cutoff
        self.description = f"{size} Chebyshev polynomials up to {cutoff:g} Å"

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Expand distances in Å."""
        return chebyshev(2.0 / self.reach * distance - 1.0, self.size)


@final
class NoBasis(RadialBasis):
    """No functions: for a model that reads who is whose neighbour and no distance."""

    def __init__(self) -> None:
        super().__init__()
        self.size, self.reach = 0, math.inf
        self.description = "none: distances are not read"

    def forward(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, "edges basis"]:
        """Return no columns."""
        return distance.unsqueeze(-1)[:, :0]


def chebyshev(x: Float[Tensor, " rows"], count: int) -> Float[Tensor, "rows count"]:
    """Chebyshev polynomials T_0 to T_(count − 1) by T_(n+1) = 2x T_n − T_(n−1).

    The recursion has derivatives at ±1, where cos(n arccos x) has none.

    >>> chebyshev(torch.tensor([0.5]), 4)
    tensor([[ 1.0000,  0.5000, -0.5000, -1.0000]])
    """
    columns = [torch.ones_like(x), x]
    while len(columns) < count:
        columns.append(2.0 * x * columns[-1] - columns[-2])
    return torch.stack(columns[:count], dim=-1)


GAUSSIAN_PRESETS: Final[dict[str, dict[str, Any]]] = {
    "lecture": {"start": 0.0, "stop": 5.0, "step": 0.1, "sigma": 0.2},
    "cgcnn": {"start": 0.0, "stop": 8.0, "step": 0.2, "sigma": 0.2 / 2**0.5},
}
"""Named grids: the lecture's (51 centres to 5 Å), and that of the CGCNN code (41 to 8 Å)."""


def make_basis(
    name: str, cutoff: float, *, size: int = 16, step: float = 0.2, sigma: float = 0.2 / 2**0.5
) -> RadialBasis:
    """Make a radial basis by its name.

    Args:
        name: ``gaussian``, from 0 to the cutoff, ``bessel`` or ``chebyshev``; or the name of a
            preset, ``lecture`` or ``cgcnn``, whose grid ends where it ends, whatever the cutoff.
        cutoff: Å.
        size: Number of functions of ``bessel`` and ``chebyshev``.
        step: Distance between the centres of ``gaussian``, Å.
        sigma: Standard deviation of ``gaussian``, Å.

    Raises:
        ConfigError: If there is no basis of that name, or it cannot be made of these numbers.
    """
    if name in GAUSSIAN_PRESETS:
        return GaussianBasis(**GAUSSIAN_PRESETS[name])
    if name == "gaussian":
        return GaussianBasis(0.0, cutoff, step, sigma)
    if name == "bessel":
        return BesselBasis(cutoff, size)
    if name == "chebyshev":
        return ChebyshevBasis(cutoff, size)
    raise ConfigError(f"basis must be one of {', '.join(get_args(BasisName))}, got {name!r}")


def edges_beyond(basis: RadialBasis, distance: Float[Tensor, " edges"]) -> Bool[Tensor, " edges"]:
    """Mark the edges that are longer than the basis reaches.

    Beyond the last Gaussian all values fade to zero, beyond r_c the polynomials explode: such edges
    are not told apart, or drown the rest.

    Args:
        basis: Any.
        distance: Lengths, Å; a pair at the reach to within 1e-6 Å is not beyond it.

    >>> edges_beyond(GaussianBasis(**GAUSSIAN_PRESETS["lecture"]), torch.tensor([2.0, 5.0, 5.2]))
    tensor([False, False,  True])
    """
    return distance > basis.reach + 1e-6


def _check(what: str, cutoff: float, size: int) -> None:
    if not (cutoff > 0 and size > 0):
        raise ConfigError(
            f"a {what} basis needs a cutoff larger than 0 Å and a size of at least 1, "
            f"got cutoff {cutoff} Å, size {size}"
        )
