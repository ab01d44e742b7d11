"""Graphs of the same crystals with hidden elements, with moved atoms, or of a larger cell."""

from dataclasses import dataclass, fields

import torch
from jaxtyping import Float, Int
from torch import Tensor

from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.graph import COUNTS, Scope

HIDDEN = 0
"""Atomic number of an atom whose element is hidden."""


@dataclass(frozen=True, eq=False)
class Rattled:
    """A graph whose atoms and cells have moved."""

    graph: CrystalGraph
    """With the edges that it had before."""
    displacement: Float[Tensor, "atoms 3"]
    """By which each atom was moved before the strain, Å; their mean in a crystal is 0."""
    strain: Float[Tensor, "crystals 3 3"]
    """Of each cell, symmetric: x becomes (1 + strain) x."""


def hide_elements(
    graph: CrystalGraph, share: float, generator: torch.Generator | None = None
) -> tuple[CrystalGraph, Int[Tensor, " hidden"]]:
    """Hide the elements of some atoms, of one in each crystal at least.

    Args:
        graph: The crystals; no site is disordered.
        share: Part of the atoms.
        generator: Of the drawing; None takes torch's global one.

    Returns:
        The graph with atomic number 0 there, and the atoms.

    Raises:
        GraphError: If a site is disordered.
    """
    graph.expect_ordered("hiding elements")
    draw = torch.rand(len(graph.number), generator=generator).to(graph.number.device)
    crystal = graph.crystal_of_atom
    least = draw.new_ones(len(graph)).scatter_reduce(0, crystal, draw, "amin")
    hidden = (draw < share) | (draw == least.index_select(0, crystal))
    number = graph.number.masked_fill(hidden, HIDDEN)
    return graph.replace(number=number), torch.nonzero(hidden).squeeze(-1)


def rattle(
    graph: CrystalGraph,
    displacement: float,
    strain: float,
    generator: torch.Generator | None = None,
) -> Rattled:
    """Move atoms and strain cells at random; edges stay those between the same atoms.

    Args:
        graph: The crystals.
        displacement: Standard deviation along each axis, Å.
        strain: Standard deviation of each component.
        generator: Of the drawings; None takes torch's global one.
    """
    position, cell, crystal = graph.position, graph.cell, graph.crystal_of_atom
    moves = torch.randn(len(position), 3, generator=generator, dtype=position.dtype)
    moves = displacement * moves.to(position.device)
    total = moves.new_zeros(len(graph), 3).index_add(0, crystal, moves)
    moves = moves - (total / graph.num_atoms.unsqueeze(-1)).index_select(0, crystal)
    drawn = torch.randn(len(graph), 3, 3, generator=generator, dtype=position.dtype)
    tensor = strain * torch.tril(drawn).to(position.device)
    tensor = torch.tril(tensor) + torch.tril(tensor, diagonal=-1).mT
    deformation = torch.eye(3, dtype=position.dtype, device=position.device) + tensor
    moved = torch.einsum("ai,aij->aj", position + moves, deformation.index_select(0, crystal))
    return Rattled(graph.moved(moved, cell @ deformation), moves, tensor)


def repeat(graph: CrystalGraph, axis: int, times: int = 2) -> CrystalGraph:
    """Return the graph of supercells, without a search for neighbours.

    Args:
        graph: Crystals that repeat along the axis; no site is disordered.
        axis: The lattice vector that becomes longer.
        times: How often each cell is repeated.

    Returns:
        The graph that is built of the supercells, with the atoms of one copy after those of the
        one before.

    Raises:
        GraphError: If a site is disordered.
    """
    graph.expect_ordered("repeating a graph")
    device = graph.number.device
    copies = torch.arange(times, device=device)
    rows: dict[Scope, Tensor] = {}
    copy: dict[Scope, Tensor] = {}
    target_row: dict[Scope, Tensor] = {}
    for scope in (Scope.ATOM, Scope.EDGE, Scope.TRIPLET):
        counts = graph.counts(scope)
        size = counts.repeat_interleave(counts)
        start = (counts.cumsum(0) - counts).repeat_interleave(counts)
        row = torch.arange(len(size), device=device)
        target_row[scope] = (row + (times - 1) * start).unsqueeze(-1) + copies * size.unsqueeze(-1)
        order = torch.argsort(target_row[scope].flatten())
        rows[scope], copy[scope] = order // times, order % times
    made: dict[str, Tensor] = {}
    for field in fields(graph):
        scope, value = field.metadata["scope"], getattr(graph, field.name)
        made[field.name] = value.index_select(0, rows[scope]) if scope in rows else value
    made |= {name: times * made[name] for name in COUNTS.values()}

    edge, at = rows[Scope.EDGE], copy[Scope.EDGE]
    end = at + made["image"][:, axis]
    made["center"] = target_row[Scope.ATOM][made["center"], at]
    made["neighbor"] = target_row[Scope.ATOM][graph.neighbor[edge], end % times]
    made["image"] = made["image"].clone()
    made["image"][:, axis] = torch.div(end, times, rounding_mode="floor")
    crystal = graph.crystal_of_atom.index_select(0, rows[Scope.ATOM])
    shift = copy[Scope.ATOM].to(graph.cell.dtype).unsqueeze(-1) * graph.cell[crystal, axis]
    made["position"] = made["position"] + shift
    made["cell"] = graph.cell.clone()
    made["cell"][:, axis] = times * graph.cell[:, axis]

    triplet, at = rows[Scope.TRIPLET], copy[Scope.TRIPLET]
    receiving = graph.receiving_edge[triplet]
    meeting = torch.where(made["at_center"], at, at + graph.image[receiving, axis]) % times
    made["receiving_edge"] = target_row[Scope.EDGE][receiving, at]
    made["sending_edge"] = target_row[Scope.EDGE][graph.sending_edge[triplet], meeting]
    return CrystalGraph(**made)
