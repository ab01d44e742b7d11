"""The spread of several members against the variance of the mixture that they are."""

import numpy as np
import pytest

from xtalgraph.models.ensemble import std_of

MEANS = np.array([[1.0, -2.0], [2.0, -2.5], [4.0, -2.0]])
DEVIATIONS = np.array([[0.5, 1.0], [0.1, 3.0], [0.9, 2.0]])


def test_one_member_without_a_variance_has_none():
    assert std_of(MEANS[:1], None) is None


def test_one_member_says_what_it_has_learned():
    assert np.array_equal(std_of(MEANS[:1], DEVIATIONS[:1]), DEVIATIONS[0])


def test_members_without_a_variance_say_how_far_they_are_apart():
    assert np.array_equal(std_of(MEANS, None), MEANS.std(axis=0, ddof=1))


def test_of_many_members_it_is_the_variance_of_the_mixture():
    """Lakshminarayanan et al.: the mixture has the variance mean(σ² + μ²) − μ*²."""
    means, deviations = (np.repeat(one, 1000, axis=0) for one in (MEANS, DEVIATIONS))
    mixture = (deviations**2 + means**2).mean(axis=0) - means.mean(axis=0) ** 2
    assert std_of(means, deviations) ** 2 == pytest.approx(mixture, rel=1e-3)
    drawn = np.random.default_rng(0).normal(means, deviations, size=(40, *means.shape))
    assert std_of(means, deviations) == pytest.approx(drawn.std(axis=(0, 1)), rel=0.02)
