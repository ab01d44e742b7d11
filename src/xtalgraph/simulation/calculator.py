"""A trained potential as a calculator of ASE."""

import copy
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from ase.calculators.calculator import Calculator, all_changes
from jaxtyping import Float

from xtalgraph.conventions.elements import SYMBOLS
from xtalgraph.conventions.errors import RunError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.convert import from_ase
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.graph import Graph, collate
from xtalgraph.models.compiled import CompiledPotentials
from xtalgraph.models.environments import NEW
from xtalgraph.models.potential import Potential
from xtalgraph.models.predictor import Predictor
from xtalgraph.simulation.neighbor_list import SKIN, NeighborList
from xtalgraph.simulation.threads import threads_for

Precision = Literal["float32", "float64"]
"""In which the network computes; lengths and totals are in float64 in any case."""


class PotentialCalculator(Calculator):
    """Energy, forces and stress of a potential, for whatever ASE does with them.

    Of several members the mean is returned. ``results`` then holds also ``energy_std``, eV, and
    ``forces_std``, eV/Å, the standard deviation between the members, a vector for each atom.
    ``novelty`` is how far the surroundings of each atom are from those in training, 1 as far as the
    farthest there; beyond `NEW` a warning is given, once.

    Args:
        predictor: Of a potential.
        precision: ``float64`` where energies are compared or relaxed, ``float32`` for speed.
        device: ``cpu`` or ``cuda``.
        skin: How far beyond the cutoff neighbours are searched, Å.
        compiled: Compile the potential for the crystals that come, one at a time; see
            `CompiledPotentials`.

    Raises:
        RunError: If the model is no potential.
        ConfigError: If there is no such device here.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(
        self,
        predictor: Predictor,
        *,
        precision: Precision = "float64",
        device: str = "cpu",
        skin: float = SKIN,
        compiled: bool = False,
    ) -> None:
        super().__init__()
        predictor = predictor.to(device)
        self.predictor, self.device = predictor, predictor.device
        self.members = _members(predictor, precision)
        self.compiled = CompiledPotentials(self.members) if compiled else None
        self.neighbors = NeighborList(predictor.spec.make_graph_settings(), skin)
        known = predictor.training_set
        self.environments = None if known is None else known.environments
        self.largest_force = None if known is None else known.largest_force
        self._unseen: set[tuple[str, ...]] = set()
        self._told_of_new = False

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Compute energy, forces and stress; ASE calls it."""
        super().calculate(atoms, list(properties), list(system_changes))
        crystal = from_ase(self.atoms)
        by = ("position", "strain") if "stress" in properties else ("position",)
        self.results.update(*self._computed([crystal], self.neighbors.graph(crystal), by))

    def compute(self, several: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the results of several ``Atoms`` at once; a `GraphError` if one has no graph."""
        crystals = [from_ase(atoms) for atoms in several]
        settings = self.neighbors.settings
        graph = collate([settings.build(crystal) for crystal in crystals])
        return self._computed(crystals, graph, ("position", "strain"))

    def _computed(
        self, crystals: Sequence[Crystal], graph: Graph, by: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return the results of each crystal of a batch."""
        graph = graph.to(self.device)
        with threads_for(len(graph.number)), torch.no_grad():
            if self.compiled is not None:
                values = self.compiled.evaluate(graph, *by)
            else:
                values = [member.evaluate(graph, *by) for member in self.members]
        stacked = {
            name: np.stack([member[name].double().numpy(force=True) for member, _ in values])
            for name in values[0][0]
        }
        vectors = values[0][1].atom.numpy(force=True)
        ends = np.cumsum([len(crystal) for crystal in crystals])
        of_crystals = []
        for index, (crystal, end) in enumerate(zip(crystals, ends.tolist(), strict=True)):
            self._tell_of_unseen(crystal)
            atoms = slice(end - len(crystal), end)
            energy, forces = stacked["energy"][:, index], stacked["position"][:, atoms]
            mean = float(energy.mean())
            results = {"energy": mean, "free_energy": mean, "forces": forces.mean(axis=0)}
            if "strain" in stacked:
                stress = stacked["strain"][:, index].mean(axis=0)
                results["stress"] = stress[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]
            if self.environments is not None:
                novelty = self.environments.distance(vectors[atoms], crystal.site_numbers)
                results["novelty"] = novelty
                self._tell_of_new(crystal, novelty)
            if len(values) > 1:
                results["energy_std"] = float(energy.std(ddof=1))
                results["forces_std"] = forces.std(axis=0, ddof=1)
            of_crystals.append(results)
        return of_crystals

    def _tell_of_unseen(self, crystal: Crystal) -> None:
        """Warn once of elements on which the potential was not trained."""
        unseen = self.predictor.unseen_elements(crystal)
        if unseen and unseen not in self._unseen:
            self._unseen.add(unseen)
            log.warning(
                "no training crystal contains %s: energy and forces of %s are guesses",
                ", ".join(unseen),
                crystal.formula,
            )

    def _tell_of_new(self, crystal: Crystal, novelty: Float[np.ndarray, " atoms"]) -> None:
        """Warn once of surroundings that are unlike those in training; elements are told apart."""
        far = np.where(np.isfinite(novelty), novelty, 0.0)
        if far.max(initial=0.0) <= NEW or self._told_of_new:
            return
        self._told_of_new = True
        atom = int(far.argmax())
        log.warning(
            "the environment of atom %d (%s) of %s is %.1f times as far from those in training as "
            "the farthest of them: energy and forces are unreliable there",
            atom,
            SYMBOLS[crystal.site_numbers[atom]],
            crystal.formula,
            far[atom],
        )


def _members(predictor: Predictor, precision: Precision) -> tuple[Potential, ...]:
    """Return copies of the members that keep nothing for gradients of their weights."""
    dtype = {"float32": torch.float32, "float64": torch.float64}[precision]
    members: list[Potential] = []
    for member in predictor.members:
        if not isinstance(member, Potential):
            targets = ", ".join(target.name for target in predictor.targets)
            raise RunError(
                f"the run predicts {targets} and is no potential: train one with the targets "
                "energy and forces"
            )
        ready = copy.deepcopy(member).to(device=predictor.device, dtype=dtype).eval()
        members.append(ready.requires_grad_(False))
    return tuple(members)
