"""Crystals are drawn: of a formula or as in training, the same again, and what is wrong is told."""

import numpy as np
import pandas as pd
import pytest

import xtalgraph
import xtalgraph.workflows.generate as module
from xtalgraph.conventions.errors import ConfigError, InputError, RunError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.crystals.reading import read_file
from xtalgraph.models.named_models import run_folder
from xtalgraph.workflows.generate import draw, generate, numbers_in, parts_of_generator

SMALL = ["generator.atom_width=8", "generator.passes=1", "generator.waves=2"]
SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


def crystals(count=24):
    numbers = [[[12, 20, 38, 56][n % 4], [22, 40, 72][n % 3], 8, 8, 8] for n in range(count)]
    return [
        Crystal.from_fractional((3.9 + 0.02 * (n % 7)) * np.eye(3), SITES, np.array(made))
        for n, made in enumerate(numbers)
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generator") / "run"
    with pytest.MonkeyPatch.context() as patch:
        page = "xtalgraph.workflows.train_generator.write_generator_page"
        patch.setattr(page, lambda folder: None)
        xtalgraph.train_generator(crystals(), out=folder, epochs=2, overrides=SMALL, progress=False)
    return folder


def test_crystals_of_a_formula_are_written_with_a_table(run, tmp_path, caplog):
    done = generate(
        run, out=tmp_path / "out", formula="SrTiO3", atoms=10, count=3, steps=4, progress=False
    )
    table = pd.read_csv(done.path, keep_default_na=False)
    assert list(table["formula"]) == ["Sr2Ti2O6"] * 3
    assert done.valid + done.invalid == 3
    assert "no crystal of the training part has 10 atoms" in caplog.text
    for row in table.to_dict("records"):
        (entry,) = read_file(tmp_path / "out" / row["file"])
        assert (entry.crystal is not None) == (row["error"] == "")
        if entry.crystal is not None:
            assert entry.crystal.volume == pytest.approx(row["volume"], rel=1e-6)
    assert (table["error"] != "").sum() == done.invalid


def test_without_a_formula_cells_of_the_training_part_are_drawn(run, tmp_path):
    first, other = (
        pd.read_csv(
            generate(
                run, out=tmp_path / str(seed), count=12, steps=2, seed=seed, structures="extxyz",
                progress=False,
            ).path
        )
        for seed in (0, 1)
    )  # fmt: skip
    learned = {crystal.formula for crystal in parts_of_generator(run, crystals())["train"]}
    assert set(first["formula"]) <= learned
    assert first["formula"].nunique() > 2
    assert list(first["formula"]) != list(other["formula"])
    assert first["file"].str.endswith(".extxyz").all()


def test_a_stopped_drawing_goes_on_to_the_same_crystals(run, tmp_path, monkeypatch):
    options = {"formula": "CaTiO3", "count": 5, "steps": 3, "progress": False}
    whole = generate(run, out=tmp_path / "whole", **options)
    with monkeypatch.context() as patch:
        patch.setattr("xtalgraph.workflows.generate._TOGETHER", 5)
        written = module._row

        def stop_at_third(folder, name, *others):
            if name.startswith("00002"):
                raise KeyboardInterrupt
            return written(folder, name, *others)

        patch.setattr("xtalgraph.workflows.generate._row", stop_at_third)
        with pytest.raises(KeyboardInterrupt):
            generate(run, out=tmp_path / "part", **options)
    assert len(pd.read_csv(tmp_path / "part" / "generated.csv")) == 2
    again = generate(run, out=tmp_path / "part", **options)
    tables = [pd.read_csv(done.path) for done in (whole, again)]
    assert list(tables[0]["id"]) == list(tables[1]["id"])
    assert np.allclose(tables[0]["volume"], tables[1]["volume"], rtol=1e-4)
    with pytest.raises(RunError, match="results of other settings"):
        generate(run, out=tmp_path / "part", **(options | {"seed": 1}))


def test_compositions_are_drawn_in_their_order_and_copies_differ(run):
    asked = [[38, 22, 8, 8, 8], np.array([12, 40, 8, 8, 8])]
    drawn = list(draw(run, asked, copies=2, steps=3, progress=False))
    assert [len(each) for each in drawn] == [2, 2]
    assert drawn[0][0].crystal.numbers.tolist() == asked[0]
    assert drawn[1][1].crystal.formula == "MgZrO3"
    assert not np.allclose(drawn[0][0].crystal.cell, drawn[0][1].crystal.cell)
    (again, _) = draw(run, asked, copies=2, steps=3, progress=False)
    assert np.array_equal(again[0].crystal.cell, drawn[0][0].crystal.cell)


def test_the_parts_are_those_of_the_run(run):
    parts = parts_of_generator(run, crystals())
    formulas = {part: {crystal.formula for crystal in made} for part, made in parts.items()}
    assert not formulas["train"] & formulas["test"]
    assert sum(map(len, parts.values())) == 24
    with pytest.raises(InputError, match="are not those that"):
        parts_of_generator(run, crystals(20))
    with pytest.raises(InputError, match="say where it is by --data"):
        parts_of_generator(run)


def test_what_cannot_be_drawn_is_told(run, tmp_path):
    cases = {
        "UO2": "has not learned U: its elements are",
        "Sr0.5TiO3": "whole numbers",
        "O1e400": "whole numbers",
        "O1000000000": "1,000 atoms at most",
        "Xx2": "a chemical formula such as SrTiO3, got 'Xx2'",
        "": "a chemical formula such as SrTiO3, got ''",
    }
    for formula, message in cases.items():
        with pytest.raises(ConfigError, match=message):
            generate(run, out=tmp_path / "out", formula=formula, progress=False)
    with pytest.raises(ConfigError, match="a multiple of the 5 atoms of SrTiO3, got 7"):
        generate(run, out=tmp_path / "out", formula="SrTiO3", atoms=7)
    with pytest.raises(ConfigError, match="goes with --formula"):
        generate(run, out=tmp_path / "out", atoms=5)
    with pytest.raises(RunError, match="draws no crystals"):
        generate(run_folder("band-gap"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert numbers_in("Ca(OH)2") == [20, 8, 8, 1, 1]


def test_a_potential_relaxes_what_was_drawn(run, tmp_path):
    from ase.calculators.lj import LennardJones

    done = generate(
        run, out=tmp_path / "out", formula="MgO", count=1, steps=2, progress=False,
        potential=LennardJones(sigma=1.8, epsilon=0.5, rc=4.0),
    )  # fmt: skip
    table = pd.read_csv(done.relaxed.path)
    assert list(table["id"]) == ["00000-MgO"]
    assert done.relaxed.good + done.relaxed.bad == 1
