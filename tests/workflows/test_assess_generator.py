"""A trained generator is assessed on its test part."""

import json

import numpy as np
import pytest

import xtalgraph
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.workflows.generate import parts_of_generator

SMALL = ["generator.atom_width=8", "generator.passes=1", "generator.waves=2"]
SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


@pytest.fixture(scope="module")
def crystals():
    return [
        Crystal.from_fractional(
            (3.6 + 0.005 * (a + b)) * np.eye(3), SITES, np.array([a, b, 8, 8, 8])
        )
        for a in (12, 20, 38, 56)
        for b in (22, 40, 72, 50)
    ]


@pytest.fixture(scope="module")
def run(crystals, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generator") / "run"
    options = {"epochs": 1, "test_fraction": 0.25, "overrides": SMALL, "progress": False}
    xtalgraph.train_generator(crystals, out=folder, **options)
    return folder


def test_it_draws_for_held_out_crystals_that_it_has_not_learned(run, crystals, tmp_path):
    done = xtalgraph.assess_generator(
        run, out=tmp_path, data=crystals, crystals=3, copies=2, steps=2, progress=False
    )
    assert json.loads((tmp_path / "generated.json").read_text(encoding="utf-8")) == done.document
    held_out = parts_of_generator(run, crystals)
    assert done.document["held_out"] == 3 < len(held_out["test"])
    assert done.document["training"] == len(held_out["train"])
    assert done.document["shared_compositions"] == 0  # the split keeps formulas together
    model, template = done.document["sources"][:2]
    assert (model["name"], model["draws"], template["draws"]) == ("model", 2, 2)
    assert template["match_rate_1"]["value"] == 1  # what a generator of one epoch does not draw
    assert done.page.is_file()


def test_the_same_seed_draws_the_same(run, crystals, tmp_path):
    distances = [
        xtalgraph.assess_generator(
            run, out=tmp_path / str(n), data=crystals, crystals=2, copies=1, steps=2, progress=False
        ).document["sources"][0]["distances"]
        for n in range(2)
    ]
    assert distances[0] == distances[1]


def test_a_crystal_with_an_element_that_was_not_learned_has_no_match(crystals, tmp_path):
    run = xtalgraph.train_generator(
        crystals,
        out=tmp_path / "run",
        split="element:Mg",
        epochs=1,
        overrides=SMALL,
        progress=False,
    )
    done = xtalgraph.assess_generator(
        run.folder, out=tmp_path / "out", data=crystals, copies=2, steps=2, progress=False
    )
    model = done.document["sources"][0]
    assert done.document["held_out"] == 4
    assert model["distances"] == [None] * 4
    assert model["valid"]["value"] == model["match_rate"]["value"] == 0
