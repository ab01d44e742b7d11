"""Exchange with DGL, which installs beside a recent torch as DGL 1 on Python 3.11."""

from typing import Any

import torch
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.assembly import assemble


def to_dgl(graph: CrystalGraph) -> Any:
    """Return a batched ``DGLGraph`` whose edges go as messages do, from neighbor to center.

    Nodes have ``number``, ``position`` and ``charge``, edges ``image``, ``vector`` and
    ``distance``. DGL has no data of a whole graph, so every atom carries the ``cell`` and the
    ``pbc`` of its crystal.

    Args:
        graph: One or more crystals.

    Returns:
        The graph, with the same dtype and device; ``dgl.unbatch`` takes it apart.

    Raises:
        MissingExtraError: If DGL is not installed, or not for this torch.
        GraphError: If a site is disordered.
    """
    graph.expect_ordered("a graph of DGL")
    dgl = import_extra("dgl")
    made = dgl.graph((graph.neighbor, graph.center), num_nodes=len(graph.number))
    made.ndata["number"] = graph.number
    made.ndata["position"] = graph.position
    made.ndata["charge"] = graph.charge
    made.ndata["cell"] = graph.cell[graph.crystal_of_atom]
    made.ndata["pbc"] = graph.pbc[graph.crystal_of_atom]
    made.edata["image"] = graph.image
    made.edata["vector"] = graph.vector
    made.edata["distance"] = graph.distance
    made.set_batch_num_nodes(graph.num_atoms)
    made.set_batch_num_edges(graph.num_edges)
    return made


def from_dgl(graph: Any) -> CrystalGraph:
    """Return the graph of a ``DGLGraph`` with the data that `to_dgl` sets.

    Args:
        graph: A single graph or a batch; vectors and distances are not read.

    Returns:
        The graph, with the same dtype and device.

    Raises:
        GraphError: If data are missing, the atoms of a crystal differ in cell or pbc, or an edge
            cannot be.
    """
    nodes = {"number", "position", "charge", "cell", "pbc"}
    needed = nodes - set(graph.ndata), {"image"} - set(graph.edata)
    for missing, where in zip(needed, ("ndata", "edata"), strict=True):
        if missing:
            raise GraphError(f"{where} of this DGLGraph lacks {', '.join(sorted(missing))}")
    num_atoms = graph.batch_num_nodes()
    if not num_atoms.all():
        raise GraphError("a graph of this batch has no atoms; leave it out")
    first = num_atoms.cumsum(0) - num_atoms
    neighbor, center = graph.edges(order="eid")
    return assemble(
        CrystalGraph,
        num_atoms=num_atoms,
        cell=_of_crystals(graph.ndata["cell"], first, num_atoms, "cell"),
        pbc=_of_crystals(graph.ndata["pbc"], first, num_atoms, "pbc"),
        number=graph.ndata["number"],
        position=graph.ndata["position"],
        conditions=graph.ndata["position"].new_zeros(len(num_atoms), 0),
        charge=graph.ndata["charge"],
        share=graph.ndata["position"].new_zeros(0),
        center=center.long(),
        neighbor=neighbor.long(),
        image=graph.edata["image"],
    )


def _of_crystals(values: Tensor, first: Tensor, num_atoms: Tensor, name: str) -> Tensor:
    value = values[first]
    if not torch.equal(value.repeat_interleave(num_atoms, dim=0), values):
        raise GraphError(f"the atoms of one crystal must have one {name}")
    return value
