"""What is around each atom: lengths and spherical harmonics of its edges."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from xtalgraph.graphs.crystal_graph import CrystalGraph
from xtalgraph.graphs.neighborhoods import Neighborhoods
from xtalgraph.nn.equivariant.harmonics import SphericalHarmonics
from xtalgraph.nn.segments import gather


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The edges of a graph as an equivariant encoder reads them.

    What follows from the length alone has a row for each pair of edges that are each other's
    reverse; in a graph where an edge has no reverse, for each edge.
    """

    distance: Float[Tensor, " rows"]
    """Length, Å."""
    harmonics: Float[Tensor, "atoms components slots"]
    """Spherical harmonics of the direction to the neighbor at each slot of `Neighborhoods`; zero
    at empty slots."""
    slots: Int[Tensor, "sides rows"]
    """The slots of the edges of each row."""
    row: Int[Tensor, " every_slot"]
    """The row of the edge at each slot; at empty ones as many as there are rows."""
    neighborhoods: Neighborhoods
    """The slots."""

    @classmethod
    def of(
        cls, graph: CrystalGraph, harmonics: SphericalHarmonics, dtype: torch.dtype
    ) -> "Surroundings":
        """Read a graph.

        Args:
            graph: Not reduced by symmetry.
            harmonics: Functions of the direction.
            dtype: Of what is returned; the graph has its vectors in float64.
        """
        around, pairs = graph.neighborhoods, graph.pairs
        vector = (graph.vector if pairs is None else graph.pair_vector).to(dtype)
        distance = torch.linalg.vector_norm(vector, dim=-1)
        values = harmonics(vector / distance.unsqueeze(-1))
        slots = around.slot.unsqueeze(0)
        if pairs is not None:
            at = torch.empty_like(around.slot).index_copy_(0, pairs.rows, around.slot)
            slots = at.view(2, -1)
            values = torch.cat([values, values * harmonics.parity.to(dtype)])
        atoms, length = around.shape
        empty = values.new_zeros(atoms * length, harmonics.size)
        placed = empty.index_copy(0, slots.flatten(), values)
        sides, count = slots.shape
        every = torch.arange(count, device=slots.device).repeat(sides)
        row = torch.full_like(around.neighbor, count).index_copy_(0, slots.flatten(), every)
        placed = placed.view(atoms, length, harmonics.size).mT
        return cls(distance, placed, slots, row, around)

    def at_slots(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "atoms slots width"]:
        """Put the values of each row at the slots of its edges, and zero at empty slots.

        Args:
            rows: Functions of the lengths.
        """
        placed: Tensor = _Placed.apply(rows, self.slots, self.row)
        return placed.unflatten(0, self.neighborhoods.shape)

    def at_neighbors(self, atoms: Float[Tensor, "atoms width"]) -> Float[Tensor, "a slots width"]:
        """Put the values of each neighbor at its slot.

        Args:
            atoms: A row for each atom.
        """
        neighbor = self.neighborhoods.neighbor
        return gather(atoms, neighbor).unflatten(0, self.neighborhoods.shape)

    def of_edges(self, placed: Float[Tensor, "a slots width"]) -> Float[Tensor, "edges width"]:
        """Return what stands at the slots of the edges, the opposite of a placement.

        Args:
            placed: A row for each slot.
        """
        slot = self.neighborhoods.slot
        every = torch.arange(slot.shape[0], device=slot.device)
        edge = torch.full_like(self.row, slot.shape[0]).index_copy_(0, slot, every)
        edges: Tensor = _Collected.apply(placed.flatten(0, 1), slot.unsqueeze(0), edge)
        return edges


class _Placed(torch.autograd.Function):
    """Rows at the slots of both their edges; the transpose adds these up."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, slots: Tensor, rows: Tensor) -> Tensor:
        ctx.slots, ctx.rows = slots, rows
        if slots.numel() < rows.shape[0]:
            values = functional.pad(values, (0, 0, 0, 1))
        return values.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return _Collected.apply(grads[0], ctx.slots, ctx.rows), None, None


class _Collected(torch.autograd.Function):
    """The sums over both edges of each row."""

    @staticmethod
    def forward(ctx: Any, placed: Tensor, slots: Tensor, rows: Tensor) -> Tensor:
        ctx.slots, ctx.rows = slots, rows
        total = placed.index_select(0, slots[0])
        for side in slots[1:]:
            total += placed.index_select(0, side)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return _Placed.apply(grads[0], ctx.slots, ctx.rows), None, None
