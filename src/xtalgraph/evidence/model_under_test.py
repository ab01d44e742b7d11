"""What is verified: a trained model, and how its graphs are built."""

import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE, Conditions
from xtalgraph.data.states import States
from xtalgraph.data.targets import Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.graph_settings import GraphSettings
from xtalgraph.models.checkpoint import load_model, save_model
from xtalgraph.models.model import Model, Output
from xtalgraph.models.predictor import Predictor
from xtalgraph.models.requirements import why_not_reduced

Values = Float[np.ndarray, "rows columns"]
"""A row for each crystal, or for each atom if the targets are atomic; a column for each target."""


@final
@dataclass(frozen=True, eq=False)
class ModelUnderTest:
    """A model with everything that is needed to try it.

    Args:
        model: From a graph to one value for each crystal, or for each atom if the target is atomic;
            of several targets a column for each. Any torch module that computes in the precision
            of its weights; lengths of a graph are in float64.
        graph_settings: How the graphs that it reads are built.
        targets: What it predicts.
        why_not_reduced: Why it cannot read a reduced graph; empty if it can.
        reload: Writes the model, reads it again, and returns what was read; None if there is no
            such thing.
        conditions: What it reads as the state of a crystal.
    """

    model: nn.Module
    graph_settings: GraphSettings
    targets: tuple[Target, ...]
    why_not_reduced: str = "the model does not say that it reads reduced graphs"
    reload: Callable[[], nn.Module] | None = None
    conditions: Conditions = ATOMS_ALONE

    @classmethod
    def of(cls, predictor: Predictor) -> "ModelUnderTest":
        """Take the model of a run, of several members their mean.

        Args:
            predictor: The run's.
        """
        members, spec = predictor.members, predictor.spec

        def reload() -> nn.Module:
            read = []
            for member in members:
                with tempfile.TemporaryDirectory() as folder:
                    save_model(Path(folder), member, spec, {"elements": list(predictor.elements)})
                    read.append(load_model(Path(folder))[0])
            return _as_one(read)

        reason = why_not_reduced(type(members[0].encoder), *spec.targets)
        graph_settings = spec.make_graph_settings()
        return cls(_as_one(members), graph_settings, spec.targets, reason, reload, spec.conditions)


def _as_one(members: Sequence[Model]) -> nn.Module:
    return _Mean(members)


@final
class _Mean(nn.Module):
    """The mean of what several members say."""

    def __init__(self, members: Sequence[Model]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, graph: Graph) -> Float[torch.Tensor, "rows columns"]:
        """Return the mean of the values of a graph."""
        outputs: list[Output] = [member(graph) for member in self.members]
        columns = [torch.stack(list(one.values.values()), dim=-1) for one in outputs]
        return torch.stack(columns).mean(dim=0)


@final
class Trial:
    """A copy of a model at work, in evaluation mode.

    Args:
        model: Left as it is.
        columns: How many targets it has.
        dtype: In which it computes; None for its own.
        device: Where it computes.
    """

    def __init__(
        self,
        model: nn.Module,
        columns: int,
        dtype: torch.dtype | None = torch.float64,
        device: str = "cpu",
    ) -> None:
        self.model = copy.deepcopy(model).eval().to(device=device, dtype=dtype)
        self.columns = columns
        self.device = device

    @torch.no_grad()
    def of_graph(self, graph: Graph) -> Values:
        """Return the values of a graph, as they come: of a class the log-odds."""
        values: torch.Tensor = self.model(graph.to(self.device))
        return values.double().cpu().numpy().reshape(-1, self.columns)

    def of_crystal(self, crystal: Crystal, graph_settings: GraphSettings, state: States) -> Values:
        """Return the values of a crystal; NaN if the strategy refuses it.

        Args:
            crystal: One.
            graph_settings: How its graph is built.
            state: Its state.
        """
        try:
            graph = graph_settings.build(crystal)
        except GraphError:  # it did not refuse the crystal as it was given: a violation
            return np.full((1, self.columns), np.nan)
        return self.of_graph(state.attach(graph))
