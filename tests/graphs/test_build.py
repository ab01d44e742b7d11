"""Graph settings are a value; what they build does not change without their version."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.graphs.angles import Angles
from xtalgraph.graphs.build import BUILDER_VERSION, GraphSettings, build_graph, build_reduced
from xtalgraph.graphs.strategies import Bonded, Hybrid, KNearest, Radius
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = [crystal for name, crystal in contract_crystals().items() if name != "no edges"]
PERIODIC = [crystal for crystal in CRYSTALS if crystal.pbc.all()]


ALL = ("num_atoms", "num_edges", "number", "center", "neighbor")
FULL = (*ALL, "cell", "pbc", "position", "image")
REDUCED = (*ALL, "distance", "atom_multiplicity", "edge_multiplicity")
"""The fields whose content is looked at; that there are others is seen by the key of a store."""


def hash_of(graph_settings: GraphSettings, crystals) -> str:
    """Integers to the bit; lengths to 1e-6 Å, since the last bits depend on the processor."""
    digest = hashlib.sha256()
    graph = graph_settings.build(crystals)
    for name in FULL if graph_settings.reduction_tolerance == 0 else REDUCED:
        value = getattr(graph, name).numpy()
        if value.dtype.kind == "f":
            value = np.round(value * 1e6)
        digest.update(value.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


BUILT = {
    GraphSettings(Radius(4.0)): "e296de7c26f7554e",
    GraphSettings(Radius(5.0), 1e-3): "c6365db2ff2e6d3e",
    GraphSettings(Hybrid(), 1e-3): "7c109463c4fba7ac",
    GraphSettings(KNearest()): "46540a54d0cb4eb1",
    GraphSettings(Bonded()): "54ad88018b25f1f2",
}
"""What version 2 builds."""


@pytest.mark.parametrize(
    "graph_settings", BUILT, ids=lambda r: f"{r.strategy.name}-{r.reduction_tolerance:g}"
)
def test_another_graph_needs_another_version(graph_settings):
    crystals = PERIODIC if isinstance(graph_settings.strategy, Bonded) else CRYSTALS
    assert (BUILDER_VERSION, hash_of(graph_settings, crystals)) == (2, BUILT[graph_settings]), (
        "the builder makes other graphs than before: raise BUILDER_VERSION, so "
        "that graphs kept on disk are not used any more, and write the new hash here"
    )


def test_it_builds_what_the_functions_build():
    for graph_settings, expected in (
        (GraphSettings(Radius(4.0)), build_graph(CRYSTALS, Radius(4.0))),
        (GraphSettings(Hybrid(), 0.01), build_reduced(CRYSTALS, Hybrid(), 0.01)),
    ):
        found = graph_settings.build(CRYSTALS)
        assert type(found) is type(expected)
        for field in dataclasses.fields(expected):
            assert torch.equal(getattr(found, field.name), getattr(expected, field.name))


def test_every_setting_is_said():
    assert GraphSettings(Hybrid(), 0.01).settings() == {
        "strategy": "hybrid",
        "cutoff": 8.0,
        "max_neighbors": 12,
        "shell_tolerance": 1e-3,
        "reduction_tolerance": 0.01,
        "angles": None,
    }
    with_angles = GraphSettings(Hybrid(), 0.01, Angles(4.0, 6)).settings()["angles"]
    assert (with_angles["cutoff"], with_angles["max_neighbors"]) == (4.0, 6)
    with pytest.raises(ConfigError, match="at least 0 Å, got -1"):
        GraphSettings(Hybrid(), -1.0)
