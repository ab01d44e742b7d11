"""A model under test: what it predicts, how its graphs are built, and its values by target."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions, ConditionValues
from xtalgraph.data.targets import Target
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.checkpoint import load_model, save_model
from xtalgraph.models.encoder import Encoder
from xtalgraph.models.inference import check_device, evaluated, placed
from xtalgraph.models.invariance import Arrays
from xtalgraph.models.model import ByTarget, Model, Output
from xtalgraph.models.registry import TERMS
from xtalgraph.models.requirements import why_not_reduced
from xtalgraph.models.spec import ModelSpec


@final
@dataclass(frozen=True, eq=False)
class ModelUnderTest:
    """A model with everything that is needed to try it.

    Args:
        model: From a graph to the values of each target by its name, or of a single target the
            values alone: a row for each crystal, or for each atom if the target is atomic. Any
            torch module that computes in the precision of its weights; lengths of a graph are in
            float64.
        graph_settings: How the graphs that it reads are built.
        targets: What it predicts.
        reducible: Whether it reads graphs that are reduced by symmetry.
        reload: Writes the model, reads it again, and returns what was read; None if there is no
            such thing.
        conditions: Columns that it reads as conditions of a crystal.
        device: Where it computes.
        long_ranged: Names of what is added to the energy and acts at any distance, so that energies
            of far fragments do not add up.
        encoders: Those of the model, whose features are tried; none for another module.
        sizes: Typical size of the labels of some targets, by name. Symmetry may forbid a tensor in
            all crystals that are tried: what is left is rounding, and is compared with this.
    """

    model: nn.Module
    graph_settings: GraphSettings
    targets: tuple[Target, ...]
    reducible: bool = False
    reload: Callable[[], nn.Module] | None = None
    conditions: Conditions = ATOMS_ALONE
    device: str = "cpu"
    long_ranged: tuple[str, ...] = ()
    encoders: tuple[Encoder, ...] = ()
    sizes: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Sequence[Model], spec: ModelSpec, device: str = "cpu") -> "ModelUnderTest":
        """Take trained models, of several members their mean.

        Where they predict the standard deviations of their errors, these are further targets.
        """

        def reload() -> nn.Module:
            read = []
            for member in members:
                with tempfile.TemporaryDirectory() as folder:
                    save_model(Path(folder), member, spec, {"elements": []})
                    read.append(load_model(Path(folder))[0])
            return _MeanOutput(read)

        stds = [replace(target, name=std_name(target)) for target in spec.targets if spec.variance]
        return cls(
            _MeanOutput(members),
            spec.make_graph_settings(),
            (*spec.targets, *stds),
            not why_not_reduced(type(members[0].encoder), *spec.targets),
            reload,
            spec.conditions,
            device,
            tuple(name for name in spec.terms if TERMS[name].long_ranged),
            tuple(member.encoder for member in members),
            members[0].sizes,
        )

    def scale(self, name: str, largest: float) -> float:
        """Return with what a difference is compared: the largest prediction of the sample.

        It is at least the typical size of a label, and 1 where neither is known.
        """
        return max(largest, self.sizes.get(name, 0.0)) or 1.0


_ATOMS: Final = 512
"""Atoms of the copies of a crystal that are computed in a batch."""


def std_name(target: Target) -> str:
    """Return the name of the standard deviation of the error of a target."""
    return f"std of {target.name}"


def outputs_of(model: Model, graph: Graph) -> ByTarget:
    """Return what a model computes by target, and the standard deviations that it predicts.

    Args:
        model: The model.
        graph: What to predict.

    Returns:
        In the units of the targets; of a class log-odds.
    """
    output: Output = model(graph)
    stds = {std_name(target): output.deviations.get(target.name) for target in model.targets}
    return output.values | {name: std for name, std in stds.items() if std is not None}


@final
class _MeanOutput(nn.Module):
    """The mean of what several members return."""

    def __init__(self, members: Sequence[Model]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, graph: Graph) -> ByTarget:
        """Return the mean of each output for a graph."""
        by_member = [outputs_of(cast(Model, member), graph) for member in self.members]
        return {
            name: torch.stack([m[name] for m in by_member]).mean(dim=0) for name in by_member[0]
        }


@final
class Trial:
    """A model at work, in evaluation mode.

    Args:
        tested: Left as it is: a model of another precision, or elsewhere, is copied.
        dtype: In which it computes; None for its own.
        device: Where it computes; None for that of the test.
        model: Another copy of it, which computes in its place.
    """

    def __init__(
        self,
        tested: ModelUnderTest,
        dtype: torch.dtype | None = torch.float64,
        device: str | None = None,
        model: nn.Module | None = None,
    ) -> None:
        self.device = check_device(device or tested.device)
        self.model = placed(model or tested.model, self.device, dtype)
        self.targets = tested.targets

    def of_graph(self, graph: Graph) -> Arrays:
        """Return the values of a graph, as they come: of a class the log-odds."""
        output = evaluated(self.model, graph.to(self.device))
        if isinstance(output, Tensor):
            output = {self.targets[0].name: output}
        return {
            t.name: output[t.name].double().cpu().numpy().reshape(-1, *t.tensor.shape)
            for t in self.targets
        }

    def of_crystal(
        self, crystal: Crystal, settings: GraphSettings, conditions: ConditionValues
    ) -> Arrays:
        """Return the values of a crystal; NaN if the strategy does not support it."""
        try:
            graph = settings.build(crystal)
        except GraphError:  # it supported the crystal as it was given: a violation
            return {t.name: np.full((1, *t.tensor.shape), np.nan) for t in self.targets}
        return self.of_graph(conditions.attach(graph))

    def of_copies(
        self, crystals: Sequence[Crystal], settings: GraphSettings, conditions: ConditionValues
    ) -> list[Arrays]:
        """Return the values of crystals with as many atoms, in batches; NaN as for one alone.

        What returns rows that the crystals of a batch cannot share equally is asked for each alone.

        Args:
            crystals: All have the same number of atoms.
            settings: Of their graphs.
            conditions: Of one crystal, which all of them have.
        """
        size = max(1, _ATOMS // max(1, len(crystals[0])))
        parts: list[Arrays] = []
        for start in range(0, len(crystals), size):
            batch = crystals[start : start + size]
            try:
                graph = settings.build(batch)
            except GraphError:
                parts += [self.of_crystal(crystal, settings, conditions) for crystal in batch]
                continue
            held = conditions.select(np.zeros(len(batch), dtype=int))
            values = self.of_graph(held.attach(graph))
            if any(len(array) % len(batch) for array in values.values()):
                parts += [self.of_crystal(crystal, settings, conditions) for crystal in batch]
                continue
            split = {name: np.split(array, len(batch)) for name, array in values.items()}
            parts += [{name: split[name][row] for name in split} for row in range(len(batch))]
        return parts
