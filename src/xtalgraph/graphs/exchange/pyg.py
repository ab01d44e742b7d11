"""Exchange with PyTorch Geometric."""

import dataclasses
from typing import Any, Final

import torch
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.extras import import_extra
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.exchange.assembly import assemble
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.invariant_graph import InvariantGraph

_NAMES: Final[dict[str, str]] = {
    "number": "z",
    "position": "pos",
    "cell": "cell",
    "pbc": "pbc",
    "image": "cell_offsets",
}
"""What PyTorch Geometric and the codes upon it call our fields."""

_DERIVED: Final[frozenset[str]] = frozenset(
    {"num_atoms", "num_edges", "center", "neighbor", "distance"}
)
"""Fields that are not handed over by themselves: ``edge_index``, ``edge_attr`` and ``batch``."""


def to_pyg(graph: Graph) -> Any:
    """Return a ``torch_geometric.data.Batch`` with one ``Data`` for each crystal.

    Messages go from ``edge_index[0]``, our neighbor, to ``edge_index[1]``, our center.

    | of PyG | of ours | |
    |---|---|---|
    | ``z`` | number | |
    | ``edge_index`` | neighbor, center | |
    | ``edge_attr`` | distance | Å, with shape (edges, 1) |
    | ``pos``, ``cell``, ``pbc`` | position, cell, pbc | of a `CrystalGraph` |
    | ``cell_offsets`` | image | pos[j] + cell_offsets @ cell − pos[i] is the vector |
    | others | others | under their own names, as the multiplicities |

    Args:
        graph: One or more crystals, in space or reduced.

    Returns:
        The batch, with the same dtypes and device; ``to_data_list()`` takes it apart.

    Raises:
        MissingExtraError: If PyTorch Geometric is not installed.
        GraphError: If a site is disordered.
    """
    graph.expect_ordered("a Data of PyTorch Geometric")
    data_module = import_extra("torch_geometric.data")
    return data_module.Batch.from_data_list([_data_of(single) for single in graph.split()])


def _data_of(graph: Graph) -> Any:
    from xtalgraph.graphs.exchange.pyg_data import CrystalData

    values = {
        _theirs(field.name): getattr(graph, field.name)
        for field in dataclasses.fields(graph)
        if field.name not in _DERIVED
    }
    return CrystalData(
        edge_index=torch.stack([graph.neighbor, graph.center]),
        edge_attr=graph.distance.unsqueeze(-1),
        num_nodes=len(graph.number),
        **values,
    )


def from_pyg(data: Any) -> Graph:
    """Return the graph of a ``Data`` or a ``Batch`` with the attributes that `to_pyg` sets.

    With ``pos`` it is a `CrystalGraph`, and ``edge_attr`` is not read; without, it is an
    `InvariantGraph`. Edges may stand in any order. Attributes of other names are left behind.

    Args:
        data: One crystal, or a batch of them.

    Returns:
        The graph, with the same dtypes and device.

    Raises:
        GraphError: If an attribute is missing, or an edge cannot be.
    """
    kind = CrystalGraph if "pos" in data else InvariantGraph
    fields = [field for field in dataclasses.fields(kind) if field.name not in _DERIVED]
    needed = {_theirs(f.name) for f in fields if f.default is dataclasses.MISSING}
    needed |= {"edge_index"} if kind is CrystalGraph else {"edge_index", "edge_attr"}
    if missing := sorted(name for name in needed if name not in data):
        raise GraphError(
            f"this {type(data).__name__} lacks {', '.join(missing)}; a {kind.__name__} needs "
            f"{', '.join(sorted(needed))}"
        )
    values = {f.name: data[_theirs(f.name)] for f in fields if _theirs(f.name) in data}
    values["neighbor"], values["center"] = data.edge_index
    values["num_atoms"] = _num_atoms(data)
    if kind is CrystalGraph:  # a single Data may have them without the dimension of the crystals
        values["cell"] = values["cell"].reshape(-1, 3, 3)
        values["pbc"] = values["pbc"].reshape(-1, 3)
    else:
        values["distance"] = data.edge_attr.reshape(-1)
    return assemble(kind, **values)


def _theirs(name: str) -> str:
    return _NAMES.get(name, name)


def _num_atoms(data: Any) -> Tensor:
    if "ptr" in data:
        return data.ptr.diff()
    if "batch" in data:
        if bool((data.batch.diff() < 0).any()):
            raise GraphError("batch must be sorted: the atoms of a crystal follow each other")
        return torch.bincount(data.batch)
    return torch.tensor([len(data.z)], device=data.z.device)
