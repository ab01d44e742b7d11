"""All independent ways to couple several copies of the same features to one representation."""

from functools import cache
from itertools import combinations_with_replacement
from math import factorial, prod
from typing import Final

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.nn.equivariant.irreps import coupling, harmonic, product

_INDEPENDENT: Final = 1e-6
"""Part of a coupling that others must leave, so that it is counted."""

Monomial = tuple[int, ...]
"""Rows of the factors, ascending."""


@cache
def monomials(size: int, order: int) -> tuple[Monomial, ...]:
    """Return the products of components, each once.

    Args:
        size: Number of components.
        order: Number of factors.

    >>> monomials(2, 2)
    ((0, 0), (0, 1), (1, 1))
    """
    return tuple(combinations_with_replacement(range(size), order))


@cache
def symmetric_products(
    degree: int, order: int, irrep: Irrep
) -> Float[np.ndarray, "couplings components monomials"]:
    """Return the couplings of `order` factors as polynomials of their components.

    The factors are one tensor of each degree with the parity of the harmonics, side by side, the
    same in every factor. Each coupling of one factor less is multiplied with the factor, and what
    depends linearly on the ones before is left out. As tensors the couplings are orthogonal to each
    other, and the square of their norm is the number of components.

    Args:
        degree: The highest degree of the factors.
        order: Their number.
        irrep: What they are coupled to.
    """
    size = (degree + 1) ** 2
    rows = monomials(size, order)
    position = {monomial: number for number, monomial in enumerate(rows)}
    components = 2 * irrep[0] + 1
    if order == 1:
        if irrep[0] > degree or irrep != harmonic(irrep[0]):
            return np.zeros((0, components, size))
        return np.eye(size)[None, irrep[0] ** 2 : (irrep[0] + 1) ** 2]
    many = np.array([_arrangements(monomial) for monomial in rows]) ** 0.5
    independent = np.zeros((0, components * len(rows)))
    for start, factor in _factors(degree, order, irrep):
        below = symmetric_products(degree, order - 1, start)
        couple = coupling(start[0], factor, irrep[0]).numpy()
        terms = np.einsum("paq,abc->pcqb", below, couple)
        total = np.zeros((*terms.shape[:2], len(rows)))
        for row, monomial in enumerate(monomials(size, order - 1)):
            for component in range(2 * factor + 1):
                at = position[tuple(sorted((*monomial, factor**2 + component)))]
                total[..., at] += terms[..., row, component]
        for candidate in (total / many).reshape(len(total), components * len(rows)):
            rest = candidate
            for _ in range(2):
                rest = rest - independent.T @ (independent @ rest) / components
            if float(np.linalg.norm(rest)) > _INDEPENDENT * float(np.linalg.norm(candidate) + 1e-6):
                independent = np.vstack(
                    [independent, rest * components**0.5 / np.linalg.norm(rest)]
                )
    return independent.reshape(-1, components, len(rows)) * many


def _factors(degree: int, order: int, irrep: Irrep) -> list[tuple[Irrep, int]]:
    """Return of what a coupling is made: one of one factor less, and the degree of the factor."""
    return [
        ((lower, parity), factor)
        for factor in range(degree + 1)
        for lower in range(min(degree * (order - 1), irrep[0] + degree) + 1)
        for parity in (1, -1)
        if irrep in product((lower, parity), harmonic(factor))
    ]


def _arrangements(monomial: Monomial) -> int:
    """Return in how many orders the factors of a monomial can stand."""
    counts = [monomial.count(row) for row in set(monomial)]
    return factorial(len(monomial)) // prod(map(factorial, counts))
