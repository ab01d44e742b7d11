"""Datasets: labels by the name of their target, and what is left when crystals are left out."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.data.dataset import Divided, read_dataset
from xtalgraph.data.splits import Split
from xtalgraph.data.targets import Kind, Target, Task
from xtalgraph.testing.crystals import contract_crystals

ENERGY, GAP = Target("energy", Kind.EXTENSIVE), Target("gap", Kind.INTENSIVE)
CHARGE = Target("charge", Kind.ATOMIC)


@pytest.fixture
def frame() -> pd.DataFrame:
    crystals = [c for name, c in contract_crystals().items() if name in ("cubic", "triclinic")] * 3
    return pd.DataFrame(
        {
            "id": [f"c{n}" for n in range(6)],
            "structure": crystals,
            "energy": [1.0, None, 3.0, 4.0, 5.0, 6.0],
            "gap": [0.5, 0.25, None, None, 0.0, 0.125],
            "charge": [np.arange(len(c), dtype=float) for c in crystals],
        }
    )


def test_labels_stand_by_the_name_of_their_target(frame):
    dataset = read_dataset(frame, [ENERGY, GAP])
    np.testing.assert_array_equal(dataset.labels.arrays["energy"], frame["energy"])
    np.testing.assert_array_equal(dataset.labels.arrays["gap"], frame["gap"])
    np.testing.assert_array_equal(dataset.labels.known("gap"), frame["gap"].notna())


def test_numbers_that_are_true_and_false_are_told(frame, caplog):
    frame["stable"] = [True, False, True, True, False, True]
    dataset = read_dataset(frame, Target("stable", Kind.INTENSIVE))
    assert dataset.labels.arrays["stable"].tolist() == [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    assert "'stable' hold true and false" in caplog.text
    caplog.clear()
    read_dataset(frame, [ENERGY, Target("stable", Kind.INTENSIVE, task=Task.CLASSIFICATION)])
    assert "true and false" not in caplog.text


def test_the_hash_is_that_of_the_columns_side_by_side(frame):
    """Of all runs that were ever written: crystals, then the labels row by row."""
    dataset = read_dataset(frame, [ENERGY, GAP])
    digest = hashlib.sha256(dataset.table.content_hash().encode())
    for energy, gap in zip(frame["energy"], frame["gap"], strict=True):
        digest.update(np.array([energy, gap], dtype="<f8").tobytes())
    assert dataset.content_hash == digest.hexdigest()


def test_of_sites_every_atom_has_a_row(frame):
    dataset = read_dataset(frame, CHARGE)
    left = dataset.reject({1: "for a test"})
    assert [one.reason for one in left.table.rejected] == ["for a test"]
    wanted = np.concatenate([row for n, row in enumerate(frame["charge"]) if n != 1])
    np.testing.assert_array_equal(left.labels.arrays["charge"], wanted)
    np.testing.assert_array_equal(left.labels.of("charge", [2]), frame["charge"][3])
    assert left.content_hash != dataset.content_hash
    assert left.content_hash == dataset.select([0, 2, 3, 4, 5]).content_hash


def test_nothing_is_changed_where_nothing_is_rejected(frame):
    dataset = read_dataset(frame, GAP)
    assert [one.reason for one in dataset.table.rejected] == ["the target 'gap' is missing"] * 2
    assert dataset.reject({}) is dataset


def test_no_usable_row_is_an_error(frame):
    with pytest.raises(InputError, match="can be used, 6 were rejected"):
        read_dataset(frame.assign(gap=None), GAP)
    with pytest.raises(InputError, match="there is no column 'gapp'; did you mean 'gap'"):
        read_dataset(frame, Target("gapp", Kind.INTENSIVE))


def test_the_parts_of_a_target_are_the_crystals_that_have_its_label(frame):
    parts = Split(np.array([0, 1, 2]), np.array([3]), np.array([4, 5]), {"kind": "for a test"})
    divided = Divided(read_dataset(frame, [ENERGY, GAP]), parts)
    assert {k: v.tolist() for k, v in divided.of_target("energy").parts().items()} == {
        "train": [0, 2],
        "val": [3],
        "test": [4, 5],
    }
    only = divided.only("gap")
    assert only.dataset.table.ids == ("c0", "c1", "c4", "c5")
    assert only.dataset.targets == (GAP,)
    assert {k: v.tolist() for k, v in only.split.parts().items()} == {
        "train": [0, 1],
        "val": [],
        "test": [2, 3],
    }
    bare = Split(np.array([1]), np.zeros(0, int), np.array([0]), {"kind": "for a test"})
    with pytest.raises(ConfigError, match="rows with 'energy' leaves 0 crystals to train on"):
        Divided(divided.dataset, bare).of_target("energy")
