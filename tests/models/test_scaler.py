"""The scaler is fitted on what it is given and keeps the kind of the target."""

import numpy as np
import pytest
import torch

from xtalgraph.data.targets import Kind, Target
from xtalgraph.graphs.build import build_graph
from xtalgraph.graphs.strategies import Radius
from xtalgraph.models.head import Scaler
from xtalgraph.testing.crystals import contract_crystals

CRYSTALS = list(contract_crystals().values())
NUMBERS = [crystal.numbers for crystal in CRYSTALS]
GRAPH = build_graph(CRYSTALS, Radius())


def shifts(scaler: Scaler, target: Target, rows: int) -> np.ndarray:
    return scaler(torch.zeros(rows, dtype=torch.float64), GRAPH, target).numpy()


def test_an_intensive_target_gets_mean_and_spread():
    target, scaler = Target("y", Kind.INTENSIVE), Scaler()
    values = np.arange(9.0)
    scaler.fit(values, NUMBERS, target)
    np.testing.assert_allclose(shifts(scaler, target, 9), np.full(9, 4.0))
    assert float(scaler.scale) == pytest.approx(values.std())


def test_an_extensive_target_of_element_energies_is_told_by_the_shift():
    rng = np.random.default_rng(0)
    energies = rng.normal(size=119)
    numbers = [rng.choice([8, 11, 17, 22], size=rng.integers(1, 9)) for _ in range(400)]
    values = np.array([energies[z].sum() for z in numbers])
    scaler = Scaler()
    scaler.fit(values, numbers, Target("y", Kind.EXTENSIVE))
    np.testing.assert_allclose(
        scaler.shift.numpy()[[8, 11, 17, 22]], energies[[8, 11, 17, 22]], atol=2e-3
    )
    mean = values.sum() / sum(map(len, numbers))
    assert float(scaler.shift[92]) == pytest.approx(mean), "unseen: the mean per atom"


def test_an_atomic_target_gets_a_shift_for_each_element():
    target, scaler = Target("y", Kind.ATOMIC), Scaler()
    numbers = np.concatenate(NUMBERS)
    scaler.fit(numbers / 10.0, NUMBERS * 1, target)
    np.testing.assert_allclose(shifts(scaler, target, len(numbers)), numbers / 10.0, atol=0.1)


def test_constant_targets_keep_a_finite_scale():
    for kind, rows in ((Kind.INTENSIVE, 9), (Kind.EXTENSIVE, 9)):
        scaler = Scaler()
        scaler.fit(np.zeros(rows), NUMBERS, Target("y", kind))
        assert float(scaler.scale) == 1.0
