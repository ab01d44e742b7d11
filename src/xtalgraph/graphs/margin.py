"""Whether rounding decides which edges a crystal's graph has, or how it is reduced."""

import dataclasses
from typing import Final, TypeVar, get_type_hints

import torch

from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import GraphSettings
from xtalgraph.graphs.graph import Graph
from xtalgraph.graphs.strategy import Strategy

T = TypeVar("T", Strategy, Angles)

MARGIN: Final = 1e-8
"""Å. Turning a crystal moves its distances by some 1e-14 Å in float64, a millionth of this."""

_REAL: Final = (float, float | None)


def is_decided(crystal: Crystal, graph_settings: GraphSettings) -> bool:
    """Whether the graph stays the same when every limit of its graph settings moves a little.

    A pair as far apart as the cutoff to the last digit, a neighbour at the very end of a shell, or
    a distance at the end of a group that is merged: each may come to lie on either side when the
    crystal is turned. The graph is then another one, and so is the prediction, with no fault in the
    model. The strict cut through a shell of equals, `KNearestStrict`, has no such limit, and is not
    excused.

    Args:
        crystal: What the graph is of.
        graph_settings: How it is built; each length, cosine, share and tolerance moves by `MARGIN`.

    Raises:
        GraphError: If the strategy refuses the crystal.

    >>> import numpy as np
    >>> from xtalgraph.graphs.strategies import Radius
    >>> cube = Crystal(4.0 * np.eye(3), np.zeros((1, 3)), np.array([29]), np.ones(3, bool))
    >>> [is_decided(cube, GraphSettings(Radius(cutoff))) for cutoff in (4.0, 4.1)]
    [False, True]
    """
    graph = graph_settings.build(crystal)
    try:
        others = [_moved(graph_settings, step).build(crystal) for step in (-MARGIN, MARGIN)]
    except GraphError:  # a neighbour that is just within the cutoff of `KNearest`
        return False
    return all(_same(graph, other) for other in others)


def _moved(graph_settings: GraphSettings, step: float) -> GraphSettings:
    angles, tolerance = graph_settings.angles, graph_settings.reduction_tolerance
    return GraphSettings(
        _with_limits(graph_settings.strategy, step),
        tolerance and max(tolerance + step, tolerance / 2),
        None if angles is None else _with_limits(angles, step),
    )


def _with_limits(settings: T, step: float) -> T:
    """Move every setting that is a limit: those declared as real numbers, where they are set."""
    declared = get_type_hints(type(settings))  # without their ranges
    names = [field.name for field in dataclasses.fields(settings)]  # type: ignore[arg-type]
    limits = [name for name in names if declared[name] in _REAL]
    values = {name: getattr(settings, name) for name in limits}
    moved = {
        key: max(value + step, value / 2) for key, value in values.items() if value is not None
    }
    return dataclasses.replace(settings, **moved)  # type: ignore[type-var]


def _same(graph: Graph, other: Graph) -> bool:
    """Whether two graphs of one crystal are the same to the bit."""
    return all(
        torch.equal(getattr(graph, field.name), getattr(other, field.name))
        for field in dataclasses.fields(graph)
    )
