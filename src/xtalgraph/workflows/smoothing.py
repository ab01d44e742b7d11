"""How alike the atoms of a run's crystals have become, layer by layer."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.states import States
from xtalgraph.models.layers import smoothing_by_layer
from xtalgraph.models.predictor import Predictor

SAMPLE: Final[int] = 256
"""Crystals that are measured, at most."""


def measure_smoothing(
    predictor: Predictor, crystals: Sequence[Crystal], states: States | None = None
) -> list[dict[str, float | None]]:
    """Measure over-smoothing before the first layer and after each, on at most 256 crystals.

    Args:
        predictor: A trained model.
        crystals: What it is shown; of more than 256 some are taken, evenly spaced.
        states: Of these crystals, for a model that reads them.

    Returns:
        What `xtalgraph.models.layers.smoothing_by_layer` gives, of several members the mean; None
        where it is not defined.

    Raises:
        GraphError: If a crystal has no graph of the model's kind.
    """
    size = min(len(crystals), SAMPLE)
    places = np.linspace(0, len(crystals) - 1, size).round().astype(int)
    graph = predictor.spec.make_graph([crystals[i] for i in places])
    if states is not None:
        graph = states.select(places).attach(graph)
    each = [smoothing_by_layer(one.encoder, one.as_read(graph)) for one in predictor.members]
    measured = []
    for layer in zip(*each, strict=True):
        means = {name: float(np.mean([one[name] for one in layer])) for name in layer[0]}
        measured.append({k: value if math.isfinite(value) else None for k, value in means.items()})
    return measured
