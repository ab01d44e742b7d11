import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.convert import to_pymatgen
from xtalgraph.crystals.crystal import Crystal
from xtalgraph.evidence.generation import DrawnSet, HeldOut, compared

SITES = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])


def cubic(a: int, b: int, x: int, edge: float) -> Crystal:
    return Crystal.from_fractional(edge * np.eye(3), SITES, np.array([a, b, x, x, x]))


HELD = [cubic(38, 22, 8, 3.9), cubic(56, 22, 8, 4.0), cubic(20, 40, 8, 4.1), cubic(11, 73, 8, 4.0)]
TRAINING = [cubic(38, 22, 8, 3.92), cubic(38, 40, 8, 4.1)]
OTHER = Crystal.from_fractional(  # of the same atoms in one row
    np.diag([3.0, 3.0, 12.0]), np.array([[0, 0, z / 5] for z in range(5)]), HELD[0].numbers
)


def moved(crystal: Crystal, by: float) -> Crystal:
    positions = crystal.positions.copy()
    positions[1, 2] += by
    return crystal.moved(crystal.cell, positions)


def assessed(rows, held=HELD, training=TRAINING, **options):
    return HeldOut(held, training, **options).assess(DrawnSet("drawn", rows, 1.0))


def test_copies_match_at_no_distance_and_are_not_unique():
    done = assessed([[crystal] * 4 for crystal in HELD])
    for name in ("match_rate", "match_rate_1", "metre", "valid", "neutral"):
        assert done[name] == {"value": 1.0, "low": 1.0, "high": 1.0}, name
    for name in ("rmse", "rmse_1", "crmse", "density", "volume", "elements"):
        assert done[name]["value"] == pytest.approx(0, abs=1e-7), name
    assert done["unique"]["value"] == pytest.approx(1 / 4)
    assert done["match_rates"] == [1.0] * 4
    assert done["draws"] == 4


def test_a_known_displacement_has_its_distance():
    """One of five atoms by x, seen from their mean: x √4 / 5, in units of (V/N)^(1/3)."""
    done = assessed([[moved(crystal, 0.2)] for crystal in HELD])
    lengths = np.array([(crystal.volume / 5) ** (1 / 3) for crystal in HELD])
    expected = float((0.2 * 2 / 5 / lengths).mean())
    for name in ("rmse", "rmse_1", "crmse"):
        assert done[name]["value"] == pytest.approx(expected, rel=1e-6)


def test_draws_that_failed_or_are_missing_are_unmatched():
    flat = HELD[2].moved(0 * HELD[2].cell, HELD[2].positions)
    done = assessed([[None, HELD[0]], [], [flat, flat], [HELD[3], HELD[3]]])
    assert done["match_rates"] == [0.25, 0.5]
    assert done["match_rate_1"]["value"] == 0.25
    assert done["valid"]["value"] == pytest.approx((0.5 + 0 + 0 + 1) / 4)
    assert done["crmse"]["value"] == pytest.approx(0.75 * 0.5, abs=1e-7)
    assert done["rmse_1"]["value"] == pytest.approx(0, abs=1e-7)
    assert done["distances"][:3] == [None, None, None]


def test_nothing_drawn_at_all_gives_no_measures_of_the_draws():
    done = assessed([[], [], [], []])
    assert done["match_rate"]["value"] == 0
    for name in ("rmse", "unique", "novel", "density"):
        assert done[name]["value"] is None


def test_metre_counts_each_different_crystal_whichever_draw_matches_it():
    """Three held-out crystals of one composition, two of them the same; every draw is the other."""
    held = [HELD[0], HELD[0], OTHER]
    reference = HeldOut(held, TRAINING)
    assert len(reference.different) == 2
    done = reference.assess(DrawnSet("drawn", [[OTHER], [OTHER], [HELD[0]]], 1.0))
    assert done["match_rate"]["value"] == 0
    assert done["metre"]["value"] == 1
    one_kind = reference.assess(DrawnSet("drawn", [[HELD[0]]] * 3, 1.0))
    assert one_kind["match_rate"]["value"] == pytest.approx(2 / 3)
    assert one_kind["metre"]["value"] == 0.5
    assert one_kind["crmse"]["value"] == pytest.approx(0.25, abs=1e-7)


def test_novel_is_what_no_training_crystal_is():
    assert assessed([[crystal] for crystal in HELD])["novel"]["value"] == 0.75
    assert assessed([[OTHER], [], [], []])["novel"]["value"] == 1


def test_the_distance_of_densities_is_that_of_scipy():
    drawn = [crystal.moved(1.1 * crystal.cell, 1.1 * crystal.positions) for crystal in HELD]
    done = assessed([[crystal] for crystal in drawn])
    known = [[to_pymatgen(c).density for c in crystals] for crystals in (HELD, drawn)]
    assert done["density"]["value"] == pytest.approx(wasserstein_distance(*known), rel=1e-4)
    volumes = [[c.volume / 5 for c in crystals] for crystals in (HELD, drawn)]
    assert done["volume"]["value"] == pytest.approx(wasserstein_distance(*volumes))
    assert done["volume"]["low"] is None  # a resample would be farther away


def test_the_energy_is_that_above_the_held_out_crystal():
    def energy(crystals):
        values = np.array([crystal.volume for crystal in crystals])
        return np.where(values > 68, np.nan, values)

    rows = [[c.moved(1.01 * c.cell, 1.01 * c.positions)] for c in HELD]
    done = assessed(rows, energy=energy)
    above = sorted((1.01**3 - 1) * crystal.volume for crystal in HELD)
    assert done["energy"]["value"] == pytest.approx(np.median(above[:3]))  # the widest is not known


def test_two_sources_are_compared_on_the_same_crystals():
    reference = HeldOut(HELD, TRAINING)
    good = reference.assess(DrawnSet("good", [[crystal] for crystal in HELD], 1.0))
    bad = reference.assess(DrawnSet("bad", [[], [], [], [HELD[3]]], 1.0))
    paired = compared(good, bad)
    assert paired["difference"] == 0.75
    assert 0 < paired["low"] < paired["high"] == 1
    assert compared(bad, good)["difference"] == -0.75


def test_what_does_not_belong_together_is_an_error():
    with pytest.raises(InputError, match="there are none"):
        HeldOut([], TRAINING)
    with pytest.raises(InputError, match="draws for 1 crystals, and 4 held-out"):
        assessed([[HELD[0]]])
