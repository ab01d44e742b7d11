"""Forces that a network predicts by itself: no derivatives of its energy. For the lesson alone."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final, cast, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.crystals.composition import elements_of
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.targets import Target
from xtalgraph.data.values import Values
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.head import Head
from xtalgraph.models.model import ByTarget, Model, ModelParts, Output
from xtalgraph.models.potential import energy_of
from xtalgraph.nn.expansion import EdgeExpansion, make_envelope
from xtalgraph.nn.radial import BesselBasis
from xtalgraph.nn.segments import segment_sum

_BASIS: Final = 8
"""Radial functions of an edge."""


class ForceHead(nn.Module, ABC):
    """A force for each atom, from the features of the atoms and the edges between them.

    Args:
        width: Of the features of an atom.
        cutoff: Largest length of an edge, Å.
        further: Numbers that are read of an edge beside its length.
        messages: Length of the message of an edge.
    """

    def __init__(self, width: int, cutoff: float, further: int, messages: int) -> None:
        super().__init__()
        envelope = make_envelope("polynomial", cutoff)
        self.edges = EdgeExpansion(BesselBasis(cutoff, _BASIS), envelope)
        inputs = 2 * width + _BASIS + further
        self.message = nn.Sequential(
            nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, messages)
        )

    def messages(
        self, atom: Float[Tensor, "atoms width"], graph: CrystalGraph, *further: Tensor
    ) -> Float[Tensor, "edges messages"]:
        """Return the message of each edge, which is zero at the cutoff."""
        edges = self.edges(graph, atom.dtype)
        ends = (atom.index_select(0, graph.center), atom.index_select(0, graph.neighbor))
        message: Tensor = self.message(torch.cat([*ends, edges.features, *further], dim=1))
        return message * edges.weight

    @abstractmethod
    def forward(
        self, atom: Float[Tensor, "atoms width"], graph: CrystalGraph
    ) -> Float[Tensor, "atoms 3"]:
        """Predict the force on each atom, in eV/Å."""


@final
class CentralForces(ForceHead):
    """F_i = Σ_j s(h_i, h_j, d) r_ij / d: equivariant, and the gradient of nothing."""

    def __init__(self, width: int, cutoff: float) -> None:
        super().__init__(width, cutoff, further=0, messages=1)

    def forward(
        self, atom: Float[Tensor, "atoms width"], graph: CrystalGraph
    ) -> Float[Tensor, "atoms 3"]:
        """Add up forces along the edges."""
        along = self.messages(atom, graph) * _directions(graph, atom.dtype)
        return segment_sum(along, graph.center, len(atom))


@final
class AxisForces(ForceHead):
    """F_i = W Σ_j m(h_i, h_j, d, r_ij / d): reads directions as three numbers, not equivariant."""

    def __init__(self, width: int, cutoff: float) -> None:
        super().__init__(width, cutoff, further=3, messages=width)
        self.components = nn.Linear(width, 3, bias=False)

    def forward(
        self, atom: Float[Tensor, "atoms width"], graph: CrystalGraph
    ) -> Float[Tensor, "atoms 3"]:
        """Read three numbers out of what the neighbours send."""
        messages = self.messages(atom, graph, _directions(graph, atom.dtype))
        forces: Tensor = self.components(segment_sum(messages, graph.center, len(atom)))
        return forces


def _directions(graph: CrystalGraph, dtype: torch.dtype) -> Float[Tensor, "edges 3"]:
    return (graph.vector / graph.distance.unsqueeze(-1)).to(dtype)


@final
class DirectForces(Model):
    """An energy and forces that are not its derivatives; a `TargetError` at other targets."""

    def __init__(
        self, encoder: Encoder, head: Head, forces: ForceHead, targets: Sequence[Target]
    ) -> None:
        super().__init__(encoder, targets)
        self.head, self.forces = head, forces
        (self.name,) = (target.name for target in targets if target.derivative is not None)

    @classmethod
    def made_of(cls, parts: ModelParts) -> "DirectForces":
        """Put a model with `CentralForces` together."""
        head = cast(Head, parts.heads[energy_of(parts.targets).name])
        encoder = parts.encoder
        return cls(encoder, head, CentralForces(encoder.width, encoder.cutoff), parts.targets)

    @property
    def learns_variance(self) -> bool:
        """Whether a standard deviation of its error belongs to each value: it does not."""
        return False

    def forward(self, graph: Graph) -> Output:
        """Predict energy and forces."""
        full = cast(CrystalGraph, graph)
        features = self.encoded(full)
        values = {
            self.head.target.name: self.head(features, full),
            self.name: self.forces(features.atom, full),
        }
        return Output(values, {}, features)

    @torch.no_grad()
    def start(self, graph: Graph) -> ByTarget:
        """Return the reference energies alone, and no forces, in float64."""
        energy = self.head.start(graph)
        return {self.head.target.name: energy, self.name: energy.new_zeros((len(graph.number), 3))}

    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], conditions: ConditionValues | None = None
    ) -> None:
        """Fit the reference energies of the elements to the training part."""
        numbers = [elements_of(crystal) for crystal in crystals]
        self.head.fit(labels.arrays[self.head.target.name], numbers)

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the vector of each crystal from which the energy is predicted."""
        return self.head.embedding(features, graph)
