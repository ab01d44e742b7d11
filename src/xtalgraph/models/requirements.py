"""What a model can be given, and why not.

`why_not_...` returns the reason, empty where there is none; the caller knows whether that is an
error of the configuration or of a graph. `check_...` raises.
"""

from collections.abc import Mapping
from typing import Any

from xtalgraph.conventions.errors import TargetError
from xtalgraph.conventions.tensors import Irrep
from xtalgraph.data.targets import Kind, Target, first_atomic
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.strategy import Strategy
from xtalgraph.models.encoder import Encoder
from xtalgraph.models.readouts import DEFAULT_READOUT, READOUTS, Readout


def why_not_reduced(encoder: type[Encoder], *targets: Target) -> str:
    """Return the reason why a model cannot read a graph reduced by symmetry."""
    if derivative := next((target for target in targets if target.derivative is not None), None):
        return (
            f"{derivative.name!r} is a derivative, and a reduced graph has no positions by which "
            "to differentiate"
        )
    if (atomic := first_atomic(targets)) is not None:
        return (
            f"{atomic.name!r} is declared atomic and has a value for each atom, but a reduced "
            "graph has one row for all atoms with equal surroundings"
        )
    if not encoder.reads.reduced:
        return (
            f"{encoder.__name__} reads more than distances and angles, and a reduced graph has "
            "nothing else"
        )
    return ""


def why_not_mixtures(encoder: type[Encoder], config: Any, *targets: Target) -> str:
    """Return the reason why a model cannot read sites that are mixtures of species."""
    if (atomic := first_atomic(targets)) is not None:
        return (
            f"{atomic.name!r} is declared atomic, and an atom on a disordered site has no value of "
            "its own"
        )
    if not encoder.reads.mixtures:
        return f"{encoder.__name__} reads one element at each atom"
    settings = [f"model.{name}" for name in encoder.reads.no_mixtures_with if getattr(config, name)]
    if settings:
        return f"{' and '.join(settings)} reads one element at each atom: leave it out"
    return ""


def why_not_potential(
    encoder: type[Encoder], config: Any, strategy: Strategy, angles: Angles | None
) -> str:
    """Return the reason why an encoder cannot give an energy that forces are derived from.

    The energy must be continuous in the positions with its slope, and a sum over atoms and their
    surroundings: neighbours within a radius alone, messages that vanish at the cutoff, and no value
    that depends on the whole crystal or on the others of a batch.
    """
    if not strategy.continuous:
        return (
            f"the strategy {strategy.name} keeps a number of neighbours, and the energy jumps "
            "where one replaces another: set graph.strategy=radius"
        )
    if encoder.reads.batch_statistics and getattr(config, "batch_norm", True):
        cure = ", or set model.batch_norm=false" if hasattr(config, "batch_norm") else ""
        return (
            "it normalises over the batch, so that the energy of a crystal depends on the others: "
            f"take another architecture{cure}"
        )
    if encoder.reads.whole_crystal:
        return (
            "each of its atoms reads a mean over the whole crystal, so that atoms feel each other "
            "at any distance and fragments do not add up: take another architecture"
        )
    if getattr(config, "envelope", "none") == "none":
        return (
            "its messages end abruptly at the cutoff, and so does the energy: set "
            "model.envelope=polynomial"
        )
    if angles is not None and angles.max_neighbors is not None:
        return (
            f"angles are formed by the {angles.max_neighbors} nearest edges, and the energy jumps "
            "where one replaces another: set model.angle_neighbors=null and a "
            "model.angle_cutoff that keeps their number small"
        )
    return ""


def readout_named(name: str, target: Target, encoder: type[Encoder]) -> type[Readout]:
    """Return the readout of a name, if it can serve the target.

    Args:
        name: A name in `READOUTS`, or ``auto`` for the one recommended for the encoder if there is
            one and it serves the target, else for the one that follows from the kind of the target.
        target: What is to be predicted.
        encoder: What makes the features.

    Raises:
        TargetError: If there is no such readout, it does not scale with the cell as the target
            must, or it reads what the encoder does not return.
    """
    if name == "auto":
        recommended = encoder.recommended.readout
        if recommended is not None and READOUTS[recommended].serves is target.kind:
            return READOUTS[recommended]
        return READOUTS[DEFAULT_READOUT[target.kind]]
    if name not in READOUTS:
        raise TargetError(f"readout must be auto or one of {', '.join(READOUTS)}, got {name!r}")
    check_readout(READOUTS[name], target)
    if READOUTS[name].reads_edges and not encoder.returns_edges:
        raise TargetError(
            f"the readout {name!r} reads vectors of edges, and {encoder.__name__} returns vectors "
            "of atoms alone: leave out model.readout"
        )
    return READOUTS[name]


def check_readout(readout: type[Readout] | Readout, target: Target) -> None:
    """Raise a `TargetError` if a readout does not scale with the cell as a target must."""
    if target.kind is readout.serves:
        return
    if Kind.ATOMIC in (target.kind, readout.serves):
        why = "one has a value for each atom, the other for each crystal"
    else:
        why = "in a doubled cell it would be wrong by a factor of two"
    fitting = [f"'{name}'" for name, other in READOUTS.items() if other.serves is target.kind]
    raise TargetError(
        f"the readout '{readout.name}' serves {readout.serves} targets, but {target.name!r} "
        f"is declared {target.kind}: {why}. Use the readout {', '.join(fitting)}, "
        "or correct --kind"
    )


def check_variance(target: Target) -> None:
    """Raise a `TargetError` for what has no variance to learn: a class, or a tensor."""
    if target.why_no_variance:
        raise TargetError(target.why_no_variance)


def why_not_tensor(target: Target, tensors: Mapping[Irrep, int]) -> str:
    """Return the reason why an encoder cannot give a tensor; empty where it can."""
    if not target.is_tensor:
        return ""
    if not tensors:
        return (
            f"{target.name!r} is a tensor, which turns with the crystal, and the features of this "
            "architecture do not: what is made of them has no direction. Take an equivariant one; "
            "of some a setting, as model.output_degree or model.degree, says whether what they "
            "return turns"
        )
    missing = sorted({irrep for irrep in target.tensor.irreps if irrep not in (*tensors, (0, 1))})
    if not missing:
        return ""
    names = ", ".join(f"{degree}{'e' if parity > 0 else 'o'}" for degree, parity in missing)
    advice = (
        f"let it have features of degree {missing[-1][0]} and both parities (model.degree, of some "
        "model.output_degree)"
    )
    if all((degree, -parity) in tensors for degree, parity in missing):
        advice = (
            "its features of this degree have the other parity: take one that has both parities, "
            "or more layers of it"
        )
    return (
        f"{target.name!r} is a tensor with parts of degree and parity {names}, and the features of "
        f"the encoder have none: {advice}"
    )


def check_tensor(target: Target, encoder: Encoder) -> None:
    """Raise a `TargetError` with the reason if an encoder has not the features for a tensor."""
    reason = why_not_tensor(target, encoder.tensors)
    if reason:
        raise TargetError(reason)
