import json
import logging

import numpy as np
import pytest

from xtalgraph.conventions.errors import ConfigError, InputError, MissingExtraError
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.pages.generation import PICTURES
from xtalgraph.models.predictor import Predictor
from xtalgraph.workflows import assess_generation as workflow
from xtalgraph.workflows.assess_generation import assess_generation

SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


def cubic(a: int, b: int) -> Crystal:
    edge = 3.7 + 0.005 * (a + b)
    return Crystal.from_fractional(edge * np.eye(3), SITES, np.array([a, b, 8, 8, 8]))


TRAINING = [cubic(a, b) for a in (20, 38, 56) for b in (22, 40, 50)]
HELD = [*(cubic(a, 72) for a in (20, 38, 56)), cubic(37, 21)]


def rattled(crystals):
    generator = np.random.default_rng(0)
    return [
        [
            c.moved(c.cell, c.positions + 0.05 * generator.normal(size=c.positions.shape))
            for _ in range(2)
        ]
        for c in crystals
    ]


def test_drawn_crystals_are_assessed_beside_the_baselines(tmp_path):
    done = assess_generation(rattled, HELD, TRAINING, out=tmp_path, progress=False)
    document = json.loads((tmp_path / "generated.json").read_text(encoding="utf-8"))
    assert document == done.document
    names = [source["name"] for source in document["sources"]]
    assert names == ["model", "nearest template", "commonest prototype", "random search"]
    model, nearest, ideal, random = document["sources"]
    assert model["match_rate_1"]["value"] == 1
    assert model["draws"] == nearest["draws"] == ideal["draws"] == 2
    assert random["draws"] <= 20
    assert ideal["match_rate_1"]["value"] == 0.75  # A and B change places in RbScO3
    assert model["rmse_1"]["value"] > 0.01 > ideal["rmse_1"]["value"]
    assert random["match_rate_1"]["value"] < 1
    assert document["compared"]["random search"]["difference"] > 0
    assert document["shared_compositions"] == 0
    page = done.page.read_text(encoding="utf-8")
    assert "of 4 held-out crystals matched by one draw of the model (nearest template" in page
    assert page.count("drawn: distance 0.0") == 2 * PICTURES  # in the caption, too
    assert "not significantly better than the baseline" in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_model_that_draws_nothing_is_assessed(tmp_path):
    def nothing(crystals):
        return [[None] for _ in crystals]

    done = assess_generation(nothing, HELD, [*TRAINING, HELD[0]], out=tmp_path, progress=False)
    page = done.page.read_text(encoding="utf-8")
    assert page.count("n/a") > 3
    assert "100\u00a0% of the draws have overlapping atoms" in page
    assert "not significantly better than the baseline commonest prototype" in page  # of 4 crystals
    assert "1 held-out crystals have the composition of a training crystal" in page
    assert 'id="pictures"' in page or "The first draws" not in page


def test_without_pyxtal_random_search_is_left_out_and_said(tmp_path, monkeypatch, caplog):
    def missing(*_):
        raise MissingExtraError(
            "pyxtal cannot be imported; install it with 'xtalgraph[generation]'"
        )

    monkeypatch.setattr(workflow, "RandomStructures", missing)
    with caplog.at_level(logging.WARNING, logger="xtalgraph"):
        done = assess_generation(rattled, HELD[:3], TRAINING, out=tmp_path, progress=False)
    assert len(done.document["sources"]) == 3
    assert "random search is left out" in caplog.text


def test_energies_are_those_of_a_run(tmp_path):
    def strained(crystals):
        return [[c.moved(1.1 * c.cell, 1.1 * c.positions)] for c in crystals]

    name = "perovskite-formation-energy"
    done = assess_generation(
        strained, HELD[:2], TRAINING, out=tmp_path, energy=name, progress=False
    )
    predictor = Predictor.load(name)
    energies = [
        [predictor.predict(crystal).prediction / 5 for crystal in crystals]
        for crystals in (HELD[:2], [row[0] for row in strained(HELD[:2])])
    ]
    above = np.median(np.subtract(energies[1], energies[0]))
    assert done.document["sources"][0]["energy"]["value"] == pytest.approx(above, abs=1e-5)
    assert "median of the predicted energy above" in done.page.read_text(encoding="utf-8")


def test_what_cannot_be_assessed_is_an_error(tmp_path):
    with pytest.raises(InputError, match="there are none"):
        assess_generation(rattled, [], TRAINING, out=tmp_path)
    with pytest.raises(InputError, match="got none"):
        assess_generation(rattled, HELD, [], out=tmp_path, progress=False)
    with pytest.raises(ConfigError, match="no energy"):
        assess_generation(
            rattled, HELD, TRAINING, out=tmp_path, energy="phonon-peak", progress=False
        )
