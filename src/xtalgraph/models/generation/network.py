"""The network of a generator: from a crystal on its way to the velocities of sites and cell."""

import math
from typing import Final, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Encoder, Features, Reads
from xtalgraph.models.generation.generator_settings import GeneratorConfig
from xtalgraph.models.generation.state import CellsAndSites, shapes_of, without_mean
from xtalgraph.nn.segments import gather, segment_sum

_TIMES: Final = 8
"""Waves by which the time is told."""


class Velocities(NamedTuple):
    """Where a crystal on its way is going, per unit of time."""

    sites: Float[Tensor, "atoms 3"]
    """Of the fractional coordinates; their mean over a crystal is zero."""
    shapes: Float[Tensor, "crystals 6"]
    """Of the shapes."""


class _Pairs(NamedTuple):
    """All ordered pairs of two atoms of one crystal, sorted by the first."""

    center: Int[Tensor, " pairs"]
    neighbor: Int[Tensor, " pairs"]
    waves: Float[Tensor, "pairs waves"]


class _Layer(nn.Module):
    """Mean of the messages from all other atoms, then an update of each atom."""

    def __init__(self, width: int, waves: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.center, self.neighbor = nn.Linear(width, width), nn.Linear(width, width, bias=False)
        self.known = nn.Linear(width, width, bias=False)
        self.difference = nn.Linear(waves, width, bias=False)
        self.message = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.update = nn.Sequential(nn.Linear(2 * width, width), nn.SiLU(), nn.Linear(width, width))

    def forward(
        self,
        atoms: Float[Tensor, "atoms width"],
        known: Float[Tensor, "atoms width"],
        pairs: _Pairs,
        others: Float[Tensor, "atoms 1"],
    ) -> Float[Tensor, "atoms width"]:
        x = self.norm(atoms)
        sent = gather(self.center(x) + self.known(known), pairs.center)
        sent = sent + gather(self.neighbor(x), pairs.neighbor) + self.difference(pairs.waves)
        mean = segment_sum(self.message(sent), pairs.center, len(x)) / others
        return atoms + self.update(torch.cat([x, mean], dim=-1))


class FlowNetwork(Encoder):
    """Messages between all atoms of a cell, from waves of their fractional differences.

    What it reads is the same for a turned crystal, another origin of the cell, and an atom that is
    written with another lattice vector: shapes of cells, and waves of differences that repeat with
    the cell. Another choice of the lattice vectors is another input.

    Args:
        config: Hyper-parameters.

    Source: R. Jiao et al., NeurIPS 2023 (arXiv 2309.04475), appendix B, for such messages.
    """

    Config = GeneratorConfig
    reads = Reads(directions=True, whole_crystal=True)
    mean: Tensor
    std: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__(config, math.inf)
        width = self.width = config.atom_width
        self.register_buffer("mean", torch.zeros(6))
        self.register_buffer("std", torch.ones(6))
        self.element = nn.Embedding(MAX_ATOMIC_NUMBER + 1, width)
        self.known = nn.Sequential(
            nn.Linear(2 * _TIMES + 7, width), nn.SiLU(), nn.Linear(width, width)
        )
        self.layers = nn.ModuleList(_Layer(width, 6 * config.waves) for _ in range(config.passes))
        self.norm = nn.LayerNorm(width)
        self.sites = nn.Linear(width, 3, bias=False)
        self.shapes = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 6))

    def forward(self, graph: Graph) -> Features:
        """Return the atoms of crystals that have arrived."""
        crystals = self.in_space(graph)
        arrived = self.std.new_ones(len(crystals))
        return self.features(self.state_of(graph), arrived)

    def state_of(self, graph: Graph) -> CellsAndSites:
        """Return crystals as they flow, their shapes in units of the training part.

        Args:
            graph: A batch of crystals; edges are not read.
        """
        whole = self.in_space(graph)
        cell, dtype = whole.cell.double(), self.std.dtype
        inverse = torch.linalg.inv(cell).index_select(0, graph.crystal_of_atom)
        fractional = torch.einsum("ai,aij->aj", whole.position.double(), inverse)
        shape = (shapes_of(cell, graph.num_atoms) - self.mean) / self.std
        return CellsAndSites(
            graph.number, graph.num_atoms, (fractional % 1).to(dtype), shape.to(dtype)
        )

    def features(self, state: CellsAndSites, time: Float[Tensor, " crystals"]) -> Features:
        """Return the vectors of atoms.

        Args:
            state: Crystals on their way.
            time: Of each crystal, from 0, where nothing is known of it, to 1.
        """
        count = state.num_atoms
        crystal = torch.arange(len(count), device=count.device).repeat_interleave(count)
        phase = math.pi * time.unsqueeze(-1) * torch.arange(1, _TIMES + 1, device=time.device)
        size = count.to(time.dtype).log().unsqueeze(-1)
        told = torch.cat([phase.sin(), phase.cos(), size, state.shape], dim=-1)
        known = self.known(told).index_select(0, crystal)
        pairs = self._pairs(state)
        others = (count - 1).clamp(min=1).to(time.dtype).index_select(0, crystal).unsqueeze(-1)
        atoms = self.element(state.number) + known
        for layer in self.layers:
            atoms = layer(atoms, known, pairs, others)
        return Features(self.norm(atoms))

    def velocities(self, state: CellsAndSites, time: Float[Tensor, " crystals"]) -> Velocities:
        """Return where crystals are going.

        Args:
            state: Crystals on their way.
            time: Of each crystal, from 0 to 1.
        """
        return self.read_out(self.features(state, time), state)

    def read_out(self, features: Features, state: CellsAndSites) -> Velocities:
        """Return where crystals are going, from their atoms."""
        count, atoms = state.num_atoms, features.atom
        crystal = torch.arange(len(count), device=count.device).repeat_interleave(count)
        mean = segment_sum(atoms, crystal, len(count)) / count.unsqueeze(-1)
        return Velocities(without_mean(self.sites(atoms), count), self.shapes(mean))

    def _pairs(self, state: CellsAndSites) -> _Pairs:
        count = state.num_atoms
        size = count.repeat_interleave(count)  # of the crystal of each atom
        first = (count.cumsum(0) - count).repeat_interleave(count)
        center = torch.arange(len(size), device=size.device).repeat_interleave(size - 1)
        start = (size - 1).cumsum(0) - (size - 1)
        rank = torch.arange(len(center), device=size.device) - start.index_select(0, center)
        neighbor = rank + first.index_select(0, center)
        neighbor = neighbor + (neighbor >= center)
        difference = gather(state.fractional, neighbor) - gather(state.fractional, center)
        waves = torch.arange(1, self.config.waves + 1, device=size.device)
        phase = (2 * math.pi * difference.unsqueeze(-1) * waves).flatten(1)
        return _Pairs(center, neighbor, torch.cat([phase.sin(), phase.cos()], dim=-1))
