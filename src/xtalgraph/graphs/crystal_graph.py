"""The one graph type: a batch of periodic multigraphs, every field with a declared scope."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from xtalgraph.conventions.errors import GraphError


class Scope(StrEnum):
    """What a row of a field belongs to."""

    CRYSTAL = "crystal"
    ATOM = "atom"
    EDGE = "edge"


COUNTS: Final[dict[Scope, str]] = {Scope.ATOM: "num_atoms", Scope.EDGE: "num_edges"}
"""The field that counts, for each crystal, the rows of a scope."""


def scoped(scope: Scope, *, points_to: Scope | None = None) -> Any:
    """Declare a field of the graph: what its rows belong to, and what its values point to.

    Args:
        scope: What each row belongs to.
        points_to: For index fields, the scope whose rows the values number.
    """
    return dataclasses.field(metadata={"scope": scope, "points_to": points_to})


@dataclass(frozen=True, eq=False)
class CrystalGraph:
    """Periodic multigraphs of one or more crystals. One crystal is a batch of one.

    An edge goes from its ``center`` i to its ``neighbor`` j in the periodic ``image`` n, and
    has the vector r_j + n·cell − r_i. There may be several edges between two atoms, and edges
    from an atom to its own images. Edges are sorted by their center.

    Source: Xie and Grossman, Phys. Rev. Lett. 120, 145301 (2018), for the multigraph.
    """

    num_atoms: Int[Tensor, " crystals"] = scoped(Scope.CRYSTAL)
    """Number of atoms of each crystal."""
    num_edges: Int[Tensor, " crystals"] = scoped(Scope.CRYSTAL)
    """Number of directed edges of each crystal."""
    cell: Float[Tensor, "crystals 3 3"] = scoped(Scope.CRYSTAL)
    """Lattice vectors as rows, Å."""
    pbc: Bool[Tensor, "crystals 3"] = scoped(Scope.CRYSTAL)
    """Which lattice directions repeat."""
    number: Int[Tensor, " atoms"] = scoped(Scope.ATOM)
    """Atomic number of each atom."""
    position: Float[Tensor, "atoms 3"] = scoped(Scope.ATOM)
    """Cartesian coordinates, Å."""
    center: Int[Tensor, " edges"] = scoped(Scope.EDGE, points_to=Scope.ATOM)
    """The atom that receives along the edge, numbered through the whole batch."""
    neighbor: Int[Tensor, " edges"] = scoped(Scope.EDGE, points_to=Scope.ATOM)
    """The atom that sends along the edge, numbered through the whole batch."""
    image: Int[Tensor, "edges 3"] = scoped(Scope.EDGE)
    """Lattice translation of the neighbor, in units of the lattice vectors."""

    def __len__(self) -> int:
        return len(self.num_atoms)

    def __repr__(self) -> str:
        return (
            f"CrystalGraph({len(self)} crystals, {len(self.number)} atoms, "
            f"{len(self.center)} edges, {self.position.dtype}, {self.position.device})"
        )

    @cached_property
    def vector(self) -> Float[Tensor, "edges 3"]:
        """Vector of each edge, position[neighbor] + image @ cell − position[center], in Å."""
        shift = torch.einsum(
            "ei,eij->ej",
            self.image.to(self.cell.dtype),
            self.cell.index_select(0, self.crystal_of_edge),
        )
        start = self.position.index_select(0, self.center)
        return self.position.index_select(0, self.neighbor) + shift - start

    @cached_property
    def distance(self) -> Float[Tensor, " edges"]:
        """Length of each edge, in Å."""
        return torch.linalg.vector_norm(self.vector, dim=-1)

    @cached_property
    def degree(self) -> Int[Tensor, " atoms"]:
        """Number of edges that leave each atom as their center."""
        return torch.bincount(self.center, minlength=len(self.number))

    @cached_property
    def crystal_of_atom(self) -> Int[Tensor, " atoms"]:
        """The crystal to which each atom belongs."""
        return self._owner(self.num_atoms, len(self.number))

    @cached_property
    def crystal_of_edge(self) -> Int[Tensor, " edges"]:
        """The crystal to which each edge belongs."""
        return self._owner(self.num_edges, len(self.center))

    @cached_property
    def _starts(self) -> dict[Scope, Tensor]:
        return {s: _starts(getattr(self, name)) for s, name in COUNTS.items()}

    def _owner(self, counts: Tensor, total: int) -> Tensor:
        crystals = torch.arange(len(self), device=counts.device)
        return crystals.repeat_interleave(counts, output_size=total)

    def replace(self, **fields: Tensor) -> "CrystalGraph":
        """Return a graph with some fields exchanged."""
        return dataclasses.replace(self, **fields)

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "CrystalGraph":
        """Return the graph on a device, its floating-point fields in a dtype.

        Args:
            device: Where to; None leaves it.
            dtype: Of positions and cells; None leaves it.
        """
        moved = {}
        for field in dataclasses.fields(self):
            value: Tensor = getattr(self, field.name)
            kind = dtype if value.is_floating_point() else None
            moved[field.name] = value.to(device=device, dtype=kind)
        return CrystalGraph(**moved)

    def select(self, crystals: Int[Tensor, " chosen"] | Sequence[int]) -> "CrystalGraph":
        """Return the graph of some of the crystals, in the given order; repeats are allowed.

        Args:
            crystals: Indices of crystals.
        """
        chosen = torch.as_tensor(crystals, dtype=torch.long, device=self.num_atoms.device)
        rows = {scope: self.rows(scope, chosen) for scope in Scope}
        selected: dict[str, Tensor] = {}
        for field in dataclasses.fields(self):
            scope, target = field.metadata["scope"], field.metadata["points_to"]
            value = getattr(self, field.name).index_select(0, rows[scope])
            if target is not None:
                before = self._starts[target].index_select(0, chosen)
                shift = before - _starts(selected[COUNTS[target]])
                value = value - shift.repeat_interleave(
                    selected[COUNTS[scope]], output_size=len(value)
                )
            selected[field.name] = value
        return CrystalGraph(**selected)

    def rows(self, scope: Scope, crystals: Int[Tensor, " chosen"]) -> Int[Tensor, " rows"]:
        """Return the rows of a scope that belong to some of the crystals, crystal by crystal.

        Args:
            scope: Of the rows.
            crystals: Indices of crystals.
        """
        if scope is Scope.CRYSTAL:
            return crystals
        counts = getattr(self, COUNTS[scope]).index_select(0, crystals)
        shift = self._starts[scope].index_select(0, crystals) - _starts(counts)
        moved = shift.repeat_interleave(counts)
        return moved + torch.arange(len(moved), device=moved.device)

    def split(self) -> "list[CrystalGraph]":
        """Return one graph for each crystal."""
        return [self.select([index]) for index in range(len(self))]


def collate(graphs: Sequence[CrystalGraph]) -> CrystalGraph:
    """Put graphs together into one batch, in their order.

    Args:
        graphs: At least one graph, all on one device and of one dtype.

    Raises:
        GraphError: If there is nothing to put together.
    """
    if not graphs:
        raise GraphError("cannot collate 0 graphs: give at least one")
    joined = {}
    for field in dataclasses.fields(CrystalGraph):
        target = field.metadata["points_to"]
        parts = [getattr(graph, field.name) for graph in graphs]
        if target is not None:
            sizes = [int(getattr(graph, COUNTS[target]).sum()) for graph in graphs]
            offsets = [sum(sizes[:i]) for i in range(len(sizes))]
            parts = [part + offset for part, offset in zip(parts, offsets, strict=True)]
        joined[field.name] = torch.cat(parts)
    return CrystalGraph(**joined)


def _starts(counts: Int[Tensor, " crystals"]) -> Int[Tensor, " crystals"]:
    return counts.cumsum(0) - counts
