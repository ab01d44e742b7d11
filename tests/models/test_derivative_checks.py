"""Derivatives beside differences of energies: the copies of a crystal are computed in batches."""

import numpy as np
import pytest
import torch

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.conditions import ATOMS_ALONE
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.models import model_under_test
from xtalgraph.models.derivative_checks import derivative_violations
from xtalgraph.models.model_under_test import ModelUnderTest, Trial
from xtalgraph.models.spec import ModelSpec
from xtalgraph.testing.crystals import contract_crystals

TARGETS = (energy_target(), forces_target(), stress_target())


def spring(crystal: Crystal) -> dict[str, np.ndarray]:
    """Return the energy of a spring between two atoms, its forces and its stress."""
    stretch = crystal.positions[1] - crystal.positions[0]
    pull = 4.0 * (stretch @ stretch) * stretch
    return {
        "energy": np.array([(stretch @ stretch) ** 2]),
        "forces": np.stack([pull, -pull]),
        "stress": np.outer(pull, stretch)[None] / crystal.volume,
    }


def two_atoms() -> Crystal:
    places = np.array([[0.0, 0.0, 0.0], [1.1, 0.4, -0.7]])
    return Crystal(4.0 * np.eye(3), places, np.array([6, 8]), np.ones(3, bool))


@pytest.mark.parametrize("name", ["forces", "stress"])
def test_a_wrong_derivative_is_as_wrong_as_it_is(name):
    def off(crystals):
        return [spring(crystal) | {name: 1.01 * spring(crystal)[name]} for crystal in crystals]

    def right(crystals):
        return map(spring, crystals)

    crystal, seed = two_atoms(), np.random.default_rng
    exact = derivative_violations(right, crystal, TARGETS, seed(0))
    assert set(exact) == {"forces", "stress"}
    assert max(exact.values()) < 1e-9
    wrong = derivative_violations(off, crystal, TARGETS, seed(0))
    largest = np.abs(spring(crystal)[name]).max()
    assert wrong[name] > 0.009 * largest
    assert {other for other in wrong if wrong[other] > 1e-9} == {name}


@pytest.mark.parametrize("atoms", [1, 20, 512])
def test_copies_have_the_values_that_they_have_alone(monkeypatch, atoms):
    monkeypatch.setattr(model_under_test, "_ATOMS", atoms)
    torch.manual_seed(0)
    settings = {"width": 8, "filters": 8, "depth": 2, "basis_step": 0.4}
    spec = ModelSpec("schnet", settings, "auto", "radius", {"cutoff": 4.0}, TARGETS)
    tested = ModelUnderTest.of([spec.make_model().eval()], spec)
    trial, crystal = Trial(tested), contract_crystals()["triclinic"]
    drawn = np.random.default_rng(0)
    copies = [
        crystal.moved(crystal.cell, crystal.positions + drawn.normal(0.0, 0.05, (len(crystal), 3)))
        for _ in range(7)
    ]
    given = ATOMS_ALONE.values_of([{}])
    together = trial.of_copies(copies, tested.graph_settings, given)
    assert len(together) == 7
    for values, copy in zip(together, copies, strict=True):
        alone = trial.of_crystal(copy, tested.graph_settings, given)
        assert {name: array.shape for name, array in values.items()} == {
            name: array.shape for name, array in alone.items()
        }
        for name, array in alone.items():
            np.testing.assert_allclose(values[name], array, rtol=1e-10, atol=1e-12)
