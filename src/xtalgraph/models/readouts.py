"""Readouts: from the atoms' features to the target, as its kind demands."""

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from jaxtyping import Float
from torch import Tensor, nn

from xtalgraph.conventions.errors import TargetError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.graph import Graph
from xtalgraph.models.encoder import Features
from xtalgraph.nn.segments import segment_mean, segment_sum, weighted


class Readout(nn.Module, ABC):
    """Base of every readout: a head on features, and the kinds of target that it may serve.

    Args:
        width: Length of an atom's vector.
    """

    name: ClassVar[str]
    """The name in configurations."""
    serves: ClassVar[frozenset[Kind]]
    """Kinds of target for which the readout scales with the cell as it must."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = nn.Sequential(
            nn.Softplus(), nn.Linear(width, width), nn.Softplus(), nn.Linear(width, 1)
        )

    @abstractmethod
    def forward(self, features: Features, graph: Graph) -> Float[Tensor, " rows"]:
        """Return one value for each crystal, or for each atom if the target is atomic."""


class SumReadout(Readout):
    """Σ_i f(h_i): a scalar for each atom, added up, nothing nonlinear after it."""

    name = "sum"
    serves = frozenset({Kind.EXTENSIVE})

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, " crystals"]:
        """Return one total for each crystal."""
        value = weighted(self.head(features.atom).squeeze(-1), graph.atom_multiplicity)
        return segment_sum(value, graph.crystal_of_atom, len(graph))


class MeanReadout(Readout):
    """f(mean_i h_i): the mean vector of the atoms, then a head."""

    name = "mean"
    serves = frozenset({Kind.INTENSIVE})

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, " crystals"]:
        """Return one value for each crystal."""
        mean = segment_mean(
            features.atom, graph.crystal_of_atom, len(graph), graph.atom_multiplicity
        )
        return self.head(mean).squeeze(-1)


class AtomReadout(Readout):
    """f(h_i): one value for each atom."""

    name = "atom"
    serves = frozenset({Kind.ATOMIC})

    def forward(self, features: Features, graph: Graph) -> Float[Tensor, " atoms"]:
        """Return one value for each atom."""
        return self.head(features.atom).squeeze(-1)


READOUTS: Final[dict[str, type[SumReadout] | type[MeanReadout] | type[AtomReadout]]] = {
    readout.name: readout for readout in (SumReadout, MeanReadout, AtomReadout)
}
"""Every readout by its name."""

DEFAULT_READOUT: Final[dict[Kind, str]] = {
    Kind.EXTENSIVE: "sum",
    Kind.INTENSIVE: "mean",
    Kind.ATOMIC: "atom",
}
"""The readout that follows from the kind of a target."""


def make_readout(name: str, target: Target, width: int) -> Readout:
    """Make a readout that can serve the target.

    Args:
        name: A name in `READOUTS`, or ``auto`` for the one that follows from the target.
        target: What is to be predicted.
        width: Length of an atom's vector.

    Raises:
        TargetError: If there is no such readout, or it does not scale with the cell as the
            target must.
    """
    chosen = DEFAULT_READOUT[target.kind] if name == "auto" else name
    if chosen not in READOUTS:
        raise TargetError(f"readout must be auto or one of {', '.join(READOUTS)}, got {name!r}")
    readout = READOUTS[chosen]
    check_serves(readout, target)
    return readout(width)


def check_serves(readout: type[Readout] | Readout, target: Target) -> None:
    """Refuse a readout that does not scale with the cell as the target must.

    Args:
        readout: What reads the features.
        target: What is to be predicted.

    Raises:
        TargetError: If they do not fit; the message explains.
    """
    if target.kind not in readout.serves:
        fitting = DEFAULT_READOUT[target.kind]
        raise TargetError(
            f"the readout '{readout.name}' serves {' and '.join(sorted(readout.serves))} targets, "
            f"but {target.name!r} is declared {target.kind}: in a doubled cell it would be wrong "
            f"by a factor of two. Use the readout '{fitting}', or correct --kind"
        )
