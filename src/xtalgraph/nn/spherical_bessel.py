"""Spherical Bessel functions of the first kind and their zeros, for bases."""

import math
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.conventions.errors import ConfigError


def spherical_bessel(
    x: Float[Tensor, " *rows"], order: int
) -> Float[Tensor, "*rows order_plus_one"]:
    """j_0 to j_order, with derivatives that hold down to x = 0.

    Below x = l + 1 the power series is summed, which loses no digits there; above it the recursion
    j_(l+1) = (2l + 1)/x · j_l − j_(l−1) climbs, which is stable where x > l. Both are
    differentiated as they stand, so that the second derivative is as good as the value.

    Args:
        x: Not negative.
        order: The highest l.

    Returns:
        The orders side by side in a last dimension.

    Source: NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov, 10.51.1, 10.53.1.

    >>> spherical_bessel(torch.zeros(1), 2)
    tensor([[1., 0., 0.]])
    """
    # The branch that is not taken must be finite, or its derivative would come through as NaN.
    far = torch.where(x < 1, 1.0, x)
    climbing = [torch.sin(far) / far]
    if order > 0:
        climbing.append((climbing[0] - torch.cos(far)) / far)
    for degree in range(1, order):
        climbing.append((2 * degree + 1) / far * climbing[degree] - climbing[degree - 1])
    columns = []
    for degree, above in enumerate(climbing):
        near = x < degree + 1
        columns.append(torch.where(near, _series(torch.where(near, x, 0.0), degree), above))
    return torch.stack(columns, dim=-1)


def _series(x: Float[Tensor, " *rows"], order: int) -> Float[Tensor, " *rows"]:
    """x^l / (2l+1)!! · Σ_k (−x²/2)^k / (k! (2l+3)(2l+5) ... (2l+2k+1)), in Horner's form."""
    square, unit = x * x, x.new_ones(())
    total = unit
    for k in range(_terms(order), 0, -1):
        total = torch.addcmul(unit, square, total, value=-0.5 / (k * (2 * order + 2 * k + 1)))
    return x**order / math.prod(range(1, 2 * order + 2, 2)) * total if order else total


@cache
def _terms(order: int) -> int:
    """How many terms there are until one is below 1e-17 of the first, at x = l + 1."""
    k, term = 0, 1.0
    while term > 1e-17:
        k += 1
        term *= 0.5 * (order + 1) ** 2 / (k * (2 * order + 2 * k + 1))
    return k


@cache
def bessel_zeros(order: int, count: int) -> Float[np.ndarray, "order_plus_one count"]:
    """The first positive zeros of j_0 to j_order, a row for each, in increasing order.

    The zeros of j_l lie between those of j_(l−1), which lie at nπ for l = 0.

    Args:
        order: The highest l.
        count: How many of each.

    Raises:
        ConfigError: If the order is below 0 or the count below 1.

    >>> bessel_zeros(1, 2).round(4).tolist()
    [[3.1416, 6.2832], [4.4934, 7.7253]]
    """
    if order < 0 or count < 1:
        raise ConfigError(
            "zeros of spherical Bessel functions need an order of at least 0 and a count of at "
            f"least 1, got order {order}, count {count}"
        )
    from scipy.optimize import brentq
    from scipy.special import spherical_jn

    rows = [np.pi * np.arange(1, count + order + 1)]
    for degree in range(1, order + 1):
        ends = zip(rows[-1][:-1], rows[-1][1:], strict=True)
        zeros_of_degree = [
            brentq(lambda x, n=degree: spherical_jn(n, x), *pair, xtol=1e-14) for pair in ends
        ]
        rows.append(np.array(zeros_of_degree))
    zeros = np.stack([row[:count] for row in rows])
    zeros.setflags(write=False)  # it is kept for the next caller
    return zeros
