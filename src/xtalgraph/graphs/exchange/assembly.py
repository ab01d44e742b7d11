"""From loose arrays of edges, in any order, to a checked graph in ours."""

import dataclasses
from typing import TypeVar

import torch
from jaxtyping import Int
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import Graph, Scope

G = TypeVar("G", bound=Graph)


def assemble(kind: type[G], **fields: Tensor) -> G:
    """Sort edges, check them, and return their graph.

    The edges of a `CrystalGraph` are sorted by center, neighbor and image, those of another kind
    by center.

    Args:
        kind: Of the graph.
        **fields: All its fields but ``num_edges``, which is counted; those that have a default may
            be left out.

    Raises:
        GraphError: If an edge leaves its crystal, or a field numbers edges that are not sorted. In
            space also if an edge repeats another, joins an atom to itself, or crosses a wall that
            does not repeat.
    """
    num_atoms, center, neighbor = fields["num_atoms"], fields["center"], fields["neighbor"]
    owner = _owner_of_edges(num_atoms, center, neighbor)
    in_space = issubclass(kind, CrystalGraph)
    order = _order(center, *((neighbor, *fields["image"].unbind(dim=1)) if in_space else ()))
    moved = not torch.equal(order, torch.arange(len(order), device=order.device))
    placed = {}
    for field in dataclasses.fields(kind):
        if field.name not in fields:
            continue
        value = fields[field.name]
        if field.metadata["points_to"] is Scope.EDGE and moved and len(value):
            raise GraphError(
                f"{field.name} numbers edges, and they are not sorted by center, neighbor and "
                f"image; sort them, or leave {field.name} out"
            )
        placed[field.name] = value[order] if field.metadata["scope"] is Scope.EDGE else value
    num_edges = torch.bincount(owner, minlength=len(num_atoms))
    graph = kind(num_edges=num_edges, **placed)
    if isinstance(graph, CrystalGraph):
        _check_images(graph)
    return graph


def _order(*keys: Int[Tensor, " edges"]) -> Int[Tensor, " edges"]:
    """Return the order that sorts by the first key, then by the second, and so on."""
    order = torch.arange(len(keys[0]), device=keys[0].device)
    for key in reversed(keys):
        order = order[key[order].argsort(stable=True)]
    return order


def _owner_of_edges(
    num_atoms: Int[Tensor, " crystals"],
    center: Int[Tensor, " edges"],
    neighbor: Int[Tensor, " edges"],
) -> Int[Tensor, " edges"]:
    crystals = torch.arange(len(num_atoms), device=num_atoms.device)
    owner = crystals.repeat_interleave(num_atoms)
    ends = torch.cat([center, neighbor])
    absent = (ends < 0) | (ends >= len(owner))
    if absent.any():
        raise GraphError(
            f"an edge names atom {ends[absent][0]}, and there are {len(owner)} atoms, from 0"
        )
    apart = owner[center] != owner[neighbor]
    if apart.any():
        first, second = center[apart][0], neighbor[apart][0]
        raise GraphError(
            f"an edge joins atom {first} of crystal {owner[first]} and atom {second} of crystal "
            f"{owner[second]}; an edge stays in its crystal"
        )
    return owner[center]


def _check_images(graph: CrystalGraph) -> None:
    center, neighbor, image = graph.center, graph.neighbor, graph.image
    loops = (center == neighbor) & ~image.bool().any(dim=1)
    if loops.any():
        raise GraphError(
            f"atom {center[loops][0]} has an edge to itself in the same cell; an atom is not its "
            "own neighbour, so remove such loops"
        )
    walls = (image.bool() & ~graph.pbc[graph.crystal_of_edge]).any(dim=1)
    if walls.any():
        raise GraphError(
            f"the edge from atom {center[walls][0]} to atom {neighbor[walls][0]} has the image "
            f"{image[walls][0].tolist()}, but pbc is "
            f"{graph.pbc[graph.crystal_of_edge][walls][0].tolist()}; correct one of them"
        )
    rows = torch.column_stack([center, neighbor, image])
    same = (rows[1:] == rows[:-1]).all(dim=1)
    if same.any():
        first, second, *step = rows[1:][same][0].tolist()
        raise GraphError(
            f"the edge from atom {first} to atom {second} in image {step} stands twice"
        )
