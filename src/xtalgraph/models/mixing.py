"""Which models may read disordered sites."""

from typing import Any

from xtalgraph.data.targets import Kind, Target
from xtalgraph.models.encoder import Encoder


def why_not_mixed(encoder: type[Encoder], config: Any, target: Target) -> str:
    """Return the reason why a model cannot read sites that are mixtures; empty if it can.

    Args:
        encoder: What reads the graph.
        config: Its hyper-parameters.
        target: What is predicted.
    """
    if target.kind is Kind.ATOMIC:
        return (
            f"{target.name!r} is declared atomic, and an atom on a disordered site has no value of "
            "its own"
        )
    if not encoder.reads_mixtures:
        return f"{encoder.__name__} reads one element at each atom"
    needing = [f"model.{name}" for name in encoder.needs_elements if getattr(config, name)]
    if needing:
        return f"{' and '.join(needing)} reads one element at each atom: leave it out"
    return ""
