"""Angular bases: a cosine, a distance with a cosine, or a dihedral becomes a smooth vector.

They read the cosine of a bond angle, never the angle: the cosine is smooth also where three atoms
are on a line. Polynomials come from recursions, which have all derivatives at ±1, and take cosines
that rounding has carried past ±1. Constants lie in float64 and are rounded where they are used.
"""

import math
from abc import abstractmethod
from typing import Literal, final, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.nn.basis import Basis
from xtalgraph.nn.radial import chebyshev
from xtalgraph.nn.spherical_bessel import bessel_zeros, spherical_bessel

AngularName = Literal["gaussian", "chebyshev", "legendre"]
"""What `make_angular_basis` makes."""


class AngularBasis(Basis):
    """Functions of the cosine of an angle, side by side."""

    variable = "angular"

    @abstractmethod
    def forward(self, cosine: Float[Tensor, " triplets"]) -> Float[Tensor, "triplets basis"]:
        """Expand cosines."""


@final
class GaussianAngles(AngularBasis):
    """Gaussians exp(−(cos θ − μ)² / 2σ²), centres from −1 to 1, σ the distance between them.

    Args:
        size: Number of functions, at least 2.

    Raises:
        ConfigError: If the size is below 2.

    Source: Choudhary and DeCost, npj Comput. Mater. 7, 185 (2021),
    doi 10.1038/s41524-021-00650-1, whose angles are expanded as their cosines.
    """

    centers: Tensor

    def __init__(self, size: int = 40) -> None:
        super().__init__()
        self.size = _at_least(2, size, "size of a Gaussian basis of angles")
        self.description = f"{size} Gaussians of the cosine"
        centers = torch.linspace(-1.0, 1.0, size, dtype=torch.float64)
        self.register_buffer("centers", centers, persistent=False)
        self.exponent = -0.5 * ((size - 1) / 2.0) ** 2

    def forward(self, cosine: Float[Tensor, " triplets"]) -> Float[Tensor, "triplets basis"]:
        """Expand cosines."""
        away = cosine.unsqueeze(-1) - self.centers.to(cosine.dtype)
        return torch.exp(self.exponent * away**2)


@final
class ChebyshevAngles(AngularBasis):
    """Chebyshev polynomials T_n(cos θ) = cos nθ, n from 0 to size − 1.

    Args:
        size: Number of functions, at least 1.

    Raises:
        ConfigError: If the size is below 1.

    Source: Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi 10.1038/s42256-023-00716-3: the
    cosines of CHGNet's Fourier series of the angle. Its sines are left out, having a kink at 0
    and π.
    """

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.size = _at_least(1, size, "size of a Chebyshev basis of angles")
        self.description = f"{size} Chebyshev polynomials of the cosine"

    def forward(self, cosine: Float[Tensor, " triplets"]) -> Float[Tensor, "triplets basis"]:
        """Expand cosines."""
        return chebyshev(cosine, self.size)


@final
class LegendreAngles(AngularBasis):
    """Spherical harmonics Y_l0 = √((2l + 1)/4π) P_l(cos θ), l from 0 to size − 1.

    Orthonormal over the sphere.

    Args:
        size: Number of functions, at least 1.

    Raises:
        ConfigError: If the size is below 1.

    Source: NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov, 14.10.3, 14.30.1.
    """

    def __init__(self, size: int = 7) -> None:
        super().__init__()
        self.size = _at_least(1, size, "size of a Legendre basis of angles")
        self.description = f"{size} spherical harmonics of the angle"

    def forward(self, cosine: Float[Tensor, " triplets"]) -> Float[Tensor, "triplets basis"]:
        """Expand cosines."""
        columns = [torch.ones_like(cosine), cosine]
        for n in range(1, self.size - 1):
            columns.append(((2 * n + 1) * cosine * columns[n] - n * columns[n - 1]) / (n + 1))
        norms = [math.sqrt((2 * n + 1) / (4 * math.pi)) for n in range(self.size)]
        return torch.stack([n * c for n, c in zip(norms, columns, strict=False)], dim=-1)


def make_angular_basis(name: str, size: int) -> AngularBasis:
    """Make an angular basis of some size by its name; a `ConfigError` if there is none such."""
    if name == "gaussian":
        return GaussianAngles(size)
    if name == "chebyshev":
        return ChebyshevAngles(size)
    if name == "legendre":
        return LegendreAngles(size)
    raise ConfigError(
        f"angular basis must be one of {', '.join(get_args(AngularName))}, got {name!r}"
    )


