import numpy as np
import pytest

from xtalgraph.baselines.composition_features import count_elements
from xtalgraph.baselines.templates import LatticeRegression, NearestTemplate, PrototypeTemplate
from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.crystal import Crystal

SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
RADIUS = {8: 1.4, 20: 1.3, 22: 0.6, 38: 1.5, 40: 0.7, 50: 0.7, 56: 1.6, 72: 0.7, 82: 1.5}


def cubic(a: int, b: int, shift: float = 0.0) -> Crystal:
    sites = SITES.copy()
    sites[1, 0] += shift
    edge = 1.4 * (RADIUS[b] + RADIUS[8]) + 0.4 * RADIUS[a]
    return Crystal.from_fractional(edge * np.eye(3), sites, np.array([a, b, 8, 8, 8]))


TRAINING = [cubic(a, b) for a in (20, 38, 82) for b in (22, 40, 72, 50)]
SALT = Crystal.from_fractional(
    2.8 * (1 - np.eye(3)), np.array([[0.0] * 3, [0.5] * 3]), np.array([11, 17])
)
WANTED = np.array([8, 8, 56, 22, 8])
GENERATOR = np.random.default_rng(0)


def test_the_lattice_regression_learns_lengths():
    predicted = LatticeRegression(TRAINING).predict(count_elements(TRAINING))
    known = [(crystal.volume / 5) ** (1 / 3) for crystal in TRAINING]
    assert np.abs(predicted - known).max() < 0.01
    with pytest.raises(InputError, match="got none"):
        LatticeRegression([])


@pytest.mark.parametrize("source", [NearestTemplate, PrototypeTemplate])
def test_the_nearest_crystal_gives_the_structure_and_elements_keep_their_sites(source):
    first = source(TRAINING).draw(WANTED, 1, GENERATOR)[0]
    assert sorted(first.numbers.tolist()) == sorted(WANTED.tolist())
    assert first.numbers.tolist() == [56, 22, 8, 8, 8]  # Ba is like Sr, Ti is there
    assert np.allclose(first.fractional, SITES)
    assert (first.volume / 5) ** (1 / 3) == pytest.approx(
        (cubic(56, 22).volume / 5) ** (1 / 3), rel=0.02
    )


def test_more_draws_are_other_templates_and_other_exchanges():
    drawn = NearestTemplate(TRAINING).draw(WANTED, 100, GENERATOR)
    assert len(drawn) == 2 * len(TRAINING)  # A and B can change places
    assert sorted({tuple(crystal.numbers.tolist()) for crystal in drawn}) == [
        (22, 56, 8, 8, 8),
        (56, 22, 8, 8, 8),
    ]


def test_the_prototype_template_takes_the_commonest_and_its_length_alone():
    distorted = [cubic(56, b, shift=0.06) for b in (22, 40)]
    drawn = PrototypeTemplate([*TRAINING, *distorted, SALT]).draw(WANTED, 100, GENERATOR)
    assert len(drawn) == 2 * len(TRAINING)
    assert all(np.allclose(crystal.fractional, SITES) for crystal in drawn)
    assert np.ptp([crystal.volume for crystal in drawn]) < 1e-9
    near = NearestTemplate([*TRAINING, *distorted]).draw(WANTED, 1, GENERATOR)[0]
    assert not np.allclose(near.fractional, SITES)


def test_the_nearest_template_keeps_how_its_volume_deviates():
    wide = [crystal.moved(1.1 * crystal.cell, 1.1 * crystal.positions) for crystal in TRAINING]
    source = NearestTemplate([*TRAINING, *wide])
    volumes = [crystal.volume for crystal in source.draw(TRAINING[0].numbers, 2, GENERATOR)]
    assert max(volumes) / min(volumes) == pytest.approx(1.1**3, rel=1e-6)


def test_a_formula_that_no_training_crystal_has_is_not_drawn():
    assert NearestTemplate(TRAINING).draw(np.array([11, 17]), 3, GENERATOR) == []
    assert PrototypeTemplate(TRAINING).draw(np.array([11, 17]), 3, GENERATOR) == []


def test_equally_near_templates_come_in_a_random_order():
    carbon = [
        Crystal.from_fractional(
            edge * np.eye(3), np.array([[0, 0, 0], [0, 0, 0.5]]), np.array([6, 6])
        )
        for edge in (2.0, 2.2, 2.4, 2.6)
    ]
    source = NearestTemplate(carbon)
    firsts = {
        source.draw(np.array([6, 6]), 1, np.random.default_rng(seed))[0].volume
        for seed in range(40)
    }
    assert len(firsts) == 4
