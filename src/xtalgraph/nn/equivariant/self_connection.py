"""Linear maps of an atom's features that depend on its element."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xtalgraph.conventions.tensors import Irrep
from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.element_embedding import ElementEmbedding
from xtalgraph.nn.equivariant.irreps import Irreps, Tensors
from xtalgraph.nn.segments import gather


@dataclass(frozen=True, eq=False)
class Kinds:
    """Atoms by what they are: an element, or a mixture of elements of its own."""

    attributes: Float[Tensor, "kinds attributes"]
    """The vector of each kind."""
    kind: Int[Tensor, " atoms"]
    """The kind of each atom."""
    order: Int[Tensor, " atoms"]
    """The atoms, kind by kind."""
    counts: tuple[int, ...]
    """How many atoms there are of each kind."""
    rank: Int[Tensor, " atoms"]
    """Where each atom stands in the order."""

    @classmethod
    def of(cls, graph: Graph, embed: ElementEmbedding) -> "Kinds":
        """Sort the atoms of a graph.

        Args:
            graph: The atoms.
            embed: Gives the vector of an element.
        """
        if len(graph.share):
            atom = torch.arange(len(graph.number), device=graph.number.device)
            return cls(embed(graph), atom, atom, len(atom) * (1,), atom)
        groups = graph.element_groups
        attributes = gather(embed.table(), groups.present)
        return cls(attributes, groups.element, groups.order, tuple(groups.counts), groups.rank)

    def of_atoms(self) -> Float[Tensor, "atoms attributes"]:
        """Return the vector of each atom."""
        return gather(self.attributes, self.kind)

    def multiplied(
        self,
        values: Float[Tensor, "atoms components inputs"],
        weights: Float[Tensor, "kinds inputs outputs"],
    ) -> Float[Tensor, "atoms components outputs"]:
        """Multiply the rows of each atom by the matrix of its kind.

        Args:
            values: Of each atom.
            weights: Of each kind.
        """
        if len(weights) == 1:
            return values @ weights[0]
        ordered = gather(values.flatten(1), self.order).unflatten(1, values.shape[1:])
        parts = ordered.split(self.counts)
        products = [part @ weight for part, weight in zip(parts, weights, strict=True)]
        joined = torch.cat(products)
        return gather(joined.flatten(1), self.rank).unflatten(1, joined.shape[1:])


@final
class SelfConnection(nn.Module):
    """x_i Σ_a e_a(i) W_a for each irreducible representation, with the vector e of the element.

    The matrix of an element is computed once for all its atoms.

    Args:
        inputs: Channels that come in.
        attributes: Length of e.
        outputs: Channels that are wanted; representations that do not come in are left out.
    """

    def __init__(self, inputs: Irreps, attributes: int, outputs: Irreps) -> None:
        super().__init__()
        self.outputs = {irrep: outputs[irrep] for irrep in outputs if irrep in inputs}
        """Channels that go out."""
        self.weights = nn.ParameterList(
            nn.Parameter(
                torch.randn(attributes, inputs[irrep], channels)
                / (attributes * inputs[irrep]) ** 0.5
            )
            for irrep, channels in self.outputs.items()
        )

    def forward(self, tensors: Tensors, kinds: Kinds) -> dict[Irrep, Tensor]:
        """Mix the channels.

        Args:
            tensors: With the channels that come in.
            kinds: Of the same atoms.
        """
        return {
            irrep: kinds.multiplied(
                tensors[irrep],
                (kinds.attributes @ weight.flatten(1)).unflatten(1, weight.shape[1:]),
            )
            for irrep, weight in zip(self.outputs, self.weights, strict=True)
        }
