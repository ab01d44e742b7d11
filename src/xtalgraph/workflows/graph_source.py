"""The graphs of a training: kept in the cache, and held in memory where they fit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from xtalgraph.conventions.errors import GraphError
from xtalgraph.conventions.logs import log
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ConditionValues
from xtalgraph.data.store_building import build_store
from xtalgraph.data.stored_graphs import StoredGraphs
from xtalgraph.evidence.text.training import about_isolated_atoms, about_long_edges
from xtalgraph.graphs.build import GraphSettings, UnsupportedStructure, build_supported
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.spec import ModelSpec
from xtalgraph.nn.radial import RadialBasis, edges_beyond
from xtalgraph.workflows.data_settings import DataConfig

SURVEYED: Final = 4096
"""Crystals that are looked at at a time."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What is to be known of all the graphs at once."""

    num_atoms: Int[np.ndarray, " crystals"]
    """Number of atoms of each crystal, as rows of its graph."""
    alone: tuple[int, ...]
    """The crystals that have an atom without a neighbour."""
    num_edges: Int[np.ndarray, " crystals"]
    """Number of edges of each crystal, before the symmetry reduction."""
    mean_reduced_edges: float
    """Edges per crystal, as rows of its graph."""

    @property
    def mean_edges(self) -> float:
        """Edges per crystal, before the symmetry reduction."""
        return float(self.num_edges.mean())


@dataclass(frozen=True, eq=False)
class Graphs:
    """The graphs of all crystals of which one can be built, in the order of the crystals."""

    source: Graph | StoredGraphs
    """In memory, or on disk."""
    unsupported: tuple[UnsupportedStructure, ...]
    """The other crystals."""
    seconds: float
    """What it took to have them."""

    @cached_property
    def survey(self) -> Survey:
        """What is to be known of all the graphs at once; some are looked at at a time."""
        sizes, alone, edges, reduced = [], [], [], 0
        for part in torch.arange(len(self.source)).split(SURVEYED):
            graph = self.source.select(part)
            sizes.append(graph.num_atoms.numpy())
            lonely = graph.crystal_of_atom[graph.degree == 0].unique()
            alone += part[lonely].tolist()
            of_atoms = graph.degree * graph.atom_multiplicity
            edges.append(
                torch.zeros_like(graph.num_atoms)
                .index_add_(0, graph.crystal_of_atom, of_atoms)
                .numpy()
            )
            reduced += len(graph.center)
        count = len(self.source)
        return Survey(np.concatenate(sizes), tuple(alone), np.concatenate(edges), reduced / count)

    def with_conditions(self, conditions: ConditionValues | None) -> "Graphs":
        """Return them with the conditions of all crystals that were not refused, if any."""
        if conditions is None:
            return self
        if isinstance(self.source, StoredGraphs):
            return replace(self, source=replace(self.source, conditions=conditions))
        return replace(self, source=conditions.attach(self.source))

    def part(self, crystals: Int[Tensor, " chosen"]) -> Graph | StoredGraphs:
        """Return some of them, where they are."""
        if isinstance(self.source, StoredGraphs):
            return self.source.part(crystals)
        return self.source.select(crystals)


def make_graphs(
    crystals: Sequence[Crystal],
    graph_settings: GraphSettings,
    config: DataConfig,
    *,
    progress: bool = False,
) -> Graphs:
    """Build graphs, or take them from the cache; a `GraphError` if none is, or a `StoreError`."""
    began = time.monotonic()
    if not config.store:
        graph, unsupported = build_supported(crystals, graph_settings, progress=progress)
        if graph is None:
            first = f": {unsupported[0].reason}" if unsupported else ""
            raise GraphError(f"no graph can be built of any of the {len(crystals)} crystals{first}")
        return Graphs(graph, tuple(unsupported), time.monotonic() - began)
    store = build_store(crystals, graph_settings, workers=config.workers, progress=progress)
    size = store.bytes_in_memory / 1e9
    held = size <= config.memory_gb
    if not held:
        log.info(
            "the graphs would take %.3g GB of memory, more than data.memory_gb=%g: they are read "
            "from disk batch by batch, which gives the same numbers",
            size,
            config.memory_gb,
        )
    source = store.load() if held else StoredGraphs.all_of(store)
    return Graphs(source, store.unsupported, time.monotonic() - began)


def warn_about_graphs(graphs: Graphs, ids: Sequence[str], spec: ModelSpec) -> None:
    """Say which crystals have atoms without a neighbour, and which edges a model cannot see."""
    alone = graphs.survey.alone
    if alone:
        log.warning("%s", about_isolated_atoms([ids[i] for i in alone]))
    for basis in {m for m in spec.make_model().modules() if isinstance(m, RadialBasis)}:
        every = longer = 0
        longest = 0.0
        for part in torch.arange(len(graphs.source)).split(SURVEYED):
            graph = graphs.source.select(part)
            times = graph.edge_multiplicity * graph.atom_multiplicity[graph.center]
            every += int(times.sum())
            longer += int(times[edges_beyond(basis, graph.distance)].sum())
            longest = max(longest, float(graph.distance.max())) if len(times) else longest
        if longer:
            log.warning("%s", about_long_edges(longer / every, basis.reach, longest))
