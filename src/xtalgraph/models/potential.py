"""A potential: an energy that is a sum over atoms, with the forces and stress that belong to it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.conventions.errors import GraphError, TargetError
from xtalgraph.crystals.composition import elements_of
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions, ConditionValues
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.derivatives import derivatives, displaced
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.head import Head
from xtalgraph.models.model import ByTarget, Model, Output


@final
class Potential(Model):
    """An energy, and its derivatives by positions and by strain.

    Args:
        encoder: Turns the graph into features, smooth in the positions.
        head: Turns the features into the energy, a sum over atoms.
        targets: The energy, its forces, its stress: those that are learned, in any order.
        conditions: What the encoder reads of a crystal beside its atoms.

    Raises:
        TargetError: If the energy is not a total of the cell, a derivative is of something else, or
            the head is not that of the energy.
    """

    atoms_at_once: ClassVar[int | None] = 1024

    def __init__(
        self,
        encoder: Encoder,
        head: Head,
        targets: Sequence[Target],
        conditions: Conditions = ATOMS_ALONE,
    ) -> None:
        super().__init__(encoder, targets, conditions)
        self.energy = energy_of(targets)
        if head.target != self.energy:
            raise TargetError(
                f"the head of a potential is that of {self.energy.name!r}, got that of "
                f"{head.target.name!r}"
            )
        self.head = head

    @classmethod
    def made_of(
        cls,
        encoder: Encoder,
        heads: Mapping[str, Head],
        targets: Sequence[Target],
        conditions: Conditions,
    ) -> "Potential":
        """Put a potential together; its energy alone has a head."""
        return cls(encoder, heads[energy_of(targets).name], targets, conditions)

    @property
    def learns_variance(self) -> bool:
        """Whether a standard deviation of its error belongs to the energy: it does not."""
        return False

    def forward(self, graph: Graph) -> Output:
        """Predict the energy and its derivatives.

        Args:
            graph: A batch of crystals, not reduced by symmetry.

        Raises:
            GraphError: If the graph has no positions.
        """
        by_variable = {t.derivative.by: t.name for t in self.targets if t.derivative is not None}
        values, features = self.evaluate(graph, *by_variable)
        return Output(
            {self.energy.name: values["energy"]}
            | {name: values[by] for by, name in by_variable.items()},
            {},
            features,
        )

    def evaluate(self, graph: Graph, *by: str) -> tuple[dict[str, Tensor], Features]:
        """Return the energy and the derivatives that are asked for, learned or not.

        Args:
            graph: A batch of crystals, not reduced by symmetry.
            *by: ``position`` for the forces, ``strain`` for the stress.

        Returns:
            ``energy`` in eV, shape (crystals,), and the derivatives as `derivatives` names them;
            then the features of the encoder.

        Raises:
            GraphError: If the graph has no positions.
        """
        if not isinstance(graph, CrystalGraph):
            raise GraphError(
                "forces and stress need the positions of all atoms, and a graph that was reduced "
                "by symmetry has none: build it with graph.reduction_tolerance=0"
            )
        differentiable = torch.is_grad_enabled()
        with torch.enable_grad():
            at = displaced(graph, *by)
            features = self.encoded(at.graph)
            energy: Tensor = self.head(features, at.graph)
            results = derivatives(energy, at, differentiable=differentiable)
        if not differentiable:
            energy, features = energy.detach(), features.detached()
        return {"energy": energy, **results}, features

    @torch.no_grad()
    def start(self, graph: Graph) -> ByTarget:
        """Return the reference energies alone, which have no forces and no stress, in float64.

        Args:
            graph: A batch of crystals.
        """
        energy = self.head.start(graph)
        values = {self.energy.name: energy}
        rows = {"position": len(graph.number), "strain": len(graph)}
        for target in self.targets:
            if target.derivative is not None:
                shape = (rows[target.derivative.by], *target.tensor.shape)
                values[target.name] = energy.new_zeros(shape)
        return values

    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], states: ConditionValues | None = None
    ) -> None:
        """Fit the reference energies of the elements to the training part.

        Args:
            labels: Of the training crystals, NaN where a label is missing.
            crystals: The same crystals.
            states: Their conditions, for a model that reads them.
        """
        numbers = [elements_of(crystal) for crystal in crystals]
        self.head.fit(labels.arrays[self.energy.name], numbers)
        if self.condition_scaler is not None and states is not None:
            self.condition_scaler.fit(states.numbers)

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the vector of each crystal from which the energy is predicted.

        Args:
            features: Of the graph.
            graph: What they were made of.
        """
        return self.head.embedding(features, graph)


def energy_of(targets: Sequence[Target]) -> Target:
    """Return the energy among the targets of a potential.

    Args:
        targets: An energy and derivatives of it.

    Raises:
        TargetError: If there is not one energy of which all others are derivatives, or it is not a
            total of the cell.
    """
    energies = [target for target in targets if target.derivative is None]
    if len(energies) != 1:
        raise TargetError(
            f"a potential has one energy, got {', '.join(one.name for one in energies) or 'none'}: "
            "forces and stress are learned together with the energy they are derivatives of"
        )
    energy = energies[0]
    if energy.kind is not Kind.EXTENSIVE or energy.is_class or not energy.tensor.is_scalar:
        raise TargetError(
            f"the energy {energy.name!r} must be a total of the cell, declared extensive, got "
            f"{energy.kind}"
        )
    for target in targets:
        if target.derivative is not None and target.derivative.of != energy.name:
            raise TargetError(
                f"{target.name!r} is the derivative of {target.derivative.of!r}, and the energy is "
                f"{energy.name!r}"
            )
    return energy
