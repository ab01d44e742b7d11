"""An encoder that has learned from crystals without labels, before it has a target."""

from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions, ConditionValues
from xtalgraph.data.values import Values
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.model import ByTarget, Model, ModelParts, Output
from xtalgraph.nn.segments import weighted_mean


@final
class Pretrained(Model):
    """An encoder alone: it embeds crystals, and predicts nothing.

    Args:
        encoder: Turns the graph into features.
        conditions: What it reads of a crystal beside its atoms.
    """

    def __init__(self, encoder: Encoder, conditions: Conditions = ATOMS_ALONE) -> None:
        super().__init__(encoder, (), conditions)

    @classmethod
    def made_of(cls, parts: ModelParts) -> "Pretrained":
        """Put a model together; it has no head."""
        return cls(parts.encoder, parts.conditions)

    @property
    def learns_variance(self) -> bool:
        """There is nothing of which it could."""
        return False

    def forward(self, graph: Graph) -> Output:
        """Compute features alone; a `GraphError` if the model cannot read the graph."""
        return Output({}, {}, self.encoded(graph))

    def start(self, graph: Graph) -> ByTarget:
        """Return nothing, since nothing is predicted."""
        return {}

    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], conditions: ConditionValues | None = None
    ) -> None:
        """Do nothing: there are no scales."""

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return `vectors_of_crystals`."""
        return vectors_of_crystals(features, graph)


def vectors_of_crystals(features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
    """Return the mean over the atoms; beside it the vector of the crystal, where there is one.

    It is the same for a supercell, and for a reduced graph.
    """
    weight = graph.atom_count.to(features.atom.dtype)
    mean = weighted_mean(features.atom, weight, graph.crystal_of_atom, len(graph))
    return mean if features.crystal is None else torch.cat([mean, features.crystal], dim=-1)
