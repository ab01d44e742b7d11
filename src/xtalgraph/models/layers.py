"""Hidden features of the atoms layer by layer, and how far they are over-smoothed."""

import numpy as np
from jaxtyping import Float

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.graph import Graph
from xtalgraph.metrics.smoothing import dirichlet_energy, effective_rank, mean_average_distance
from xtalgraph.models.encoder import Encoder, Features
from xtalgraph.models.inference import evaluated


def features_of(encoder: Encoder, graph: Graph, *, gradients: bool = False) -> Features:
    """Return the features with those of every layer, in evaluation mode.

    Args:
        encoder: Left as it was.
        graph: What it reads, where it is.
        gradients: Whether they can be differentiated.

    Raises:
        ConfigError: If the encoder does not return its layers.
    """
    features: Features = evaluated(encoder, graph, gradients=gradients)
    if not features.layers:
        raise ConfigError(
            f"{type(encoder).__name__} does not return its layers: let its forward return "
            "Features(atom, layers=(...)) with the atoms before the first layer and after each"
        )
    return features


def layer_features(encoder: Encoder, graph: Graph) -> list[Float[np.ndarray, "atoms width"]]:
    """Return the atoms' vectors before the first layer and after each, in evaluation mode.

    Args:
        encoder: Left as it was.
        graph: What it reads, where it is.

    Raises:
        ConfigError: If the encoder does not return its layers.
    """
    return [layer.numpy(force=True) for layer in features_of(encoder, graph).layers]


def smoothing_by_layer(encoder: Encoder, graph: Graph) -> list[dict[str, float]]:
    """Return three measures of over-smoothing before the first layer and after each.

    Args:
        encoder: Left as it was.
        graph: Any number of crystals; one that is reduced gives what the full one gives.

    Returns:
        As `smoothing_of`.

    Raises:
        ConfigError: If the encoder does not return its layers.
    """
    return smoothing_of(features_of(encoder, graph), graph)


def smoothing_of(features: Features, graph: Graph) -> list[dict[str, float]]:
    """Return three measures of the over-smoothing of features.

    Args:
        features: Of the graph, with those of every layer.
        graph: Any number of crystals.

    Returns:
        For each layer ``mean average distance``, ``dirichlet energy`` and ``effective rank``,
        see `xtalgraph.metrics.smoothing`.
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
        for layer in (tensor.numpy(force=True) for tensor in features.layers)
    ]
