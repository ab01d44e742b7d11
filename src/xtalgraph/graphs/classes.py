"""Which atoms of a graph no invariant message passing can tell apart."""

import numpy as np
from jaxtyping import Int

from xtalgraph.graphs.invariant_graph import InvariantGraph
from xtalgraph.graphs.reduction import _classes, _refine


def atom_classes(graph: InvariantGraph) -> Int[np.ndarray, " atoms"]:
    """Return the class of each atom, into which `fold` would put it.

    Args:
        graph: With merged distances; any number of crystals, on the CPU.

    Returns:
        Classes numbered by their first atom, through the batch.
    """
    return _classes(_refine(graph))[1]
