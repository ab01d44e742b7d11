"""SchNet of graph-pes: its calculator with the skin that it sets, and its loss."""

from typing import Any

import torch
from graph_pes.atomic_graph import AtomicGraph, to_batch
from graph_pes.models import SchNet
from graph_pes.utils.calculator import GraphPESCalculator
from moving import Potential, atoms_of, serve


def make(job: dict[str, Any]) -> Potential:
    """Make the potential and its batch."""
    torch.set_default_dtype(getattr(torch, job["precision"]))
    model = SchNet(job["cutoff"], job["channels"], job["basis"], job["layers"])
    graphs = [AtomicGraph.from_ase(atoms_of(job), job["cutoff"]) for _ in range(job["batch"])]
    batch = to_batch(graphs)
    model.pre_fit_all_components(graphs)

    def predict() -> dict[str, torch.Tensor]:
        model.train()
        return model.predict(batch, ["energy", "forces"])

    served = SchNet(job["cutoff"], job["channels"], job["basis"], job["layers"])
    served.load_state_dict(model.state_dict())
    return Potential(model, GraphPESCalculator(served), predict, batch.neighbour_list.shape[1])


if __name__ == "__main__":
    serve(make)
