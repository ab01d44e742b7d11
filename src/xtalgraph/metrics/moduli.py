"""Elastic moduli of an isotropic polycrystal from the stiffness of a crystal."""

from typing import Final, Literal

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.voigt import FROM_PAIRS, PAIRS

Modulus = Literal["bulk", "shear", "young"]
"""K, G and E."""
Mean = Literal["voigt", "reuss", "hill"]
"""Equal strains, equal stresses, and the mean of both."""
_MANDEL: Final = np.sqrt([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
"""Of a symmetric matrix as an orthonormal vector of xx, yy, zz, yz, xz, xy."""
_FIRST, _SECOND = PAIRS.T


def moduli(
    stiffness: Float[np.ndarray, "rows 3 3 3 3"], mean: Mean
) -> dict[Modulus, Float[np.ndarray, " rows"]]:
    """Return bulk, shear and Young's modulus of each crystal.

    With the projections J on the mean strain and K on the deviator, 3 K_V = J:C and 10 G_V = K:C;
    those of Reuss are the inverse of the same of the compliance. Those of a stiffness that is not
    invertible are not finite.

    Args:
        stiffness: Full tensors C_ijkl.
        mean: Of Voigt, of Reuss, or that of both (Hill), of which E is computed.

    Source: R. Hill, Proc. Phys. Soc. A 65, 349 (1952), doi 10.1088/0370-1298/65/5/307.

    >>> steel = np.zeros((1, 3, 3, 3, 3))
    >>> for i in range(3):
    ...     for j in range(3):
    ...         steel[0, i, i, j, j] += 100.0
    ...         steel[0, i, j, i, j] += 80.0
    ...         steel[0, i, j, j, i] += 80.0
    >>> {name: float(value[0].round(3)) for name, value in moduli(steel, "reuss").items()}
    {'bulk': 153.333, 'shear': 80.0, 'young': 204.444}
    """
    matrix = stiffness[:, _FIRST, _SECOND][:, :, _FIRST, _SECOND] * np.outer(_MANDEL, _MANDEL)
    bulk, shear = _projected(matrix)
    if mean != "voigt":
        with np.errstate(all="ignore"):
            soft, supple = _projected(_inverse(matrix))
            reuss = 1.0 / (9.0 * soft), 1.0 / (4.0 * supple)
        share = 1.0 if mean == "reuss" else 0.5
        bulk = (1.0 - share) * bulk + share * reuss[0]
        shear = (1.0 - share) * shear + share * reuss[1]
    with np.errstate(all="ignore"):
        young = 9.0 * bulk * shear / (3.0 * bulk + shear)
    return {"bulk": bulk, "shear": shear, "young": young}


def compliance_of(stiffness: Float[np.ndarray, "3 3 3 3"]) -> Float[np.ndarray, "3 3 3 3"]:
    """Return the compliance S_ijkl, the inverse of a stiffness as a map of strains.

    Args:
        stiffness: Full tensor C_ijkl; where it has no inverse, the result is NaN.
    """
    weights = np.outer(_MANDEL, _MANDEL)
    matrix = stiffness[_FIRST, _SECOND][:, _FIRST, _SECOND] * weights
    inverse = _inverse(matrix[None])[0] / weights
    return np.asarray(inverse[FROM_PAIRS][:, :, FROM_PAIRS])


def _projected(
    matrix: Float[np.ndarray, "rows 6 6"],
) -> tuple[Float[np.ndarray, " rows"], Float[np.ndarray, " rows"]]:
    """Return J:M / 3 and K:M / 10."""
    mean = matrix[:, :3, :3].sum(axis=(1, 2)) / 3.0
    return mean / 3.0, (np.trace(matrix, axis1=1, axis2=2) - mean) / 10.0


def _inverse(matrix: Float[np.ndarray, "rows 6 6"]) -> Float[np.ndarray, "rows 6 6"]:
    """Return inverses, NaN where there is none."""
    values, vectors = np.linalg.eigh(matrix)
    values[np.abs(values) < 1e-12 * np.abs(values).max(axis=1, keepdims=True)] = np.nan
    return np.asarray(np.einsum("nij,nj,nkj->nik", vectors, 1.0 / values, vectors))
