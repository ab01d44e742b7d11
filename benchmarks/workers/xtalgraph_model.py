"""Our side: an encoder of the registry with the mean over atoms, on its graph, reduced or full."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from turns import Side, Turns, serve

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))  # this tree, whatever is installed

from roofline import Work, count_work, measure_rates

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.strategies import parse_strategy
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.determinism import deterministic
from xtalgraph.workflows.freed_memory import keep_freed_memory


def make(job: dict[str, Any]) -> Side:
    """Make the model and its batch."""
    if not job["return_memory"]:
        keep_freed_memory()
    crystals = [
        Crystal(*(np.array(c[key]) for key in ("cell", "positions", "numbers")), np.ones(3, bool))
        for c in job["crystals"]
    ]
    strategy = parse_strategy(job["strategy"])
    spec = ModelSpec(
        encoder=job["encoder"],
        settings=job["settings"],
        readout="auto",
        strategy=strategy.name,
        strategy_settings=asdict(strategy),
        targets=(Target("y", Kind.INTENSIVE),),
        reduction_tolerance=job["reduction_tolerance"],
    )
    graph = spec.make_graph(crystals)
    model = spec.make_model()
    triplets = f", {len(graph.receiving_edge)} triplets" if len(graph.receiving_edge) else ""
    size = f"{len(graph.number)} atoms, {len(graph.center)} edges{triplets}"
    return Side(model, lambda: model(graph).values["y"], size)


def work(turns: Turns) -> dict[str, Any]:
    """What a step has to do, and how fast this machine does such things."""
    found: Work = count_work(turns.train)
    return found.as_dict() | {"rates": measure_rates(found)}


if __name__ == "__main__":
    with deterministic(torch.get_num_threads()):  # as the commands run
        serve(make, {"work": work})
