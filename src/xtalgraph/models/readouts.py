"""Readouts: from an encoder's features to the target, as its kind demands."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.elements import MAX_ATOMIC_NUMBER
from xtalgraph.conventions.errors import TargetError
from xtalgraph.data.targets import Kind
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Features
from xtalgraph.nn.element_embedding import rows_of_elements
from xtalgraph.nn.pooling import AttentionPooling, MeanPooling, Pooling, Set2SetPooling
from xtalgraph.nn.segments import gather, segment_sum, weighted


class Readout(nn.Module, ABC):
    """Base of every readout: it turns features into the target, for one kind of target.

    A total is made in two steps, contributions of atoms and their sum, with nothing nonlinear after
    the first. For every other kind of target the second changes nothing.

    Args:
        width: Length of an atom's vector.
        crystal_width: Length of a crystal's vector, 0 where the encoder has none.
    """

    name: ClassVar[str]
    """The name in configurations."""
    reads_edges: ClassVar[bool] = False
    """Whether it reads `Features.edge`, which few encoders return."""
    serves: ClassVar[Kind]
    """The kind of target for which the readout scales with the cell as it must."""

    def __init__(self, width: int, crystal_width: int = 0) -> None:
        super().__init__()
        self.width = width
        self.crystal_width = crystal_width

    @property
    def learns_pooling(self) -> bool:
        """Whether the pooling has weights; if not, the embedding is the mean of the atoms."""
        return False

    @property
    def last(self) -> tuple[nn.Linear, ...]:
        """The layers with which it ends: in their weights together, what it returns is linear."""
        return _last(self)

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, " rows"]:
        """Return one value for each crystal, or for each atom if the target is atomic."""
        return self.aggregate(self.contributions(features, graph), graph)

    @abstractmethod
    def contributions(self, features: Features, graph: Graph) -> Float[Tensor, " contributions"]:
        """Return what is the same for a doubled cell: of a total the contribution of an atom."""

    @abstractmethod
    def aggregate(
        self, contributions: Float[Tensor, " contributions"], graph: Graph
    ) -> Float[Tensor, " rows"]:
        """Return the value of the target: a total grows with the cell."""

    @abstractmethod
    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals embedding"]:
        """Return the vector that stands for each crystal: the same for a supercell."""


class OfAtomsReadout(Readout, ABC):
    """Base of what begins with f(h_i ⊕ c), a number for each atom."""

    def __init__(self, width: int, crystal_width: int = 0) -> None:
        super().__init__(width, crystal_width)
        self.head: nn.Module = _head(width + crystal_width, width)

    def contributions(self, features: Features, graph: Graph) -> Float[Tensor, " atoms"]:
        """Return f(h_i ⊕ c)."""
        if features.crystal is None:
            return self.head(features.atom).squeeze(-1)
        crystal = gather(features.crystal, graph.crystal_of_atom)
        return self.head(torch.cat([features.atom, crystal], dim=-1)).squeeze(-1)

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals embedding"]:
        """Return mean_i h_i ⊕ c."""
        return _pooled(MeanPooling(self.width), features, graph)


class SumReadout(OfAtomsReadout):
    """Σ_i f(h_i ⊕ c): a scalar for each atom, added up, nothing nonlinear after it."""

    name = "sum"
    serves = Kind.EXTENSIVE

    def aggregate(
        self, contributions: Float[Tensor, " atoms"], graph: Graph
    ) -> Float[Tensor, " crystals"]:
        """Return the sum over the atoms of each crystal, in float64."""
        value = weighted(contributions.double(), graph.atom_count)  # of 10⁵ atoms, to all digits
        return segment_sum(value, graph.crystal_of_atom, graph.num_atoms.shape[0])


class LinearSumReadout(SumReadout):
    """Σ_i (w · (h_i ⊕ c) + v · SiLU(V (h_i ⊕ c))): a linear part and a small network, no biases.

    Source: the readouts of MACE, Batatia et al., NeurIPS 2022 (arXiv 2206.07697), which read the
    layers but the last by the linear part, and the last by the network.
    """

    name = "linear-sum"

    def __init__(self, width: int, crystal_width: int = 0) -> None:
        super().__init__(width, crystal_width)
        self.head = LinearAndNetwork(width + crystal_width)


class LinearReadout(SumReadout):
    """Σ_i s(Z_i) w · (h_i ⊕ c), without a network: for features that are made for it.

    s is 1, but where the weights are those of a model that has a scale for each element.
    """

    name = "linear"
    scale: Tensor

    def __init__(self, width: int, crystal_width: int = 0) -> None:
        super().__init__(width, crystal_width)
        self.head = nn.Linear(width + crystal_width, 1, bias=False)
        self.register_buffer("scale", torch.ones(MAX_ATOMIC_NUMBER + 1))

    def contributions(self, features: Features, graph: Graph) -> Float[Tensor, " atoms"]:
        """Return s(Z_i) w · (h_i ⊕ c)."""
        scale = rows_of_elements(self.scale.unsqueeze(-1), graph).squeeze(-1)
        return scale * super().contributions(features, graph)


class EdgesReadout(SumReadout):
    """Σ_i ¼ Σ_j v · SiLU(V x_ij): an energy for each edge, where an encoder returns their vectors.

    Without biases it fades with the vector of an edge at the cutoff.

    Source: the readout of Allegro, Musaelian et al., Nat. Commun. 14, 579 (2023),
    doi 10.1038/s41467-023-36329-y.
    """

    name = "edges"
    reads_edges = True

    def __init__(self, width: int, crystal_width: int = 0) -> None:
        super().__init__(width, crystal_width)
        self.head = nn.Sequential(
            nn.Linear(width, 32, bias=False), nn.SiLU(), nn.Linear(32, 1, bias=False)
        )

    def contributions(self, features: Features, graph: Graph) -> Float[Tensor, " atoms"]:
        """Return ¼ Σ_j v · SiLU(V x_ij) of a full graph; a `TargetError` if there are no x_ij."""
        if features.edge is None:
            raise TargetError(
                f"the readout {self.name!r} reads vectors of edges, and there are none"
            )
        of_edge = self.head(features.edge).squeeze(-1)
        return 0.25 * segment_sum(of_edge, graph.center, graph.number.shape[0])


class AtomReadout(OfAtomsReadout):
    """f(h_i ⊕ c): one value for each atom."""

    name = "atom"
    serves = Kind.ATOMIC

    def aggregate(
        self, contributions: Float[Tensor, " atoms"], graph: Graph
    ) -> Float[Tensor, " atoms"]:
        """Return them as they are."""
        return contributions


class PooledReadout(Readout, ABC):
    """Base of f(pool_i h_i ⊕ c): the atoms pooled into one vector, then a head."""

    serves = Kind.INTENSIVE
    pooling_of: ClassVar[type[MeanPooling | AttentionPooling | Set2SetPooling]]
    """How the atoms are pooled."""

    def __init__(self, width: int, crystal_width: int = 0) -> None:
        super().__init__(width, crystal_width)
        self.pooling: Pooling = self.pooling_of(width)
        self.head = _head(self.pooling.size + crystal_width, width)

    @property
    def learns_pooling(self) -> bool:
        """Whether the pooling has weights."""
        return any(True for _ in self.pooling.parameters())

    def contributions(self, features: Features, graph: Graph) -> Float[Tensor, " crystals"]:
        """Return one value for each crystal."""
        return self.head(self.embedding(features, graph)).squeeze(-1)

    def aggregate(
        self, contributions: Float[Tensor, " crystals"], graph: Graph
    ) -> Float[Tensor, " crystals"]:
        """Return them as they are."""
        return contributions

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals embedding"]:
        """Return pool_i h_i ⊕ c."""
        return _pooled(self.pooling, features, graph)


class MeanReadout(PooledReadout):
    """f(mean_i h_i ⊕ c)."""

    name = "mean"
    pooling_of = MeanPooling


class AttentionReadout(PooledReadout):
    """f(Σ_i α_i h_i ⊕ c) with weights that the atoms decide, where few of them matter."""

    name = "attention"
    pooling_of = AttentionPooling


class Set2SetReadout(PooledReadout):
    """f(set2set_i h_i ⊕ c): a memory that looks at the atoms three times."""

    name = "set2set"
    pooling_of = Set2SetPooling


class TimesReadout(Readout, ABC):
    """Base of N f(pool_i h_i ⊕ c): the atoms of the cell times an intensive readout."""

    serves = Kind.EXTENSIVE
    intensive_of: ClassVar[type[PooledReadout]]
    """What is multiplied."""

    def __init__(self, width: int, crystal_width: int = 0) -> None:
        super().__init__(width, crystal_width)
        self.intensive = self.intensive_of(width, crystal_width)

    @property
    def learns_pooling(self) -> bool:
        """Whether the pooling of the intensive readout has weights."""
        return self.intensive.learns_pooling

    def contributions(self, features: Features, graph: Graph) -> Float[Tensor, " crystals"]:
        """Return the value of the intensive readout, the mean contribution of an atom."""
        return self.intensive.contributions(features, graph)

    def aggregate(
        self, contributions: Float[Tensor, " crystals"], graph: Graph
    ) -> Float[Tensor, " crystals"]:
        """Return N times the contribution, in float64."""
        atoms = segment_sum(graph.atom_count, graph.crystal_of_atom, len(graph))
        return contributions.double() * atoms.double()

    def embedding(self, features: Features, graph: Graph) -> Float[Tensor, "crystals embedding"]:
        """Return that of the intensive readout."""
        return self.intensive.embedding(features, graph)


class TimesMeanReadout(TimesReadout):
    """N times the readout ``mean``."""

    name = "n-times-mean"
    intensive_of = MeanReadout


class TimesAttentionReadout(TimesReadout):
    """N times the readout ``attention``."""

    name = "n-times-attention"
    intensive_of = AttentionReadout


class TimesSet2SetReadout(TimesReadout):
    """N times the readout ``set2set``."""

    name = "n-times-set2set"
    intensive_of = Set2SetReadout


class LinearAndNetwork(nn.Module):
    """w · x + v · SiLU(V x) with a network of 16 units."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, 1, bias=False)
        self.network = nn.Sequential(
            nn.Linear(inputs, 16, bias=False), nn.SiLU(), nn.Linear(16, 1, bias=False)
        )

    def forward(self, values: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows 1"]:
        """Evaluate for each row."""
        return self.linear(values) + self.network(values)


def _head(inputs: int, hidden: int) -> nn.Sequential:
    """Make the network f, which begins with a nonlinearity, since a layer has gone before."""
    return nn.Sequential(
        nn.Softplus(), nn.Linear(inputs, hidden), nn.Softplus(), nn.Linear(hidden, 1)
    )


def _last(module: nn.Module) -> tuple[nn.Linear, ...]:
    """Return the linear layers with which a module ends: those of its last part."""
    if isinstance(module, nn.Linear):
        return (module,)
    parts = list(module.children())
    ends = parts if isinstance(module, LinearAndNetwork) else parts[-1:]
    return tuple(layer for end in ends for layer in _last(end))


def _pooled(
    pooling: Pooling, features: Features, graph: Graph
) -> Float[Tensor, "crystals embedding"]:
    """Return pool_i h_i ⊕ c."""
    count = graph.atom_count.to(features.atom.dtype)
    pooled = pooling(features.atom, count, graph.crystal_of_atom, len(graph))
    return pooled if features.crystal is None else torch.cat([pooled, features.crystal], dim=-1)


READOUTS: Final[dict[str, type[Readout]]] = {
    readout.name: readout
    for readout in (
        SumReadout,
        LinearReadout,
        MeanReadout,
        AtomReadout,
        AttentionReadout,
        Set2SetReadout,
        TimesMeanReadout,
        TimesAttentionReadout,
        TimesSet2SetReadout,
        LinearSumReadout,
        EdgesReadout,
    )
}
"""Every readout by its name."""

DEFAULT_READOUT: Final[dict[Kind, str]] = {
    readout.serves: name for name, readout in reversed(READOUTS.items())
}
"""The readout that follows from the kind of a target: the first that serves it."""
