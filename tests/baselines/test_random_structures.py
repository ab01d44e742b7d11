import importlib

import numpy as np
import pytest

from xtalgraph.baselines.random_structures import RandomStructures
from xtalgraph.conventions.errors import MissingExtraError
from xtalgraph.crystals.checks import find_problem
from xtalgraph.graphs.asymmetric_unit import symmetry_dataset


@pytest.mark.parametrize("numbers", [[6], [38, 22, 8, 8, 8], [6] * 6], ids=["C", "SrTiO3", "C6"])
def test_random_crystals_hold_the_atoms_and_keep_them_apart(numbers):
    drawn = RandomStructures().draw(np.array(numbers), 4, np.random.default_rng(0))
    assert len(drawn) == 4
    for crystal in drawn:
        assert sorted(crystal.numbers.tolist()) == sorted(numbers)
        assert find_problem(crystal, isolated=np.inf) is None


def test_they_have_symmetry_and_repeat_with_the_seed():
    first, second = (
        RandomStructures().draw(np.array([38, 22, 8, 8, 8]), 6, np.random.default_rng(3))
        for _ in range(2)
    )
    assert [c.to_bytes() for c in first] == [c.to_bytes() for c in second]
    assert np.mean([symmetry_dataset(crystal, 0.01).number > 2 for crystal in first]) > 0.5


def test_one_is_drawn_however_short_the_time_is():
    assert len(RandomStructures(0.0).draw(np.array([6]), 50, np.random.default_rng(0))) == 1


def test_without_pyxtal_the_extra_is_named(monkeypatch):
    usual = importlib.import_module

    def without(name, *arguments, **options):
        if name.startswith("pyxtal"):
            raise ImportError(f"No module named {name!r}")
        return usual(name, *arguments, **options)

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingExtraError, match=r"xtalgraph\[generation\]"):
        RandomStructures()
