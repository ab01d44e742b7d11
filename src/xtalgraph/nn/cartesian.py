"""Directions as Cartesian monomials, and the invariants of sums of these.

The monomial x^a y^b z^c of degree l = a + b + c of a unit vector stands for those entries of its
l-fold tensor product with itself that hold x a times, y b times and z c times. There are
l!/(a! b! c!) of them, which is the factor of the monomial where indices of tensors are contracted.
"""

import math
from collections import Counter
from functools import cache
from itertools import combinations, permutations, product
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

Powers = tuple[int, int, int]
"""a, b and c of x^a y^b z^c."""


@cache
def powers_of(degree: int) -> tuple[Powers, ...]:
    """Return the exponents of all monomials of a degree.

    >>> powers_of(1)
    ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    """
    falling = range(degree, -1, -1)
    return tuple((a, b, degree - a - b) for a in falling for b in falling if a + b <= degree)


@final
class Monomials(nn.Module):
    """x^a y^b z^c of unit vectors, of all degrees from 0 to the highest, side by side."""

    parent: Tensor
    axis: Tensor

    def __init__(self, degree: int) -> None:
        super().__init__()
        self.sizes = tuple(len(powers_of(order)) for order in range(degree + 1))
        parents, axes = [], []
        for order in range(1, degree + 1):
            below = {powers: row for row, powers in enumerate(powers_of(order - 1))}
            for powers in powers_of(order):
                axis = next(axis for axis in range(3) if powers[axis])
                parents.append(below[_less(powers, axis)])
                axes.append(axis)
        self.register_buffer("parent", torch.tensor(parents, dtype=torch.long), persistent=False)
        self.register_buffer("axis", torch.tensor(axes, dtype=torch.long), persistent=False)

    def forward(self, unit: Float[Tensor, "... 3"]) -> Float[Tensor, "... monomials"]:
        """Evaluate, each degree from the one below."""
        degrees = [torch.ones_like(unit[..., :1])]
        for parent, axis in zip(
            self.parent.split(self.sizes[1:]), self.axis.split(self.sizes[1:]), strict=True
        ):
            below = degrees[-1].index_select(-1, parent)
            degrees.append(below * unit.index_select(-1, axis))
        return torch.cat(degrees, dim=-1)


Links = tuple[int, ...]
"""How many pairs of indices link tensors 1 and 2, 1 and 3, …, 2 and 3, …"""


@final
class Invariants(nn.Module):
    """Full contractions of a tensor of each degree with itself and the others.

    Of one factor there is one, the tensor of degree 0. Several factors are linked by pairs of
    indices, at most `degree` of them, in every connected way that leaves no index free: two factors
    by l pairs, Σ_P A_P² l!/P!; three in a chain or a triangle; four in a chain, a star and so on.
    The degree of a factor is the number of its links.

    Args:
        degree: The highest degree of the tensors, and the largest number of pairs.
        factors: The largest number of factors.

    Source: Cheng, npj Comput. Mater. 10, 157 (2024), doi 10.1038/s41524-024-01332-4, for the
    chains.
    """

    def __init__(self, degree: int, factors: int) -> None:
        super().__init__()
        powers = [exponents for order in range(degree + 1) for exponents in powers_of(order)]
        row = {exponents: number for number, exponents in enumerate(powers)}
        self.size = 1
        self.counts: list[int] = []
        for count in range(2, factors + 1):
            sums = [_products(links, count, row) for links in diagrams(count, degree)]
            if not sums:
                continue
            products = sorted({rows for contraction in sums for rows in contraction})
            weight = [[contraction[rows] for rows in products] for contraction in sums]
            self.size += len(sums)
            self.counts.append(count)
            self.register_buffer(f"rows_{count}", torch.tensor(products).T, persistent=False)
            self.register_buffer(
                f"weight_{count}", torch.tensor(weight, dtype=torch.float64), persistent=False
            )

    def forward(
        self, tensors: Float[Tensor, "monomials columns"]
    ) -> Float[Tensor, "invariants columns"]:
        """Contract the tensors of each column."""
        invariants = [tensors[:1]]
        for count in self.counts:
            rows, weight = getattr(self, f"rows_{count}"), getattr(self, f"weight_{count}")
            value = tensors.index_select(0, rows[0])
            for factor in rows[1:]:
                value = value * tensors.index_select(0, factor)
            invariants.append(weight.to(value.dtype) @ value)
        return torch.cat(invariants)


def diagrams(factors: int, most: int) -> list[Links]:
    """Return the connected ways to link factors, each once whatever their order.

    >>> diagrams(3, 3)
    [(0, 1, 1), (0, 1, 2), (1, 1, 1)]
    """
    pairs = list(combinations(range(factors), 2))
    different: list[Links] = []
    seen: set[Links] = set()
    for links in product(range(most + 1), repeat=len(pairs)):
        if sum(links) > most or links in seen or not _is_connected(links, factors):
            continue
        different.append(links)
        count = {frozenset(pair): number for pair, number in zip(pairs, links, strict=True)}
        for order in permutations(range(factors)):
            seen.add(tuple(count[frozenset((order[a], order[b]))] for a, b in pairs))
    return different


def _is_connected(links: Links, factors: int) -> bool:
    reached = {0}
    for _ in range(factors):
        for pair, number in zip(combinations(range(factors), 2), links, strict=True):
            if number and reached & set(pair):
                reached |= set(pair)
    return len(reached) == factors


def _products(links: Links, factors: int, row: dict[Powers, int]) -> Counter[tuple[int, ...]]:
    """The products of entries that a contraction adds up, by their rows, and how often each."""
    pairs = list(combinations(range(factors), 2))
    total: Counter[tuple[int, ...]] = Counter()
    for shared in product(*(powers_of(number) for number in links)):
        powers = [[0, 0, 0] for _ in range(factors)]
        for pair, indices in zip(pairs, shared, strict=True):
            for factor in pair:
                powers[factor] = [a + b for a, b in zip(powers[factor], indices, strict=True)]
        rows = tuple(sorted(row[a, b, c] for a, b, c in powers))
        total[rows] += math.prod(_multinomial(indices) for indices in shared)
    return total


def _multinomial(powers: Powers) -> int:
    return math.factorial(sum(powers)) // math.prod(math.factorial(power) for power in powers)


def _less(powers: Powers, axis: int) -> Powers:
    a, b, c = (power - (number == axis) for number, power in enumerate(powers))
    return a, b, c
