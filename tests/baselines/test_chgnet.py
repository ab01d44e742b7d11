"""Vectors of CHGNet as features: which are taken, and what is said where it is not installed."""

import sys
from types import ModuleType

import numpy as np
import pytest

from xtalgraph.baselines.chgnet import CHGNetVectors
from xtalgraph.conventions.errors import MissingExtraError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.transforms import supercell

SALT = Crystal.from_fractional(
    5.64 * (np.ones((3, 3)) - np.eye(3)) / 2,
    np.array([[0, 0, 0], [0.5] * 3]),
    np.array([11, 17]),
)


class Network:
    """It has the interface of CHGNet, and says what it was asked."""

    asked: list[dict]

    @classmethod
    def load(cls, **settings):
        made = cls()
        made.asked = [settings]
        Network.latest = made
        return made

    def predict_structure(self, structure, **asked):
        self.asked.append(asked)
        numbers = np.array(structure.atomic_numbers, dtype=float)
        return {"e": np.zeros(()), "atom_fea": np.stack([numbers, numbers**2], axis=1)}


def test_the_mean_over_the_atoms_is_taken(monkeypatch):
    module = ModuleType("chgnet.model")
    module.CHGNet = Network
    monkeypatch.setitem(sys.modules, "chgnet", ModuleType("chgnet"))
    monkeypatch.setitem(sys.modules, "chgnet.model", module)
    rows = CHGNetVectors().describe([SALT, supercell(SALT, (2, 1, 1))], [11, 17])
    assert rows == pytest.approx(np.array([[14.0, 205.0]] * 2))
    assert rows.dtype == np.float32
    loaded, asked, _ = Network.latest.asked
    assert loaded == {"model_name": "0.3.0", "use_device": "cpu", "verbose": False}
    assert asked == {"task": "e", "return_atom_feas": True}


def test_without_chgnet_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "chgnet", None)
    monkeypatch.setitem(sys.modules, "chgnet.model", None)
    with pytest.raises(MissingExtraError, match=r"xtalgraph\[chgnet\]"):
        CHGNetVectors().check()
    assert CHGNetVectors().settings()["weights"] == "0.3.0"
