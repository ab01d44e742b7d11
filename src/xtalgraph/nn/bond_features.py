"""Type and order of a bond, from the two elements and their distance.

All of it is a function of (Z_i, Z_j, d), symmetric in i and j: the same under every rotation, for
every choice of cell, and for a reduced graph. An edge cannot know what else its atom is bonded to,
so the order of a bond is not bound by the valence of its atoms; `bond_order_sum` is there to be
compared with it.
"""

import math
from enum import StrEnum
from typing import Final, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.element_table import property_of
from xtalgraph.conventions.elements import ATOMIC_NUMBERS, MAX_ATOMIC_NUMBER
from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.expansion import PolynomialEnvelope
from xtalgraph.nn.segments import segment_sum, weighted

_NOT_METALS: Final = "H He B C N O F Ne Si P S Cl Ar Ge As Se Br Kr Sb Te I Xe At Rn Ts Og"
NOT_METALS: Final[tuple[str, ...]] = tuple(_NOT_METALS.split())
"""The nonmetals and the metalloids; every other element counts as a metal."""
SOFTNESS: Final[float] = 0.3
"""Å over which the order of a bond changes by a factor e."""
LARGEST_ORDER: Final[float] = 4.0
"""At which the order levels off as two atoms come together."""
ORDER_LIMITS: Final[tuple[float, ...]] = (0.5, 1.5, 2.5)
"""Orders above which a bond is called single, double, triple."""
_PAULING: Final = "electronegativity"
_SHARPNESS: Final = 8.0
"""Of levelling off; an order of 3 is lowered by 1 %."""


class BondType(StrEnum):
    """What a bond is, in a word."""

    IONIC = "ionic"
    COVALENT = "covalent"
    METALLIC = "metallic"
    UNKNOWN = "unknown"


class BondClass(StrEnum):
    """The order of a bond, in a word."""

    NONE = "none"
    SINGLE = "single"
    DOUBLE = "double"
    TRIPLE = "triple"


@final
class BondFeatures(nn.Module):
    """What is known of a bond in addition to its length, in columns.

    The columns are named in `COLUMNS`: the three parts of `bond_character`; mean and difference of
    the Pauling electronegativities, the coordinates of the van Arkel-Ketelaar triangle; 1 where an
    electronegativity is not known, and then zeros in the five before; and the order.

    Source: Jensen, J. Chem. Educ. 72, 395 (1995), doi 10.1021/ed072p395, for the triangle.
    """

    COLUMNS: Final = (
        "ionic",
        "covalent",
        "metallic",
        "mean electronegativity",
        "difference of electronegativity",
        "electronegativity unknown",
        "order",
    )
    size: Final = len(COLUMNS)

    def forward(
        self,
        number_i: Int[Tensor, " edges"],
        number_j: Int[Tensor, " edges"],
        distance: Float[Tensor, " edges"],
    ) -> Float[Tensor, "edges features"]:
        """Describe bonds between atoms of the given atomic numbers, at distances in Å."""
        character = bond_character(number_i, number_j).to(distance.dtype)
        chi_i, chi_j = (_column(_PAULING, n).to(distance.dtype) for n in (number_i, number_j))
        mean, difference = 0.5 * (chi_i + chi_j), (chi_i - chi_j).abs()
        unknown = mean.isnan()
        order = bond_order(number_i, number_j, distance)
        columns = [mean.nan_to_num(), difference.nan_to_num(), unknown.to(distance.dtype), order]
        return torch.cat([character, torch.stack(columns, dim=-1)], dim=-1)


