"""Descriptors and layers of the same atoms, side by side."""

import numpy as np
import pytest
import torch

from xtalgraph.baselines.dscribe import ACSF, SOAP
from xtalgraph.conventions.errors import GraphError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.environment_vectors import environment_vectors, relative_differences
from xtalgraph.models.registry import ENCODERS
from xtalgraph.testing.crystals import contract_crystals


def on_a_circle(*steps: int) -> Crystal:
    """Silicon amid oxygen at 2 Å, at multiples of 45°."""
    angle = np.pi / 4 * np.array(steps)
    around = 2.0 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    positions = np.concatenate([np.zeros((1, 3)), around])
    numbers = np.array([14] + [8] * len(steps))
    return Crystal(20.0 * np.eye(3), positions, numbers, np.zeros(3, bool))


def encoder(name: str, **settings):
    torch.manual_seed(0)
    return ENCODERS[name](ENCODERS[name].Config(**settings), 4.0).double()


@pytest.mark.parametrize(("correlation", "apart"), [(2, False), (3, True)])
def test_three_sums_know_what_descriptors_of_angles_do_not(correlation, apart):
    crystals = [on_a_circle(0, 1, 2, 5), on_a_circle(0, 1, 3, 4), on_a_circle(0, 2, 4, 6)]
    mace = encoder("mace", depth=1, correlation=correlation)
    vectors = environment_vectors(crystals, mace)
    assert list(vectors) == ["acsf", "soap", "layer 1"]
    assert {len(rows) for rows in vectors.values()} == {15}
    same, other = relative_differences(vectors, 0, 5), relative_differences(vectors, 0, 10)
    assert max(same["acsf"], same["soap"]) < 1e-9
    assert (same["layer 1"] > 1e-9) == apart
    assert min(other.values()) > 1e-6


def test_crystals_are_the_mean_of_their_atoms():
    crystal = contract_crystals()["triclinic"]
    elements = sorted(set(crystal.numbers.tolist()))
    for descriptor in (ACSF(), SOAP()):
        rows = descriptor.of_atoms(crystal, elements)
        assert len(rows) == len(crystal)
        mean = descriptor.describe([crystal], elements)[0]
        np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-5, atol=1e-6)


def test_angles_must_be_there():
    with pytest.raises(GraphError, match="reads angles"):
        environment_vectors([on_a_circle(0, 1)], encoder("alignn"))
