"""What an atom starts from, where a site may hold several species."""

import torch
from jaxtyping import Float
from torch import Tensor

from xtalgraph.graphs.graph import Graph
from xtalgraph.nn.segments import gather, segment_sum


def rows_of_elements(
    table: Float[Tensor, "elements width"], graph: Graph
) -> Float[Tensor, "atoms width"]:
    """Take the row of each atom's element; of a disordered site the mixture by occupancy.

    x_i = Σ_s w_s T[s] over the elements s of a site. A vacancy adds zeros, so x is linear in the
    occupancies, and goes to T[s] as w_s goes to 1.

    Args:
        table: T, a row for each atomic number, from 0.
        graph: The atoms.
    """
    rows = gather(table, graph.number)
    if not len(graph.share):
        return rows
    there = graph.share * (graph.share_species != 0)
    parts = gather(table, graph.share_species) * there.to(table.dtype).unsqueeze(-1)
    mixed = segment_sum(parts, graph.share_atom, len(rows))
    return torch.where(graph.disordered.unsqueeze(-1), mixed, rows)
