"""ALIGNN, the code of its authors on DGL: 12 within 8 Å, every pair of bonds an angle."""

from typing import Any

import dgl
import numpy as np
import torch
from alignn.graphs import Graph
from alignn.models.alignn import ALIGNN, ALIGNNConfig
from jarvis.core.atoms import Atoms
from jarvis.core.specie import atomic_numbers_to_symbols
from turns import Side, serve


def make(job: dict[str, Any]) -> Side:
    """Make the model and its batch."""
    graphs, lines = [], []
    for crystal in job["crystals"]:
        atoms = Atoms(
            lattice_mat=crystal["cell"],
            coords=crystal["positions"],
            elements=atomic_numbers_to_symbols(crystal["numbers"]),
            cartesian=True,
        )
        graph, line = Graph.atom_dgl_multigraph(
            atoms, cutoff=8.0, max_neighbors=12, three_body_cutoff=None
        )
        graphs.append(graph)
        lines.append(line)
    graph, line = dgl.batch(graphs), dgl.batch(lines)
    lattice = torch.tensor(np.array([crystal["cell"] for crystal in job["crystals"]]))
    model = ALIGNN(ALIGNNConfig(name="alignn", **job["settings"]))
    size = f"{graph.num_nodes()} atoms, {graph.num_edges()} edges, {line.num_edges()} triplets"

    def predict() -> torch.Tensor:
        with graph.local_scope(), line.local_scope():  # the model pops its inputs
            return model((graph, line, lattice))

    return Side(model, predict, size)


if __name__ == "__main__":
    serve(make)
