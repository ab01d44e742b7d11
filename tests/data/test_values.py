"""Values of several targets: their rows follow from what each target belongs to."""

import numpy as np
import pytest

from xtalgraph.conventions.errors import TargetError
from xtalgraph.data.targets import Kind, Target
from xtalgraph.data.values import Values

ENERGY = Target("energy", Kind.EXTENSIVE, "eV")
CHARGE = Target("charge", Kind.ATOMIC, "e")
DIPOLE = Target("dipole", Kind.INTENSIVE, "e Å")
NAN = float("nan")
NUM_ATOMS = np.array([2, 0, 3, 1])
VALUES = Values(
    (ENERGY, CHARGE, DIPOLE),
    {
        "energy": np.array([1.0, 2.0, NAN, 4.0]),
        "charge": np.array([10.0, 11.0, 30.0, NAN, 32.0, 40.0]),
        "dipole": np.arange(12.0).reshape(4, 3),
    },
    NUM_ATOMS,
)


def per_crystal(name: str) -> list[np.ndarray]:
    """Split an array crystal by crystal, in plain Python."""
    array = VALUES[name]
    if name != "charge":
        return [array[i : i + 1] for i in range(4)]
    ends = [0, 2, 2, 5, 6]
    return [array[ends[i] : ends[i + 1]] for i in range(4)]


@pytest.mark.parametrize("crystals", [[0, 1, 2, 3], [3, 0], [2, 2], [1], []])
@pytest.mark.parametrize("name", ["energy", "charge", "dipole"])
def test_the_values_of_some_crystals(name, crystals):
    parts = [per_crystal(name)[i] for i in crystals]
    wanted = np.concatenate(parts) if parts else VALUES[name][:0]
    np.testing.assert_array_equal(VALUES.of(name, crystals), wanted)
    np.testing.assert_array_equal(VALUES.select(crystals)[name], wanted)


def test_an_atomic_value_is_known_where_all_atoms_have_it():
    assert VALUES.known("energy").tolist() == [True, True, False, True]
    assert VALUES.known("charge").tolist() == [True, True, False, True]
    assert VALUES.known("dipole").all()


def test_one_target_alone():
    assert list(VALUES.only("charge")) == ["charge"]
    assert len(VALUES.only("charge")) == 4


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"energy": np.zeros(3)}, "'energy' must have 4 rows, got 3"),
        ({"charge": np.zeros(4)}, "'charge' must have 6 rows, got 4"),
        ({"gap": np.zeros(4)}, "must be of"),
    ],
)
def test_rows_that_do_not_fit_are_refused(arrays, message):
    targets = {"energy": ENERGY, "charge": CHARGE, "gap": ENERGY}
    with pytest.raises(TargetError, match=message):
        Values((targets[next(iter(arrays))],), arrays, NUM_ATOMS)
