"""NequIP with the weights of the package nequip gives its numbers; what its settings say."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.conventions.errors import ConfigError, GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.graphs.build import build_graph, build_reduced
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.nequip import NequIP
from xtalgraph.models.potential import Potential
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

REFERENCES = Path(__file__).parent / "nequip"
"""Written by scripts/nequip_weights.py with nequip 0.19.1."""


def settings_of(given: dict, weights: dict) -> dict:
    """The hyper-parameters of a model that was written by the script."""
    inner, depth = given["channels"][0], len(given["channels"])
    inner = inner if depth < 3 else given["channels"][1]
    channels = {int(name[0]): count for name, count in inner.items()}
    return {
        "channels": [channels[degree] for degree in range(given["degree"] + 1)],
        "degree": given["degree"],
        "parity": "1e" in inner,
        "depth": depth,
        "radials": given["bessel"],
        "radial_width": weights["layers.0.radial.0"].shape[1],
        "radial_depth": sum(name.startswith("layers.0.radial") for name in weights) - 1,
        "element_width": weights["embedding"].shape[1],
        "last": "scalars",
    }


def loaded(name: str) -> tuple[Potential, ModelSpec]:
    with safe_open(REFERENCES / f"{name}.safetensors", "pt") as file:
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        given = json.loads(file.metadata()["settings"])
    targets = (energy_target(), forces_target(), stress_target())
    graph = {"cutoff": given["cutoff"]}
    spec = ModelSpec("nequip", settings_of(given, weights), "auto", "radius", graph, targets)
    model = spec.make_model().double().eval()
    model.encoder.load_plain(weights, given["elements"])
    readout, scaler = model.head.readouts[0], model.head.scalers[0]
    with torch.no_grad():
        readout.head.weight.copy_(weights["readout.0"].T)
        for symbol, scale, shift in zip(
            given["elements"], weights["scale"], weights["shift"], strict=True
        ):
            readout.scale[ATOMIC_NUMBERS[symbol]] = scale
            scaler.shift[ATOMIC_NUMBERS[symbol]] = shift
    return model, spec


@pytest.mark.parametrize("name", sorted(path.stem for path in REFERENCES.glob("*.json")))
def test_energy_forces_and_stress_are_those_of_the_package(name):
    model, spec = loaded(name)
    for case in json.loads((REFERENCES / f"{name}.json").read_text(encoding="utf-8")):
        numbers = np.array([ATOMIC_NUMBERS[symbol] for symbol in case["symbols"]])
        cell, positions = np.array(case["cell"]), np.array(case["positions"])
        crystal = Crystal(cell, positions, numbers, np.ones(3, dtype=bool))
        values = model(spec.make_graph(crystal)).values
        for target in ("energy", "forces", "stress"):
            expected = torch.tensor(case[target], dtype=torch.float64).reshape(values[target].shape)
            worst = (values[target] - expected).abs().max() / expected.abs().max()
            assert worst < 1e-11, (target, worst)


@pytest.mark.parametrize("parity", [True, False])
@pytest.mark.parametrize("degree", [0, 1, 3])
def test_what_it_declares_follows_from_degree_and_parity(degree, parity):
    config = NequIP.Config(channels=2, degree=degree, parity=parity, depth=2, radial_width=4)
    encoder = NequIP(config, 4.0)
    natural = {(order, (-1) ** order) for order in range(1, degree + 1)}
    unnatural = {(order, -((-1) ** order)) for order in range(degree + 1)}
    # Pseudoscalars and their kin come of three factors at least; the second layer has these.
    expected = natural | (unnatural - {(0, -1)} if parity and degree else set())
    assert set(encoder.tensors) - {(0, -1)} == expected
    features = encoder(build_graph(contract_crystals()["triclinic"], Radius(4.0)))
    assert {k: v.shape[1:] for k, v in features.tensor.items()} == {
        (order, sign): (2 * order + 1, 2) for order, sign in encoder.tensors
    }


def test_an_energy_needs_scalars_alone():
    config = NequIP.Config(channels=3, depth=2, radial_width=4, last="scalars")
    encoder = NequIP(config, 4.0)
    assert encoder.tensors == {}
    assert encoder.layers[-1].gate.outputs == {(0, 1): 3}


def test_an_atom_without_neighbors_has_no_features():
    encoder = NequIP(NequIP.Config(channels=3, depth=3, radial_width=4), 3.0)
    alone = Crystal(9.0 * np.eye(3), np.zeros((1, 3)), np.array([26]), np.ones(3, dtype=bool))
    features = encoder(build_graph(alone, Radius(3.0)))
    assert not features.atom.any()


def test_channels_are_given_for_each_degree():
    with pytest.raises(ConfigError, match=r"one for each degree from 0 to 2, got 2 numbers"):
        NequIP.Config(channels=[4, 2], degree=2)


def test_a_graph_without_directions_is_an_error():
    graph = build_reduced([contract_crystals()["cubic"]], Radius(4.0), 0.01)
    with pytest.raises(GraphError, match="needs a CrystalGraph"):
        NequIP(NequIP.Config(channels=2, depth=1), 4.0)(graph)
