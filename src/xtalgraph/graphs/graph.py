"""What every graph is: a batch of multigraphs, every field with a declared scope."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

import torch
from jaxtyping import Bool, Float, Int, Num
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.graphs.element_groups import ElementGroups


class Scope(StrEnum):
    """What a row of a field belongs to."""

    CRYSTAL = "crystal"
    ATOM = "atom"
    EDGE = "edge"
    TRIPLET = "triplet"
    SHARE = "share"


COUNTS: Final[dict[Scope, str]] = {
    Scope.ATOM: "num_atoms",
    Scope.EDGE: "num_edges",
    Scope.TRIPLET: "num_triplets",
    Scope.SHARE: "num_shares",
}
"""The field that counts, for each crystal, the rows of a scope."""


G = TypeVar("G", bound="Graph")


def scoped(
    scope: Scope,
    *,
    points_to: Scope | None = None,
    absent: torch.dtype | None = None,
    columns: bool = False,
    fill: float = 0.0,
) -> Any:
    """Declare a field of the graph: what its rows belong to, and what its values point to.

    Args:
        scope: What each row belongs to.
        points_to: For index fields, the scope whose rows the values number.
        absent: For fields that may be left out, given by name only: the dtype of the field
            where a graph has no such rows; of the scopes crystal and atom, where it is ``fill``.
        columns: Whether a row is a list, which has no entries where the field was left out.
        fill: What each crystal or atom has where the field was left out.
    """
    metadata: dict[str, Any] = {"scope": scope, "points_to": points_to, "absent": absent}
    metadata |= {"columns": columns, "fill": fill}
    if absent is None:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(metadata=metadata, default=None, kw_only=True)


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """Multigraphs of one or more crystals. One crystal is a batch of one.

    An edge goes from its ``center`` to its ``neighbor``. Edges are sorted by their center. A
    triplet is a pair of edges that meet in an atom, and has an angle there; triplets are sorted
    by their receiving edge, and there are none unless `xtalgraph.graphs.angles.add_triplets`
    has added them. A subclass adds fields; collating, splitting, selecting and moving follow
    from their scopes.

    Whatever adds up over atoms, edges or triplets counts each as often as its multiplicity says.
    """

    num_atoms: Int[Tensor, " crystals"] = scoped(Scope.CRYSTAL)
    """Number of atoms of each crystal, as rows of this graph."""
    num_edges: Int[Tensor, " crystals"] = scoped(Scope.CRYSTAL)
    """Number of directed edges of each crystal, as rows of this graph."""
    number: Int[Tensor, " atoms"] = scoped(Scope.ATOM)
    """Atomic number of each atom; 0 for a site that is disordered."""
    center: Int[Tensor, " edges"] = scoped(Scope.EDGE, points_to=Scope.ATOM)
    """The atom that receives along the edge, numbered through the whole batch."""
    neighbor: Int[Tensor, " edges"] = scoped(Scope.EDGE, points_to=Scope.ATOM)
    """The atom that sends along the edge, numbered through the whole batch."""
    num_triplets: Int[Tensor, " crystals"] = scoped(Scope.CRYSTAL, absent=torch.long)
    """Number of triplets of each crystal, as rows of this graph."""
    receiving_edge: Int[Tensor, " triplets"] = scoped(
        Scope.TRIPLET, points_to=Scope.EDGE, absent=torch.long
    )
    """The edge that receives along the triplet, numbered through the whole batch."""
    sending_edge: Int[Tensor, " triplets"] = scoped(
        Scope.TRIPLET, points_to=Scope.EDGE, absent=torch.long
    )
    """The edge that sends along the triplet, numbered through the whole batch."""
    num_shares: Int[Tensor, " crystals"] = scoped(Scope.CRYSTAL, absent=torch.long)
    """Number of shares of each crystal: one for each species on each disordered site."""
    share_atom: Int[Tensor, " shares"] = scoped(
        Scope.SHARE, points_to=Scope.ATOM, absent=torch.long
    )
    """The disordered site of which it is a share, numbered through the whole batch."""
    share_species: Int[Tensor, " shares"] = scoped(Scope.SHARE, absent=torch.long)
    """Atomic number of the species; 0 is a vacancy."""
    share: Float[Tensor, " shares"] = scoped(Scope.SHARE, absent=torch.double)
    """Occupancy of the species; those of a site add up to 1."""
    has_angles: Bool[Tensor, " crystals"] = scoped(Scope.CRYSTAL, absent=torch.bool)
    """Whether the triplets of the crystal were looked for; there may be none all the same."""
    conditions: Float[Tensor, "crystals numbers"] = scoped(
        Scope.CRYSTAL, absent=torch.double, columns=True
    )
    """What else is known of each crystal in numbers, such as its temperature."""
    fidelity: Int[Tensor, " crystals"] = scoped(Scope.CRYSTAL, absent=torch.long, fill=-1.0)
    """By which method the label of each crystal was found, numbered from 0; −1: not said."""

    if TYPE_CHECKING:  # stored by one subclass, computed by another

        @property
        def distance(self) -> Float[Tensor, " edges"]:
            """Length of each edge, in Å."""

        @property
        def atom_multiplicity(self) -> Int[Tensor, " atoms"]:
            """How many atoms of the crystal each row stands for."""

        @property
        def edge_multiplicity(self) -> Int[Tensor, " edges"]:
            """How many edges of each of its center's atoms each row stands for."""

        @property
        def cosine(self) -> Float[Tensor, " triplets"]:
            """Cosine of the angle between the two edges of each triplet."""

        @property
        def triplet_multiplicity(self) -> Int[Tensor, " triplets"]:
            """How many triplets of each of its receiving edge's edges each row stands for."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            dtype = field.metadata["absent"]
            if dtype is not None and getattr(self, field.name) is None:
                lengths = {Scope.CRYSTAL: len(self.num_atoms), Scope.ATOM: len(self.number)}
                rows = lengths.get(field.metadata["scope"], 0)
                shape = (rows, 0) if field.metadata["columns"] else (rows,)
                fill, device = field.metadata["fill"], self.num_atoms.device
                empty = torch.full(shape, fill, dtype=dtype, device=device)
                object.__setattr__(self, field.name, empty)

    def __len__(self) -> int:
        return len(self.num_atoms)

    def __repr__(self) -> str:
        count = len(self.receiving_edge)
        triplets = f"{count} triplets, " if count else ""
        return (
            f"{type(self).__name__}({len(self)} crystals, {len(self.number)} atoms, "
            f"{len(self.center)} edges, {triplets}{self.distance.dtype}, {self.number.device})"
        )

    @cached_property
    def atom_count(self) -> Num[Tensor, " atoms"]:
        """How many atoms each row stands for: a site that is half empty counts half.

        It is the multiplicity times the occupancy of the site, and the multiplicity itself, whole
        numbers, where no site is disordered.
        """
        if not len(self.share):
            return self.atom_multiplicity
        there = self.share * (self.share_species != 0)
        occupancy = self.share.new_zeros(len(self.number)).index_add(0, self.share_atom, there)
        return torch.where(self.disordered, occupancy, 1.0) * self.atom_multiplicity

    @cached_property
    def disordered(self) -> Bool[Tensor, " atoms"]:
        """Whether the site of each atom is disordered."""
        flags = torch.zeros_like(self.number, dtype=torch.bool)
        return flags.index_fill(0, self.share_atom, True)

    def expect_ordered(self, reader: str) -> None:
        """Raise a `GraphError` at disordered sites: `reader` reads one element at each atom."""
        if len(self.share):
            raise GraphError(
                f"{reader} reads one element at each atom, and {int(self.disordered.sum())} sites "
                "of the graph hold several species or are empty in part: order the crystals first "
                "(--disorder order), see docs/disorder.md"
            )

    @cached_property
    def degree(self) -> Int[Tensor, " atoms"]:
        """Number of edges that leave each atom as their center, with their multiplicities."""
        return torch.zeros_like(self.number).index_add(0, self.center, self.edge_multiplicity)

    @cached_property
    def element_groups(self) -> ElementGroups:
        """The atoms by their atomic number."""
        return ElementGroups.of(self.number)

    @cached_property
    def elements(self) -> tuple[int, ...]:
        """The atomic numbers of the batch, ascending; 0 among them if a site is disordered."""
        species = self.share_species[self.share_species != 0]
        return tuple(torch.unique(torch.cat([self.number, species])).tolist())

    @cached_property
    def crystal_of_atom(self) -> Int[Tensor, " atoms"]:
        """The crystal to which each atom belongs."""
        return self._owner(self.num_atoms, len(self.number))

    @cached_property
    def crystal_of_edge(self) -> Int[Tensor, " edges"]:
        """The crystal to which each edge belongs."""
        return self._owner(self.num_edges, len(self.center))

    @cached_property
    def crystal_of_triplet(self) -> Int[Tensor, " triplets"]:
        """The crystal to which each triplet belongs."""
        return self._owner(self.num_triplets, len(self.receiving_edge))

    @cached_property
    def edge_starts(self) -> Int[Tensor, " starts"] | None:
        """Where the edges of each atom begin and the last end; None if unsorted or not on a CPU."""
        return _segment_starts(self.center, len(self.number))

    @cached_property
    def triplet_starts(self) -> Int[Tensor, " starts"] | None:
        """The same of the triplets of each receiving edge."""
        return _segment_starts(self.receiving_edge, len(self.center))

    @cached_property
    def _starts(self) -> dict[Scope, Tensor]:
        return {s: _starts(getattr(self, name)) for s, name in COUNTS.items()}

    def _owner(self, counts: Tensor, total: int) -> Tensor:
        crystals = torch.arange(len(self), device=counts.device)
        return crystals.repeat_interleave(counts, output_size=total)

    def replace(self: G, **fields: Tensor) -> G:
        """Return a graph with some fields exchanged."""
        return dataclasses.replace(self, **fields)

    def to(
        self: G, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> G:
        """Return the graph on a device, its floating-point fields in a dtype.

        Args:
            device: Where to; None leaves it.
            dtype: Of lengths, positions, cells and conditions; None leaves it.
        """
        moved = {}
        for field in dataclasses.fields(self):
            value: Tensor = getattr(self, field.name)
            kind = dtype if value.is_floating_point() else None
            moved[field.name] = value.to(device=device, dtype=kind)
        return type(self)(**moved)

    def select(self: G, crystals: Int[Tensor, " chosen"] | Sequence[int]) -> G:
        """Return the graph of some of the crystals, in the given order; repeats are allowed."""
        chosen = torch.as_tensor(crystals, device=self.num_atoms.device)
        if len(chosen) and (chosen.is_floating_point() or chosen.dtype is torch.bool):
            raise GraphError(f"crystals are selected by their whole numbers, got {chosen.dtype}")
        chosen = chosen.long()
        rows: dict[Scope, Tensor] = {}
        selected: dict[str, Tensor] = {}
        for field in dataclasses.fields(self):
            scope, target = field.metadata["scope"], field.metadata["points_to"]
            value = getattr(self, field.name)
            if scope is not Scope.CRYSTAL and not len(value):
                selected[field.name] = value
                continue
            if scope not in rows:
                rows[scope] = self.rows(scope, chosen)
            value = value.index_select(0, rows[scope])
            if target is not None:
                before = self._starts[target].index_select(0, chosen)
                shift = before - _starts(selected[COUNTS[target]])
                value = value - shift.repeat_interleave(
                    selected[COUNTS[scope]], output_size=len(value)
                )
            selected[field.name] = value
        return type(self)(**selected)

    def counts(self, scope: Scope) -> Int[Tensor, " crystals"]:
        """Return how many rows of a scope each crystal has; not of the scope crystal."""
        return getattr(self, COUNTS[scope])

    def rows(self, scope: Scope, crystals: Int[Tensor, " chosen"]) -> Int[Tensor, " rows"]:
        """Return the rows of a scope that belong to some of the crystals, crystal by crystal."""
        if scope is Scope.CRYSTAL:
            return crystals
        counts = self.counts(scope).index_select(0, crystals)
        shift = self._starts[scope].index_select(0, crystals) - _starts(counts)
        moved = shift.repeat_interleave(counts)
        return moved + torch.arange(len(moved), device=moved.device)

    def split(self: G) -> list[G]:
        """Return one graph for each crystal."""
        return [self.select([index]) for index in range(len(self))]


def collate(graphs: Sequence[G]) -> G:
    """Put graphs together into one batch, in their order.

    Args:
        graphs: At least one graph, all of one type, on one device and of one dtype.

    Raises:
        GraphError: If there is nothing to put together, or it is not of one type, or only some of
            it has angles or equally many conditions.
    """
    if not graphs:
        raise GraphError("cannot collate 0 graphs: give at least one")
    kinds = sorted({type(graph).__name__ for graph in graphs})
    if len(kinds) > 1:
        raise GraphError(f"graphs of one batch must be of one type, got {' and '.join(kinds)}")
    if len({bool(graph.has_angles.all()) for graph in graphs}) > 1:
        raise GraphError(
            "some of the graphs have angles and others none: build all of them with the same angles"
        )
    lengths = sorted({graph.conditions.shape[1] for graph in graphs})
    if len(lengths) > 1:
        raise GraphError(f"graphs of one batch must have equally many conditions, got {lengths}")
    joined = {}
    for field in dataclasses.fields(graphs[0]):
        target = field.metadata["points_to"]
        parts = [getattr(graph, field.name) for graph in graphs]
        if target is not None:
            sizes = [int(getattr(graph, COUNTS[target]).sum()) for graph in graphs]
            offsets = [sum(sizes[:i]) for i in range(len(sizes))]
            parts = [part + offset for part, offset in zip(parts, offsets, strict=True)]
        joined[field.name] = torch.cat(parts)
    return type(graphs[0])(**joined)


def _segment_starts(segment: Int[Tensor, " rows"], segments: int) -> Int[Tensor, " starts"] | None:
    # Only sums on a CPU read it; elsewhere to look would wait for the device.
    if segment.device.type != "cpu" or bool((segment[1:] < segment[:-1]).any()):
        return None
    return torch.searchsorted(segment, torch.arange(segments + 1, device=segment.device))


def _starts(counts: Int[Tensor, " crystals"]) -> Int[Tensor, " crystals"]:
    return counts.cumsum(0) - counts
