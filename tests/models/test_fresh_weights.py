"""Fresh weights let the structure through: features that follow it are neither faint nor huge."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.registry import ENCODERS

TURNING = sorted(
    name
    for name, encoder in ENCODERS.items()
    if encoder.reads.directions and not encoder.reads.angles
)


@pytest.mark.parametrize("element", ["Cu", "Mo", "Si"])
@pytest.mark.parametrize("name", TURNING)
def test_features_of_fresh_weights_follow_the_structure(name, element):
    atoms = bulk(element, cubic=True) * (2, 2, 2)
    atoms.rattle(0.2, seed=1)
    crystal = Crystal(np.array(atoms.cell), atoms.positions, atoms.numbers, np.ones(3, dtype=bool))
    graph = build_graph(crystal, Radius(5.0))
    measured = {"elements": [element], "neighbors": len(graph.center) / len(atoms)}
    encoder = ENCODERS[name]
    settings = {key: value for key, value in measured.items() if key in encoder.measured}
    torch.manual_seed(0)
    with torch.no_grad():
        features = encoder(encoder.Config(**settings), 5.0)(graph)
    size = features.atom.square().mean().sqrt()
    follows = features.atom.std(dim=0).square().mean().sqrt()
    assert 0.1 < size < 20
    assert follows > 0.002 * size
    for irrep, values in features.tensor.items():
        assert 0.005 < values.square().mean().sqrt() < 100, irrep
