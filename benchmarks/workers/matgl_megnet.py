"""MEGNet of matgl with the widths of its paper, which are its defaults, at a radius."""

from typing import Any

import torch
from matgl.config import DEFAULT_ELEMENTS
from matgl.ext.pymatgen import Structure2Graph
from matgl.models import MEGNet
from pymatgen.core import Structure
from torch_geometric.data import Batch
from turns import Side, serve


def make(job: dict[str, Any]) -> Side:
    """Make the model and its batch."""
    cutoff = job["settings"]["cutoff"]
    converter = Structure2Graph(element_types=DEFAULT_ELEMENTS, cutoff=cutoff)
    graphs = []
    for crystal in job["crystals"]:
        structure = Structure(
            crystal["cell"], crystal["numbers"], crystal["positions"], coords_are_cartesian=True
        )
        graph, lattice, _ = converter.get_graph(structure)
        graph.pbc_offshift = torch.matmul(graph.pbc_offset, lattice[0])
        graph.pos = graph.frac_coords @ lattice[0]
        graphs.append(graph)
    batch = Batch.from_data_list(graphs)
    state = torch.zeros(len(graphs), 2)
    model = MEGNet(cutoff=cutoff)
    size = f"{batch.num_nodes} atoms, {batch.num_edges} edges"
    return Side(model, lambda: model(g=batch, state_attr=state), size)


if __name__ == "__main__":
    serve(make)
