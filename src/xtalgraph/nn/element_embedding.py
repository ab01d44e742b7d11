"""The vector with which an atom starts, learned from what is known of its element."""

from typing import Literal, final, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.element_features import (
    binned_element_features,
    continuous_element_features,
    one_hot_element_features,
)
from xtalgraph.nn.segments import gather, segment_sum

ElementFeatures = Literal["binned", "continuous", "embedding"]
"""What an `ElementEmbedding` starts from."""


@final
class ElementEmbedding(nn.Module):
    """A linear map from the features of an element to the vector of an atom.

    With ``binned`` or ``continuous`` features, elements that resemble each other start near each
    other, and one that is rare in training borrows from its relatives. ``embedding`` knows nothing
    of an element but that it is another one: a vector for each, drawn from a normal distribution,
    as models that start from the bare atomic number have it.

    Args:
        width: Length of an atom's vector.
        features: ``binned``, ``continuous`` or ``embedding``.

    Raises:
        ConfigError: If there are no such features.
    """

    elements: Tensor

    def __init__(self, width: int, features: str = "binned") -> None:
        super().__init__()
        if features not in get_args(ElementFeatures):
            known = ", ".join(get_args(ElementFeatures))
            raise ConfigError(f"element features must be one of {known}, got {features!r}")
        make = {
            "binned": binned_element_features,
            "continuous": continuous_element_features,
            "embedding": one_hot_element_features,
        }
        self.register_buffer("elements", make[features](), persistent=False)
        linear = nn.Linear(self.elements.shape[1], width)
        self.weight, self.bias = linear.weight, linear.bias
        if features == "embedding":
            nn.init.normal_(self.weight)
            nn.init.zeros_(self.bias)

    def table(self) -> Float[Tensor, "elements width"]:
        """Return the vector of each element, by atomic number."""
        elements = self.elements.to(self.weight.dtype)
        return functional.linear(elements, self.weight, self.bias)

    def forward(self, graph: Graph) -> Float[Tensor, "atoms width"]:
        """Return the vector of each atom; of a disordered site the mean by occupancy."""
        return rows_of_elements(self.table(), graph)


def rows_of_elements(
    table: Float[Tensor, "elements width"], graph: Graph
) -> Float[Tensor, "atoms width"]:
    """Take the row of each atom's element; of a disordered site the mixture by occupancy.

    x_i = Σ_s w_s T[s] over the elements s of a site. A vacancy adds zeros, so x is linear in the
    occupancies, and goes to T[s] as w_s goes to 1.

    Args:
        table: T, a row for each atomic number, from 0.
        graph: The atoms.
    """
    rows = gather(table, graph.number)
    if not len(graph.share):
        return rows
    there = graph.share * (graph.share_species != 0)
    parts = gather(table, graph.share_species) * there.to(table.dtype).unsqueeze(-1)
    mixed = segment_sum(parts, graph.share_atom, len(rows))
    return torch.where(graph.disordered.unsqueeze(-1), mixed, rows)
