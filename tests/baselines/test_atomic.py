import numpy as np
import pytest

from xtalgraph.baselines.atomic import ElementMeanBaseline, SiteMeanBaseline
from xtalgraph.conventions.errors import InputError

NUMBERS = np.array([26, 26, 8, 8, 8])
MOMENTS = np.array([4.0, 2.0, 0.3, 0.0, 0.0])
BASELINES = [SiteMeanBaseline, ElementMeanBaseline]


def test_sites_get_the_mean_over_sites():
    guess = SiteMeanBaseline().fit(NUMBERS, MOMENTS).predict(np.array([1, 26]))
    assert guess == pytest.approx([1.26, 1.26])


def test_sites_get_the_mean_of_their_element():
    guess = ElementMeanBaseline().fit(NUMBERS, MOMENTS).predict(np.array([8, 26]))
    assert guess == pytest.approx([0.1, 3.0])


def test_new_elements_get_the_mean_over_sites():
    assert ElementMeanBaseline().fit(NUMBERS, MOMENTS).predict(np.array([118])) == pytest.approx(
        1.26
    )


def test_names_are_those_of_the_baselines_for_crystals():
    assert [baseline.name for baseline in BASELINES] == ["mean", "composition"]


@pytest.mark.parametrize("baseline", BASELINES)
def test_misuse_is_explained(baseline):
    with pytest.raises(InputError, match="call fit first"):
        baseline().predict(NUMBERS)
    with pytest.raises(InputError, match="at least one site"):
        baseline().fit(NUMBERS[:0], MOMENTS[:0])
    with pytest.raises(InputError, match="got inf at site 1"):
        baseline().fit(NUMBERS[:2], np.array([0.0, np.inf]))
