"""Which models may read a graph that symmetry has folded."""

from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.encoder import Encoder


def why_not_reduced(encoder: Encoder | type[Encoder], target: Target) -> str:
    """Return the reason why a model cannot read a reduced graph; empty if it can.

    Args:
        encoder: What reads the graph.
        target: What is predicted.
    """
    if target.kind is Kind.ATOMIC:
        return (
            f"{target.name!r} is declared atomic and has a value for each atom, but a reduced "
            "graph has one row for all atoms with equal surroundings"
        )
    if not encoder.reads_reduced:
        name = encoder.__name__ if isinstance(encoder, type) else type(encoder).__name__
        return f"{name} reads more than distances and angles, and a reduced graph has nothing else"
    return ""