def bond_character(
    number_i: Int[Tensor, " edges"], number_j: Int[Tensor, " edges"]
) -> Float[Tensor, "edges 3"]:
    """How ionic, covalent and metallic bonds are; the three add up to 1.

    The ionic part is Pauling's 1 − exp(−Δχ²/4), half at Δχ = 1.67. The rest is metallic between two
    metals and covalent otherwise. (Electronegativities alone do not settle the rest: those of
    silicon and copper are both 1.90.) Where an electronegativity is not known, as of He, Ne, Ar,
    some lanthanides and the heaviest elements, all three are 0.

    Source: Pauling, The Nature of the Chemical Bond, 3rd ed., Cornell (1960), section 3-9.

    >>> bond_character(torch.tensor([11, 6, 29]), torch.tensor([17, 6, 29])).round(decimals=2)
    tensor([[0.7100, 0.2900, 0.0000],
            [0.0000, 1.0000, 0.0000],
            [0.0000, 0.0000, 1.0000]], dtype=torch.float64)
    """
    difference = _column(_PAULING, number_i) - _column(_PAULING, number_j)
    ionic = 1.0 - torch.exp(-0.25 * difference**2)
    metals = _metallic(number_i) & _metallic(number_j)
    rest = 1.0 - ionic
    parts = [ionic, torch.where(metals, 0.0, rest), torch.where(metals, rest, 0.0)]
    known = ~difference.isnan().unsqueeze(-1)
    return torch.where(known, torch.stack(parts, dim=-1), 0.0)


def bond_types(number_i: Int[Tensor, " edges"], number_j: Int[Tensor, " edges"]) -> list[BondType]:
    """Name the largest part of the character of each bond.

    >>> [str(kind) for kind in bond_types(torch.tensor([11, 6]), torch.tensor([17, 8]))]
    ['ionic', 'covalent']
    """
    character = bond_character(number_i, number_j)
    index = torch.where(character.any(dim=-1), character.argmax(dim=-1), len(BondType) - 1)
    return [list(BondType)[i] for i in index.tolist()]


def bond_order(
    number_i: Int[Tensor, " edges"],
    number_j: Int[Tensor, " edges"],
    distance: Float[Tensor, " edges"],
) -> Float[Tensor, " edges"]:
    """Pauling's bond order n = exp((r_i + r_j − d) / 0.3 Å), with the radii of single bonds.

    It levels off smoothly at 4. Between ions it is well below 1, and 12 metallic bonds share what
    is the order of a few. Radii are those of the element table (Pyykkö and Atsumi 2009), known for
    every element.

    Source: Pauling, J. Am. Chem. Soc. 69, 542 (1947), doi 10.1021/ja01195a024.

    >>> bond_order(torch.tensor([6, 7]), torch.tensor([6, 7]), torch.tensor([1.42, 1.10]))
    tensor([1.3056, 2.8787])
    """
    radius = _column("covalent_radius", number_i) + _column("covalent_radius", number_j)
    exponent = (radius.to(distance.dtype) - distance) / SOFTNESS
    missing = functional.softplus(_SHARPNESS * (math.log(LARGEST_ORDER) - exponent)) / _SHARPNESS
    return LARGEST_ORDER * torch.exp(-missing)


def bond_classes(order: Float[Tensor, " edges"]) -> list[BondClass]:
    """Name the order of each bond: none to 0.5, single to 1.5, double to 2.5, triple above.

    For people; a model reads the order, since a class jumps at its limits.

    >>> [str(name) for name in bond_classes(torch.tensor([0.4, 1.0, 1.9, 2.9]))]
    ['none', 'single', 'double', 'triple']
    """
    limits = torch.tensor(ORDER_LIMITS, dtype=order.dtype, device=order.device)
    index = torch.bucketize(order.detach(), limits)
    return [list(BondClass)[i] for i in index.tolist()]


def bond_order_sum(graph: Graph, cutoff: float) -> Float[Tensor, " atoms"]:
    """Sum of the bond orders at each atom, near its valence where bonds are covalent.

    Every edge carries a steep polynomial envelope, so that none leaves with a jump.

    Args:
        graph: Full or reduced.
        cutoff: Longest edge, Å.
    """
    number_i, number_j = graph.number[graph.center], graph.number[graph.neighbor]
    order = bond_order(number_i, number_j, graph.distance)
    faded = order * PolynomialEnvelope(cutoff, power=24)(graph.distance)
    return segment_sum(weighted(faded, graph.edge_multiplicity), graph.center, len(graph.number))


def _column(name: str, number: Int[Tensor, " rows"]) -> Float[Tensor, " rows"]:
    return torch.tensor(property_of(name), device=number.device)[number]


def _metallic(number: Int[Tensor, " rows"]) -> Bool[Tensor, " rows"]:
    metal = torch.ones(MAX_ATOMIC_NUMBER + 1, dtype=torch.bool, device=number.device)
    metal[[0, *(ATOMIC_NUMBERS[symbol] for symbol in NOT_METALS)]] = False
    return metal[number]
