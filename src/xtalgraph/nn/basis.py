"""The base of every basis, and the descriptions of those of a model."""

from abc import ABC
from typing import ClassVar

from torch import nn


class Basis(nn.Module, ABC):
    """Functions of a length or an angle, side by side."""

    variable: ClassVar[str]
    """What they are functions of: ``radial``, ``angular`` or ``dihedral``."""
    size: int
    """Number of functions."""
    description: str
    """Which functions they are, with the numbers that decide them."""


def describe_bases(model: nn.Module) -> dict[str, str]:
    """Return what the bases of a model are, as they were made: name to description.

    >>> from xtalgraph.nn.radial import BesselBasis
    >>> describe_bases(nn.ModuleList([BesselBasis(5.0, 8)]))
    {'radial basis': '8 Bessel functions up to 5 Å'}
    """
    bases = [module for module in model.modules() if isinstance(module, Basis)]
    parts = {part for basis in bases for part in basis.modules() if part is not basis}
    described: dict[str, list[str]] = {}
    for basis in bases:
        if basis not in parts:
            described.setdefault(f"{basis.variable} basis", []).append(basis.description)
    return {name: "; ".join(dict.fromkeys(texts)) for name, texts in described.items()}
