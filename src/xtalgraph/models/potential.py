"""A potential: an energy that is a sum over atoms, with the forces and stress that belong to it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final, cast, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import GraphError, TargetError
from xtalgraph.crystals.composition import elements_of
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions, ConditionValues
from xtalgraph.data.potential_labels import role_of_target
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.derivatives import derivatives, displaced
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.head import Head
from xtalgraph.models.isolated import IsolatedAtoms
from xtalgraph.models.model import ByTarget, Model, ModelParts, Output
from xtalgraph.models.terms.energy_term import EnergyTerm
from xtalgraph.nn.segments import segment_sum

_PART: Final = 64
"""Crystals whose terms are computed at a time."""
_LENGTH: Final = 0.35
"""Å; over it the forces change the energy of an atom by about its standard deviation: the ratio of
the two is 0.25 to 0.5 on copper, lithium, molybdenum and silicon. After a term was fitted, energies
are left much smaller than that, and the network is scaled by the forces."""


@final
class Potential(Model):
    """An energy, and its derivatives by positions and by strain.

    Args:
        encoder: Turns the graph into features, smooth in the positions.
        head: Turns the features into the energy, a sum over atoms.
        targets: The energy, its forces, its stress: those that are learned, in any order.
        conditions: What the encoder reads of a crystal beside its atoms.
        terms: Added to the energy, by name.
        reference_energies: Of isolated atoms by element, eV; or ``isolated``, to take them from
            single atoms among the training crystals. None fits what all atoms of an element have.

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
        terms: Mapping[str, EnergyTerm] | None = None,
        reference_energies: Mapping[str, float] | str | None = None,
    ) -> None:
        super().__init__(encoder, targets, conditions)
        self.energy = energy_of(targets)
        if head.target != self.energy:
            raise TargetError(
                f"the head of a potential is that of {self.energy.name!r}, got that of "
                f"{head.target.name!r}"
            )
        self.head = head
        self.terms = nn.ModuleDict(dict(terms or {}))
        self._fits_terms = True
        self.isolated: IsolatedAtoms | None = None
        if reference_energies:
            self.isolated = IsolatedAtoms(reference_energies, encoder.cutoff)

    @classmethod
    def made_of(cls, parts: ModelParts) -> "Potential":
        """Put a potential together; its energy alone has a head."""
        head = cast(Head, parts.heads[energy_of(parts.targets).name])
        further = parts.conditions, parts.terms, parts.reference_energies
        return cls(parts.encoder, head, parts.targets, *further)

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
        return self._output(graph, given=True)

    def learned(self, graph: Graph) -> Output:
        """Predict what the network and the learned terms give, without the terms of no weight."""
        return self._output(graph, given=False)

    def _output(self, graph: Graph, *, given: bool) -> Output:
        by_variable = self._by_variable
        values, features = self.evaluate(graph, *by_variable, given=given)
        return Output(self._by_target(values), {}, features)

    def _by_target(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        names = {"energy": self.energy.name, **self._by_variable}
        return {name: values[key] for key, name in names.items()}

    @property
    def _by_variable(self) -> dict[str, str]:
        return {t.derivative.by: t.name for t in self.targets if t.derivative is not None}

    def evaluate(
        self, graph: Graph, *by: str, given: bool = True
    ) -> tuple[dict[str, Tensor], Features]:
        """Return the energy and the derivatives that are asked for, learned or not.

        Args:
            graph: A batch of crystals, not reduced by symmetry.
            *by: ``position`` for the forces, ``strain`` for the stress.
            given: Whether with the terms that have no weights.

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
            energy = self.of_head(features, at.graph)
            for term in self._terms(learned=True):
                energy = energy + _of_crystals(term(features, at.graph), at.graph)
            results = derivatives(energy, at, differentiable=differentiable)
            values = {"energy": energy, **results}
            for name, value in (self._given(graph, *by) if given else {}).items():
                values[name] = values[name] + value
        if not differentiable:
            values["energy"], features = values["energy"].detach(), features.detached()
        return values, features

    def of_head(self, features: Features, graph: CrystalGraph) -> Float[Tensor, " crystals"]:
        """Return the energies of the head, which fall to those of isolated atoms."""
        if self.isolated is None:
            energy: Tensor = self.head(features, graph)
            return energy
        atoms: Tensor = self.isolated(self.head.contributions(features, graph), graph)
        return _of_crystals(atoms, graph)

    @property
    def has_learned_terms(self) -> bool:
        """Whether a term has weights."""
        return bool(self._terms(learned=True))

    def _terms(self, *, learned: bool) -> list[EnergyTerm]:
        terms = [cast(EnergyTerm, term) for term in self.terms.values()]
        return [term for term in terms if term.is_learned is learned]

    def _given(self, graph: CrystalGraph, *by: str) -> dict[str, Tensor]:
        """Return what the terms without weights add, as numbers that hold no gradient."""
        terms = self._terms(learned=False)
        if not terms:
            return {}
        with torch.enable_grad():
            at = displaced(graph, *by)
            energies = [_of_crystals(term(None, at.graph), at.graph) for term in terms]
            energy = torch.stack(energies).sum(dim=0)
            results = derivatives(energy, at, differentiable=False)
        return {"energy": energy.detach(), **results}

    @torch.no_grad()
    def start(self, graph: Graph) -> ByTarget:
        """Return the reference energies and the terms without weights, in float64.

        Without terms there are no forces and no stress.
        """
        energy = self.head.start(graph)
        values = {self.energy.name: energy}
        rows = {"position": len(graph.number), "strain": len(graph)}
        for target in self.targets:
            if target.derivative is not None:
                shape = (rows[target.derivative.by], *target.tensor.shape)
                values[target.name] = energy.new_zeros(shape)
        given = self.given(graph)
        return {name: value + given[name] for name, value in values.items()} if given else values

    @torch.no_grad()
    def given(self, graph: Graph) -> ByTarget:
        """Return what the terms without weights give, in float64; nothing where there is none."""
        if not isinstance(graph, CrystalGraph) or not self._terms(learned=False):
            return {}
        return self._by_target(self._given(graph, *self._by_variable))

    def fit_scales(
        self, labels: Values, crystals: Sequence[Crystal], conditions: ConditionValues | None = None
    ) -> None:
        """Fit the reference energies of the elements to training labels, NaN where one is missing.

        What the terms give is subtracted first, those that are learned as they begin: otherwise a
        training would begin with the energy of a term on top of labels that have it already, and
        unlearn the term. Beside a term that is fitted the network begins with nothing.
        """
        self.fit_terms(labels, crystals)
        left = self._left(labels, crystals)
        numbers = [elements_of(crystal) for crystal in crystals]
        energies = left[self.energy.name] - self._energies_of_learned_terms(crystals)
        self.head.fit(energies, numbers)
        if any(term.is_fitted and not term.is_open for term in self._terms(learned=False)):
            self.head.widen(_LENGTH * self._size_of_forces(left))
            self.head.silence()
        if self.isolated is not None:
            self.isolated.fit(crystals, energies)
        if self.condition_scaler is not None and conditions is not None:
            self.condition_scaler.fit(conditions.numbers)

    def fit_terms(self, labels: Values, crystals: Sequence[Crystal]) -> None:
        """Fit the terms that are open to what the others without weights leave of the labels.

        Args:
            labels: Of the training part.
            crystals: The training part.
        """
        terms = [term for term in self._terms(learned=False) if term.is_open]
        if terms and self._fits_terms:
            left = self._left(labels, crystals)
            by_role = {str(role_of_target(target)): left[target.name] for target in self.targets}
            for term in terms:
                term.fit(crystals, by_role)

    @property
    def learns_alone(self) -> bool:
        """Whether terms that are fitted give nothing: it learns the whole energy."""
        fitted = self.fitted_terms.values()
        return bool(fitted) and not any(bool(value.any()) for value in fitted)

    @torch.no_grad()
    def learn_alone(self) -> None:
        """Leave out the terms that are fitted; before `fit_scales`."""
        self._fits_terms = False
        for value in self.fitted_terms.values():
            value.zero_()

    @property
    def fitted_terms(self) -> dict[str, Tensor]:
        """What terms are fitted to labels, by their names among the terms."""
        fitted = {name for name, term in self.terms.items() if cast(EnergyTerm, term).is_fitted}
        state = self.terms.state_dict()
        return {name: value for name, value in state.items() if name.split(".")[0] in fitted}

    def _left(self, labels: Values, crystals: Sequence[Crystal]) -> dict[str, np.ndarray]:
        """Return the labels less what the terms without weights give, by target."""
        if all(term.is_open for term in self._terms(learned=False)):
            return dict(labels.arrays)
        parts = [self.given(graph) for graph in self._graphs(crystals)]
        given = {name: torch.cat([part[name] for part in parts]).numpy() for name in labels.arrays}
        return {name: array - given[name] for name, array in labels.arrays.items()}

    def _size_of_forces(self, values: Mapping[str, np.ndarray]) -> float:
        """Return the root mean square of a component of the forces that are known; 0 of none."""
        forces = [values[t.name] for t in self.targets if role_of_target(t) == "forces"]
        known = np.concatenate([array[np.isfinite(array)] for array in forces] or [np.zeros(0)])
        return float(np.sqrt(np.mean(known**2))) if len(known) else 0.0

    @torch.no_grad()
    def _energies_of_learned_terms(
        self, crystals: Sequence[Crystal]
    ) -> Float[np.ndarray, " crystals"]:
        """Return what the terms with weights give each crystal as they begin, in eV."""
        terms = self._terms(learned=True)
        energies = [np.zeros(0 if terms else len(crystals))]
        for graph in self._graphs(crystals) if terms else ():
            features = self.encoded(graph)
            total = sum(_of_crystals(term(features, graph), graph) for term in terms)
            energies.append(torch.as_tensor(total).numpy())
        return np.concatenate(energies)

    def _graphs(self, crystals: Sequence[Crystal]) -> Iterator[CrystalGraph]:
        """Yield graphs of some crystals at a time, as the terms read them."""
        strategy = Radius(self.encoder.cutoff)
        for first in range(0, len(crystals), _PART):
            yield build_graph(crystals[first : first + _PART], strategy)

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals width"]:
        """Return the vector of each crystal from which the energy is predicted."""
        return self.head.embedding(features, graph)


def _of_crystals(atoms: Float[Tensor, " atoms"], graph: CrystalGraph) -> Float[Tensor, " crystals"]:
    return segment_sum(atoms, graph.crystal_of_atom, graph.num_atoms.shape[0])


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
            f"a potential has one energy, got {', '.join(t.name for t in energies) or 'none'}: "
            "forces and stress are learned together with the energy they are derivatives of"
        )
    energy = energies[0]
    if energy.kind is not Kind.EXTENSIVE or not energy.tensor.is_scalar:
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