@final
class SphericalBesselBasis(Basis):
    """j_l(z_ln d/r_c) Y_l0(θ), normalised, for l below ``degrees`` and n from 1 to ``radials``.

    z_ln is the n-th zero of j_l. The radial part √(2/r_c³) j_l(z_ln d/r_c) / |j_(l+1)(z_ln)| is
    computed once for each edge, and gathered to the triplets. The columns run over n fastest.
    Together the functions are orthonormal in the sphere of radius r_c, of those without azimuth.

    An envelope is not included; multiply by it.

    Args:
        cutoff: r_c, Å.
        degrees: Number of l, from 0.
        radials: Number of zeros of each.

    Raises:
        ConfigError: If the cutoff is not positive, or a number below 1.

    Source: Gasteiger et al., ICLR 2020 (arXiv 2003.03123), eq. 6.
    """

    variable = "angular"
    zeros: Tensor
    norms: Tensor

    def __init__(self, cutoff: float, degrees: int = 7, radials: int = 6) -> None:
        super().__init__()
        if not cutoff > 0:
            raise ConfigError(f"cutoff must be larger than 0 Å, got {cutoff}")
        self.cutoff = cutoff
        self.radials = _at_least(1, radials, "number of radial functions")
        self.harmonics = LegendreAngles(_at_least(1, degrees, "number of degrees"))
        self.size = degrees * radials
        waves = f"{radials} spherical Bessel functions up to {cutoff:g} Å"
        self.description = f"{self.harmonics.description}, each times {waves}"
        zeros = torch.from_numpy(bessel_zeros(degrees - 1, radials).copy())
        above = spherical_bessel(zeros, degrees)
        next_order = torch.stack([above[n, :, n + 1] for n in range(degrees)])
        norms = math.sqrt(2.0 / cutoff**3) / next_order.abs()
        self.register_buffer("zeros", zeros, persistent=False)
        self.register_buffer("norms", norms, persistent=False)

    def radial(self, distance: Float[Tensor, " edges"]) -> Float[Tensor, "edges degrees radials"]:
        """Evaluate the radial part at distances in Å; in Å^(−3/2)."""
        scaled = distance / self.cutoff
        columns = []
        constants = self.zeros.to(distance.dtype), self.norms.to(distance.dtype)
        for degree, (zeros, norms) in enumerate(zip(*constants, strict=True)):
            bessel = spherical_bessel(scaled.unsqueeze(-1) * zeros, degree)[..., degree]
            columns.append(norms * bessel)
        return torch.stack(columns, dim=1)

    def forward(
        self,
        distance: Float[Tensor, " edges"],
        cosine: Float[Tensor, " triplets"],
        edge: Int[Tensor, " triplets"],
    ) -> Float[Tensor, "triplets basis"]:
        """Expand triplets.

        Args:
            distance: Lengths of the edges, Å.
            cosine: Of the angle of each triplet.
            edge: The edge of each triplet whose length is expanded.
        """
        radial = self.radial(distance).index_select(0, edge)
        return (radial * self.harmonics(cosine).unsqueeze(-1)).flatten(start_dim=1)


@final
class FourierBasis(Basis):
    """cos nφ, and with ``sines`` then sin nφ, n from 1 to ``order``, of a dihedral angle φ.

    They are the parts of (cos φ + i sin φ)^n, multiplied up from cosine and sine: no angle is
    formed, and nothing is singular. Where `xtalgraph.nn.geometry.dihedral` returns (0, 0), as three
    atoms are on a line, every function is 0, its mean over all angles.

    A reflection turns the sign of the sines: a model that is invariant under reflection takes the
    cosines alone.

    Args:
        order: The highest n.
        sines: Whether to include them.

    Raises:
        ConfigError: If the order is below 1.
    """

    variable = "dihedral"

    def __init__(self, order: int = 4, sines: bool = False) -> None:
        super().__init__()
        self.order = _at_least(1, order, "order of a Fourier basis")
        self.sines = sines
        self.size = order * (2 if sines else 1)
        functions = "cosines and sines" if sines else "cosines"
        self.description = f"{functions} of 1 to {order} times the angle"

    def forward(
        self, cosine: Float[Tensor, " rows"], sine: Float[Tensor, " rows"]
    ) -> Float[Tensor, "rows basis"]:
        """Expand dihedrals, given by cosine and sine."""
        real, imaginary = [cosine], [sine]
        for _ in range(1, self.order):
            c, s = real[-1], imaginary[-1]
            real.append(c * cosine - s * sine)
            imaginary.append(s * cosine + c * sine)
        return torch.stack(real + imaginary if self.sines else real, dim=-1)


def _at_least(smallest: int, value: int, what: str) -> int:
    if value < smallest:
        raise ConfigError(f"the {what} must be at least {smallest}, got {value}")
    return value
