"""Irreducible representations of O(3): the matrices by which they turn, and how they couple.

Components are real, in the order of e3nn: those of degree 1 are x, y, z.
"""

from collections.abc import Iterator, Mapping
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.conventions.tensors import Irrep

Irreps = Mapping[Irrep, int]
"""How many channels there are of each irreducible representation."""
Tensors = Mapping[Irrep, Float[Tensor, "atoms _ _"]]
"""Features by their irreducible representation, 2l + 1 components and the channels last."""


def harmonic(degree: int) -> Irrep:
    """Return the representation of the spherical harmonics of a degree, of parity (−1)ˡ.

    Args:
        degree: l.

    >>> harmonic(3)
    (3, -1)
    """
    return degree, (-1) ** degree


def name_of(irrep: Irrep) -> str:
    """Return the name of a representation in the field, its degree and e for even or o for odd.

    Args:
        irrep: Degree and parity.

    >>> name_of((2, -1))
    '2o'
    """
    return f"{irrep[0]}{'e' if irrep[1] > 0 else 'o'}"


def product(a: Irrep, b: Irrep) -> Iterator[Irrep]:
    """Yield the representations that the product of two holds, each once.

    Args:
        a: One.
        b: The other.

    >>> list(product((1, -1), (2, 1)))
    [(1, -1), (2, -1), (3, -1)]
    """
    for degree in range(abs(a[0] - b[0]), a[0] + b[0] + 1):
        yield degree, a[1] * b[1]


@cache
def coupling(a: int, b: int, c: int) -> Float[Tensor, "a b c"]:
    """Return the coupling of degrees a and b to c, of norm √(2c + 1), in float64.

    The components of a product of independent normal components have the variance 1 again. It is
    √(2c + 1) times the Wigner 3j symbol in the real basis, from e3nn.

    Args:
        a: Degree of a factor.
        b: Degree of the other.
        c: Degree of the product.
    """
    from e3nn.o3 import wigner_3j

    with torch.device("cpu"):  # models are also made on no device, for their shapes
        return (2 * c + 1) ** 0.5 * wigner_3j(a, b, c, dtype=torch.float64)


def rotation_matrix(
    irrep: Irrep, rotation: Float[Tensor, "3 3"]
) -> Float[Tensor, "components components"]:
    """Return the matrix D by which components turn: x becomes D x.

    Each degree is made of the one below, D^l = C (D^(l−1) ⊗ R) Cᵀ with the coupling C.

    Args:
        irrep: Degree and parity.
        rotation: An orthogonal matrix, proper or improper, that takes a column vector v to R v.
    """
    degree, parity = irrep
    sign = float(torch.linalg.det(rotation).sign())
    proper = rotation * sign
    matrix = torch.ones(1, 1, dtype=rotation.dtype, device=rotation.device)
    for lower in range(degree):
        couple = coupling(lower, 1, lower + 1).to(matrix)
        matrix = torch.einsum("abc,ad,be,def->cf", couple, matrix, proper, couple)
    return matrix * (parity if sign < 0 else 1.0)
