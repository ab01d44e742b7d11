"""Hidden features of the atoms layer by layer, and how far they are over-smoothed."""

import numpy as np
import torch
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.graph import Graph
from xtalgraph.metrics.smoothing import dirichlet_energy, effective_rank, mean_average_distance
from xtalgraph.models.encoder import Encoder, Features


def layer_features(encoder: Encoder, graph: Graph) -> list[Float[np.ndarray, "atoms width"]]:
    """Return the atoms' vectors before the first layer and after each, in evaluation mode.

    Args:
        encoder: Left as it was.
        graph: What it reads.

    Raises:
        ConfigError: If the encoder does not return its layers.
    """
    with torch.no_grad():
        features = evaluated(encoder, graph)
    return [layer.numpy(force=True) for layer in features.layers]


def smoothing_by_layer(encoder: Encoder, graph: Graph) -> list[dict[str, float]]:
    """Return three measures of over-smoothing before the first layer and after each.

    Args:
        encoder: Left as it was.
        graph: Any number of crystals; one that is reduced gives what the full one gives.

    Returns:
        For each layer ``mean average distance``, ``dirichlet energy`` and ``effective rank``,
        see `xtalgraph.metrics.smoothing`.

    Raises:
        ConfigError: If the encoder does not return its layers.
    """
    count = graph.atom_multiplicity.numpy(force=True)
    center, neighbor = graph.center.numpy(force=True), graph.neighbor.numpy(force=True)
    edges = center, neighbor, graph.edge_multiplicity.numpy(force=True)
    return [
        {
            "mean average distance": mean_average_distance(layer, *edges, count),
            "dirichlet energy": dirichlet_energy(layer, *edges, count),
            "effective rank": effective_rank(layer, count),
        }
        for layer in layer_features(encoder, graph)
    ]


def evaluated(encoder: Encoder, graph: Graph) -> Features:
    """Return the features in evaluation mode, where no atom sees others through statistics.

    Args:
        encoder: Left as it was.
        graph: What it reads.

    Raises:
        ConfigError: If the encoder does not return its layers.
    """
    training = encoder.training
    try:  # not by inference.evaluated, since a receptive field needs the gradients
        features: Features = encoder.eval()(graph)
    finally:
        encoder.train(training)
    if not features.layers:
        raise ConfigError(
            f"{type(encoder).__name__} does not return its layers: let its forward return "
            "Features(atom, layers=(...)) with the atoms before the first layer and after each"
        )
    return features
