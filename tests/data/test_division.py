"""Ways to divide, on crystals: what is held out is what was named, groups are what they say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core import Structure

from xtalgraph.conventions.errors import ConfigError, InputError
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.transforms import supercell, translate
from xtalgraph.data.division import (
    GROUPED,
    SPLITS,
    divide,
    divide_in_folds,
    groups_of,
    parse_division,
)
from xtalgraph.data.table import read_table
from xtalgraph.evidence.text.division import about_drawing

PHONONS = Path(__file__).parents[3] / "shared" / "data" / "matbench_phonons.json.gz"


@pytest.fixture(scope="module")
def table():
    if not PHONONS.is_file():
        pytest.skip(f"{PHONONS} is not there")
    found = read_table(PHONONS).select(range(400))
    found.columns["batch"] = np.arange(400) // 7
    found.columns["year"] = 2000 + np.arange(400) % 20
    return found


@pytest.fixture(scope="module")
def structures(table) -> list[Structure]:
    return [to_pymatgen(crystal) for crystal in table.crystals]


def divided(table, word, values=None, **options):
    fractions = {"val": 0.1, "test": 0.2, "seed": 0, **options}
    return divide(table, values, parse_division(word), **fractions)


def test_no_formula_and_no_system_is_in_two_parts(table, structures):
    for word, name in (
        ("formula", lambda s: s.composition.reduced_formula),
        ("chemsys", lambda s: s.composition.chemical_system),
    ):
        split = divided(table, word)
        sets = [{name(structures[i]) for i in rows} for rows in split.parts().values()]
        assert not (sets[0] & sets[1]) | (sets[0] & sets[2]) | (sets[1] & sets[2])
        assert abs(len(split.test) - 80) < 5


def test_no_prototype_is_in_two_parts(table):
    groups = groups_of(table, parse_division("prototype"))
    split = divided(table, "prototype")
    sets = [set(groups.label[rows].tolist()) for rows in split.parts().values()]
    assert not (sets[0] & sets[1]) | (sets[0] & sets[2]) | (sets[1] & sets[2])


def test_copies_of_a_structure_are_in_one_part(table):
    crystals = [table.crystals[row] for row in range(12)]
    copies = [supercell(crystal, np.diag([1, 1, 2])) for crystal in crystals]
    moved = [translate(crystal, np.array([0.3, 0.1, 0.0])) for crystal in crystals]
    twice = read_table([to_pymatgen(crystal) for crystal in [*crystals, *copies, *moved]])
    groups = groups_of(twice, parse_division("structure")).label.reshape(3, 12)
    assert np.array_equal(groups[0], groups[1])
    assert np.array_equal(groups[0], groups[2])
    assert len(set(groups[0].tolist())) == 12
    split = divided(twice, "structure")
    assert all(len(rows) % 3 == 0 for rows in split.parts().values())


def test_an_element_is_held_out(table, structures):
    split = divided(table, "element:O")
    has = np.array(["O" in structure.composition for structure in structures])
    assert np.array_equal(split.test, np.flatnonzero(has))
    systems = [{structures[i].composition.chemical_system for i in rows}
               for rows in (split.train, split.val)]  # fmt: skip
    assert not systems[0] & systems[1]
    assert about_drawing(split.drawn).startswith(
        "test: all crystals with the element O; 0.1 of the rest by chemical"
    )
    with pytest.raises(ConfigError, match="the test would be of the element Pu, which no row has"):
        divided(table, "element:Pu")


def test_nitrides_are_held_out_alone_or_with_all_nitrogen_anions(table, structures):
    alone, all_of_them = divided(table, "family:nitride"), divided(table, "anion:N")
    assert set(alone.test) < set(all_of_them.test)
    for row in alone.test:
        assert "N" in structures[row].composition
        assert "O" not in structures[row].composition
    assert all("N" in structures[row].composition for row in all_of_them.test)


def test_target_and_time(table):
    values = table.columns["last phdos peak"].to_numpy(float)
    split = divided(table, "target:high", values)
    assert values[split.train].max() <= values[split.test].min()
    with pytest.raises(ConfigError, match="needs one target with one number"):
        divided(table, "target:high")
    split = divided(table, "time:year")
    assert table.columns["year"][split.test].min() > table.columns["year"][split.val].max()


def test_a_column_gives_groups_or_parts(table):
    split = divided(table, "group:batch")
    batches = [set(table.columns["batch"][rows]) for rows in split.parts().values()]
    assert not batches[0] & batches[2]
    with pytest.raises(ConfigError, match="there is no column 'batsh'; did you mean 'batch'"):
        divided(table, "group:batsh")


@pytest.mark.parametrize("kind", ["folds", "formula"])
def test_folds_of_rows_and_of_groups(table, kind):
    division = parse_division(kind)
    tests = [
        divide_in_folds(table, division, folds=4, fold=fold, val=0.1, seed=0).test
        for fold in range(4)
    ]
    assert sorted(np.concatenate(tests)) == list(range(400))
    inner = divide_in_folds(table, division, folds=4, fold=1, val=0.1, seed=0, inner=(3, 2))
    assert np.array_equal(inner.test, tests[1])
    assert abs(len(inner.val) - 100) < 5


def test_a_crystal_without_prototype_is_named():
    slab = {"cell": 5.0 * np.eye(3), "pbc": [True, True, False]}
    from ase import Atoms

    frame = pd.DataFrame({"id": ["s1"], "structure": [Atoms("Cu", **slab)]})
    with pytest.raises(InputError, match=r"1 of 1 crystals have no prototype, the first s1: .*pbc"):
        groups_of(read_table(frame), parse_division("prototype"))


def test_every_split_has_a_form():
    assert set(GROUPED) < set(SPLITS)
    assert parse_division("column:part").argument == "part"
    assert parse_division("formula").has_folds
    assert not parse_division("random").has_folds
