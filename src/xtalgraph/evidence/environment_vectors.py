"""Fixed descriptors of atoms beside the features that an encoder gives them."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from xtalgraph.baselines.dscribe import ACSF, SOAP
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.encoder import Encoder
from xtalgraph.models.inference import evaluated


def environment_vectors(
    crystals: Sequence[Crystal], encoder: Encoder
) -> dict[str, Float[np.ndarray, "atoms _"]]:
    """Return what ACSF, SOAP and each layer of an encoder say of the same atoms.

    All see the neighbours within the cutoff of the encoder; layers after the first see further.

    Args:
        crystals: Whose atoms, in their order.
        encoder: With any weights, trained or not. It is put into evaluation mode.

    Returns:
        ``acsf``, ``soap``, and ``layer 1`` to the last, or ``encoder`` where it does not return its
        layers; a row for each atom.

    Raises:
        MissingExtraError: If dscribe is not installed.
        GraphError: If the encoder reads angles, which the graph has not.
    """
    elements = np.unique(np.concatenate([crystal.numbers for crystal in crystals])).tolist()
    vectors = {
        descriptor.name: np.concatenate([descriptor.of_atoms(c, elements) for c in crystals])
        for descriptor in (ACSF(encoder.cutoff), SOAP(encoder.cutoff))
    }
    graph = build_graph(list(crystals), Radius(encoder.cutoff))
    encoder.expect_angles(graph)
    features = evaluated(encoder.eval(), graph)
    layers = {f"layer {n}": layer for n, layer in enumerate(features.layers[1:], start=1)}
    for name, layer in (layers or {"encoder": features.atom}).items():
        vectors[name] = layer.double().cpu().numpy()
    return vectors


def relative_differences(
    vectors: Mapping[str, Float[np.ndarray, "atoms _"]], atom: int, other: int
) -> dict[str, float]:
    """Return by how much two atoms differ: |x − y| over the larger of |x| and |y|.

    Args:
        vectors: Of `environment_vectors`.
        atom: A row.
        other: Another.

    Returns:
        By the name of the description; 0 where both vectors are zero.
    """
    differences = {}
    for name, rows in vectors.items():
        size = max(np.linalg.norm(rows[atom]), np.linalg.norm(rows[other]))
        differences[name] = float(np.linalg.norm(rows[atom] - rows[other]) / size) if size else 0.0
    return differences
