"""Far-apart fragments: a potential adds them up, and what reads all atoms together does not."""

import numpy as np
import pytest

from xtalgraph.crystals.crystal import Crystal
from xtalgraph.data.potential_targets import energy_target, forces_target, stress_target
from xtalgraph.evidence.text.verification import about_reason
from xtalgraph.models.check_result import Reason, Status
from xtalgraph.models.fragments import FragmentsCheck, fragment_values
from xtalgraph.models.invariance import violations
from xtalgraph.testing.crystals import contract_crystals

TARGETS = (energy_target(), forces_target(), stress_target())
SCALE = {"energy": 1.0, "forces": 1.0, "stress": 1.0}


def pairs(crystal: Crystal) -> dict[str, np.ndarray]:
    """Energy and forces of exp(−r) between the atoms of a cell, without images."""
    away = crystal.positions[:, None] - crystal.positions[None]
    length = np.linalg.norm(away, axis=2) + 1e3 * np.eye(len(crystal))
    strength = np.exp(-3.0 * length)
    forces = (3.0 * strength / length)[..., None] * away
    virial = np.einsum("ija,ijb->ab", forces, away) / 2.0
    return {
        "energy": np.array([strength.sum() / 2.0]),
        "forces": forces.sum(axis=1),
        "stress": -virial[None] / crystal.volume,
    }


def charged(crystal: Crystal) -> dict[str, np.ndarray]:
    """The same with 1/r."""
    away = crystal.positions[:, None] - crystal.positions[None]
    length = np.linalg.norm(away, axis=2) + 1e9 * np.eye(len(crystal))
    return pairs(crystal) | {"energy": np.array([(1.0 / length).sum() / 2.0])}


def averaged(crystal: Crystal) -> dict[str, np.ndarray]:
    """N times the square of an average: as extensive as it must be, and not a sum over atoms."""
    values = pairs(crystal)
    return values | {"energy": np.square(values["energy"]) / len(crystal)}


@pytest.mark.parametrize("name", ["cubic", "triclinic", "slab", "one atom"])
def test_a_sum_over_atoms_adds_up(name):
    together, expected = fragment_values(pairs, contract_crystals()[name], TARGETS, 20.0)
    assert len(together["forces"]) == (15 if name == "one atom" else 18)
    assert max(violations(together, expected).values()) < 1e-15


def test_an_average_over_all_atoms_does_not():
    check = FragmentsCheck(TARGETS, SCALE)
    check.add("triclinic", averaged, contract_crystals()["triclinic"])
    result = check.result(1e-12, Reason.NOT_COMPUTED)
    assert (result.status, result.target) == (Status.FAILED, "energy")


def test_charges_are_told_from_a_fault_by_the_distance():
    check = FragmentsCheck(TARGETS, SCALE)
    check.add("triclinic", charged, contract_crystals()["triclinic"])
    result = check.result(1e-10, Reason.NOT_COMPUTED)
    assert result.status is Status.MEASURED
    assert result.reason is Reason.LONG_RANGE
    assert "is left from 20 to 40" in about_reason(result.as_dict())


def test_where_nothing_was_tried_the_reason_is_given():
    result = FragmentsCheck(TARGETS, SCALE).result(1e-10, Reason.NOT_COMPUTED)
    assert (result.status, result.reason) == (Status.NOT_APPLICABLE, Reason.NOT_COMPUTED)
