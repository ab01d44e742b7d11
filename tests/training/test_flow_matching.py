"""A flow is learned: its losses, its paths, and that it does not see how a crystal is written."""

import numpy as np
import pytest
import torch

from xtalgraph.conventions.errors import ConfigError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.generation.generator_settings import GeneratorConfig
from xtalgraph.models.generation.network import FlowNetwork
from xtalgraph.models.model import ModelParts
from xtalgraph.training.flow_matching import FlowMatching

SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


def crystals(count=32):
    rng = np.random.default_rng(0)
    numbers = [np.array([rng.choice([20, 38, 56]), 22, 8, 8, 8]) for _ in range(count)]
    lengths = [3.6 + 0.01 * made[0] for made in numbers]
    return [
        Crystal.from_fractional(length * np.eye(3), SITES, made)
        for length, made in zip(lengths, numbers, strict=True)
    ]


def flow(made):
    torch.manual_seed(0)
    learner = FlowMatching(FlowNetwork(GeneratorConfig(atom_width=32, passes=2, waves=4)))
    learner.fit_shapes(made)
    return learner


def test_the_scales_are_those_of_the_training_part():
    learner, made = flow(crystals()), crystals()
    shape = learner.encoder.state_of(build_graph(made, Radius(0.5))).shape
    assert shape[:, 0].mean() == pytest.approx(0, abs=1e-4)
    assert shape[:, 0].std(correction=0) == pytest.approx(1, abs=1e-3)
    assert learner.encoder.std[1] == pytest.approx(0.02), (
        "cells that are all square keep some noise"
    )


def test_knowing_nothing_costs_one():
    made = crystals(400)
    learner = flow(made)
    torch.nn.init.zeros_(learner.encoder.sites.weight)
    for weight in learner.encoder.shapes[-1].parameters():
        torch.nn.init.zeros_(weight)
    graph = build_graph(made, Radius(0.5))
    with torch.no_grad():
        losses = learner.eval()(graph).values
    spread = 1 - 3 / 6 / 2  # three of the six numbers are the same in all cells
    assert float(losses["shapes"].mean()) == pytest.approx(spread, abs=0.1)
    assert 0.2 < float(losses["sites"].mean()) < 0.8, "near writings leave less than sites anywhere"
    assert torch.equal(learner.start(graph)["sites"], torch.ones(400, dtype=torch.float64))


def test_it_is_learned_and_evaluated_alike_each_time():
    made = crystals(12)
    learner, graph = flow(made), build_graph(made, Radius(0.5))
    first = learner.eval()(graph).values
    again = learner(graph).values
    assert all(torch.equal(first[name], again[name]) for name in first)
    optimizer = torch.optim.Adam(learner.parameters(), 1e-2)
    learner.train()
    for _ in range(25):
        optimizer.zero_grad()
        sum(loss.mean() for loss in learner(graph).values.values()).backward()
        optimizer.step()
    learned = learner.eval()(graph).values
    assert all(learned[name].mean() < 0.85 * first[name].mean() for name in first)


def test_a_learned_velocity_does_not_depend_on_the_order_of_the_atoms_written():
    made = crystals(64)
    other = [
        Crystal.from_fractional(c.cell, (c.fractional + 0.37)[[0, 1, 4, 2, 3]], c.numbers)
        for c in made
    ]
    learner = flow(made).eval()
    losses = [learner(build_graph(each, Radius(0.5))).values["sites"] for each in (made, other)]
    assert torch.allclose(*losses, atol=1e-4)


def test_it_is_no_model_of_parts():
    learner = flow(crystals(4))
    parts = ModelParts(learner.encoder, {}, (), ATOMS_ALONE, {}, None)
    with pytest.raises(ConfigError, match="its network alone"):
        FlowMatching.made_of(parts)
    assert not learner.learns_variance
