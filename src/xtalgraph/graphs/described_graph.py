"""Atoms with fixed vectors, as a readout alone reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.graph import Graph, Scope, scoped


@final
@dataclass(frozen=True, eq=False, repr=False)
class DescribedGraph(Graph):
    """Atoms with fixed vectors, and no edges."""

    vector: Float[Tensor, "atoms features"] = scoped(Scope.ATOM)
    """Of each atom."""

    @classmethod
    def of(
        cls, crystals: Sequence[Crystal], rows: Float32[np.ndarray, "atoms features"]
    ) -> "DescribedGraph":
        """Put crystals together with the vectors of their atoms.

        Args:
            crystals: Whose sites hold one atom each.
            rows: Of the atoms of one crystal after the other.
        """
        sizes = torch.tensor([crystal.num_atoms for crystal in crystals])
        numbers = np.concatenate([crystal.numbers for crystal in crystals])
        none = torch.zeros(0, dtype=torch.long)
        return cls(
            num_atoms=sizes,
            num_edges=torch.zeros_like(sizes),
            number=torch.from_numpy(numbers).long(),
            center=none,
            neighbor=none,
            vector=torch.from_numpy(rows),
        )

    @cached_property
    def distance(self) -> Float[Tensor, " edges"]:
        """Of no edge."""
        return self.vector.new_zeros(0)

    @cached_property
    def atom_multiplicity(self) -> Int[Tensor, " atoms"]:
        """One for each atom."""
        return torch.ones_like(self.number)

    @cached_property
    def edge_multiplicity(self) -> Int[Tensor, " edges"]:
        """Of no edge."""
        return torch.ones_like(self.center)
