"""An equivariant potential of xtalgraph: energy and forces of a frame.

Compiled, of one frame energy and forces, and of a batch a step of training.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))  # this tree, whatever is installed

from equivariant import Side, loss_of, serve

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.models.compiled import CompiledPotentials
from xtalgraph.models.graph_function import GraphFunction
from xtalgraph.models.spec import ModelSpec
from xtalgraph.workflows.freed_memory import keep_freed_memory


def make(job: dict[str, Any]) -> Side:
    """Make the potential and its frame."""
    keep_freed_memory()
    strategy = {"cutoff": job["cutoff"]}
    targets = (energy_target(), forces_target())
    spec = ModelSpec(job["encoder"], job["settings"], "auto", "radius", strategy, targets)
    model = spec.make_model().to(getattr(torch, job["precision"]))
    arrays = (np.array(job[name]) for name in ("cell", "positions", "numbers"))
    graph = spec.make_graph([Crystal(*arrays, np.ones(3, dtype=bool))] * job["copies"])

    def predict(differentiable: bool) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.set_grad_enabled(differentiable):
            values = model(graph.replace()).values  # as a new frame: nothing is kept
        return values["energy"], values["forces"]

    def predict_compiled(_: bool) -> tuple[torch.Tensor, torch.Tensor]:
        ((values, _),) = compiled.evaluate(graph.replace(), "position")
        if compiled.refused:
            raise RuntimeError("it is not compiled")
        return values["energy"], values["position"]

    def gradients(graph: CrystalGraph) -> tuple[torch.Tensor, ...]:
        with torch.enable_grad():
            values = model(graph).values
            loss = loss_of(values["energy"], values["forces"])
            slopes = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
        return tuple(slope.detach() for slope in slopes)

    def set_gradients() -> None:
        for weight, slope in zip(weights, function(graph.replace()), strict=True):
            weight.grad = slope

    if not job["compiled"]:
        return Side(model, predict, len(graph.center))
    if job["copies"] > 1:
        weights = list(model.parameters())
        function = GraphFunction(gradients, graph.elements, graph)
        return Side(model, predict, len(graph.center), set_gradients)
    compiled = CompiledPotentials([model.eval().requires_grad_(False)])
    return Side(model, predict_compiled, len(graph.center))


serve(make)
