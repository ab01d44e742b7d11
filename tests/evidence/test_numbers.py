import math

import pytest

from xtalgraph.evidence.numbers import (
    count,
    fixed,
    listing,
    meaningful,
    percent,
    plain,
    seconds,
    shared_decimals,
    to_interval,
    with_unit,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.043412, "0.0434"),
        (12.0, "12.0"),
        (0.9996, "1.00"),
        (123_456.0, "123,000"),
        (-1.5, "−1.50"),
        (0.0, "0"),
        (2.5e-7, "2.50e−07"),
        (None, "n/a"),
        (math.nan, "n/a"),
        (math.inf, "n/a"),
    ],
)
def test_three_significant_digits(value, text):
    assert plain(value) == text


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ((0.04341, 0.04120, 0.04571), ("0.0434", "0.0412", "0.0457")),
        ((100.0, 90.0, 110.0), ("100", "90", "110")),
        ((0.5, 0.49999, 0.50001), ("0.5000", "0.5000", "0.5000")),
        ((1234.5, 1100.0, 1400.0), ("1,230", "1,100", "1,400")),
        ((0.5, 0.5, 0.5), ("0.500", "0.500", "0.500")),
        ((-0.2, -0.3, -0.1), ("−0.20", "−0.30", "−0.10")),
    ],
)
def test_an_interval_says_how_many_digits_count(numbers, texts):
    assert to_interval(*numbers) == texts


def test_one_digit_of_the_interval_for_a_headline():
    assert to_interval(0.04341, 0.04120, 0.04571, digits=1) == ("0.043", "0.041", "0.046")


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-6.49871, 0.0123, "−6.499"),
        (-143.2749, 0.05, "−143.275"),
        (1234.5, 57.0, "1,234"),
        (0.04341, None, "0.0434"),
        (0.04341, 0.0, "0.0434"),
        (math.nan, 0.1, "n/a"),
    ],
)
def test_two_digits_of_the_error_are_what_a_prediction_means(value, error, text):
    assert meaningful(value, error) == text


def test_units_follow_numbers_only():
    assert with_unit("0.04", "eV/cell") == "0.04\u00a0eV/cell"
    assert with_unit("0.04", "") == "0.04"
    assert with_unit("n/a", "eV") == "n/a"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.001, "< 0.1 s"),
        (0.42, "0.42 s"),
        (38.2, "38 s"),
        (59.7, "1 min 0 s"),
        (725.0, "12 min 5 s"),
        (12_000.0, "3 h 20 min"),
        (None, "n/a"),
    ],
)
def test_times(value, text):
    assert seconds(value) == text


def test_columns_share_their_decimals():
    assert shared_decimals([1.152, -0.365]) == 3
    assert shared_decimals([120.0, 4500.0]) == 0
    assert shared_decimals([0.0, math.nan]) == 0
    assert fixed(-1.1523, 3, sign=True) == "−1.152"
    assert fixed(0.4642, 3, sign=True) == "+0.464"


def test_words():
    assert count(1, "crystal") == "1 crystal"
    assert count(2720, "crystal") == "2,720 crystals"
    assert listing([]) == ""
    assert listing(["a", "b", "c"]) == "a, b and c"
    assert percent(0.874) == "87\u00a0%"


def test_no_zero_has_a_minus():
    assert meaningful(-0.01, 1.0) == "0.0"
    assert fixed(-0.001, 2) == "0.00"
    assert to_interval(-0.001, -5.0, 5.0)[0] == "0.0"
