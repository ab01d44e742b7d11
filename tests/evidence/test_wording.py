import math

import numpy as np
import pytest

from xtalgraph.evidence import wording
from xtalgraph.evidence.run_record import Estimate

MODEL = Estimate(0.0434, 0.0412, 0.0457)
MEAN = Estimate(0.56, 0.54, 0.58)
COMPOSITION = Estimate(0.43, 0.41, 0.45)


def spaces(text):
    return text.replace("\u00a0", " ")


def test_the_verdict_is_one_sentence():
    sentence = wording.verdict(
        "cgcnn", 2720, "extensive", MODEL, {"composition": COMPOSITION, "mean": MEAN}, "eV/cell"
    )
    assert spaces(sentence) == (
        "On 2,720 crystals held out of training, CGCNN is off by 0.043 eV/cell "
        "(95 % interval 0.041 to 0.046) on average, 13 times better than the mean and "
        "9.9 times better than composition alone."
    )


def test_a_baseline_that_is_not_beaten_is_a_warning_and_no_boast():
    baselines = {"composition": Estimate(0.0445, 0.042, 0.047), "mean": Estimate(0.035, 0.03, 0.04)}
    sentence = wording.verdict("cgcnn", 10, "intensive", MODEL, baselines, "eV")
    assert "better" not in sentence
    alike, worse = wording.warnings("cgcnn", MODEL, baselines, "eV")
    assert alike.startswith("No significant difference between CGCNN and composition alone")
    assert "intervals overlap" in alike
    assert spaces(worse).startswith(
        "CGCNN is significantly worse than the mean, whose error is 0.035 eV"
    )


def test_a_lower_error_of_the_baseline_is_worse_only_beyond_the_intervals():
    lower = Estimate(0.0430, 0.041, 0.045)
    assert wording.compare(MODEL, lower) == wording.compare(lower, MODEL) == "alike"
    assert wording.compare(MODEL, Estimate(0.03, 0.02, 0.04)) == "worse"
    assert wording.compare(MODEL, Estimate(0.0434)) == "alike"


def test_a_headline_is_short():
    text = wording.headline("CGCNN", MODEL, "eV/cell", "2,720 test crystals")
    assert spaces(text) == "CGCNN: mean absolute error 0.043 eV/cell on 2,720 test crystals"
    assert "not known" in wording.headline("CGCNN", Estimate(None), "eV", "0 test crystals")


def test_no_warning_where_all_is_well():
    assert wording.warnings("cgcnn", MODEL, {"mean": MEAN}, "eV") == []


def test_no_unit_and_sites():
    sentence = wording.verdict("mine", 1, "atomic", Estimate(0.5), {}, "")
    assert sentence == (
        "On the sites of 1 crystal held out of training, mine is off by 0.500 on average."
    )


def test_an_unknown_error_is_said():
    assert "is not known" in wording.verdict("cgcnn", 0, "extensive", Estimate(None), {}, "eV")
    (sentence,) = wording.warnings("cgcnn", MODEL, {"mean": Estimate(None)}, "eV")
    assert sentence.startswith("Whether CGCNN is better than the mean is not known")


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(12.9, "13 times better"), (2.43, "2.4 times better"), (2.0, "2 times better"),
     (1.25, "20 % better"), (1999.7, "2,000 times better")],
)  # fmt: skip
def test_how_much_better(ratio, words):
    assert spaces(wording.times_better(Estimate(0.1), Estimate(0.1 * ratio))) == words


def test_no_error_at_all_is_far_better():
    assert wording.times_better(Estimate(0.0), MEAN) == "far better"


def test_what_a_ranking_is_worth():
    recalls = {"10": Estimate(0.8), "100": Estimate(None), "5%": Estimate(0.876)}
    text = spaces(wording.ranking(Estimate(0.98), recalls, "high", "crystals"))
    assert "80 % of the highest 10 and 88 % of the highest 5 %." in text
    assert text.endswith("The rank correlation (Spearman) is 0.980.")
    assert wording.ranking(Estimate(None), {}, "", "crystals") == ""


def test_residuals_say_on_which_side_they_lie():
    random = np.random.default_rng(0).normal(0.0, 0.1, 1000)
    assert "no systematic over- or underestimation" in wording.residuals(
        random - random.mean(), "eV"
    )
    assert "0.2 eV too high" in spaces(
        wording.residuals(random - random.mean() + 0.2, "eV")
    ).replace("0.20", "0.2")
    # the median of |N(0, s)| is 0.6745 s
    assert "below 0.067 eV" in spaces(wording.residuals(np.array([-0.0674, 0.0674, 0.0674]), "eV"))
    assert wording.residuals(np.zeros(0), "eV") == ""


def test_why_numbers_are_missing():
    text = wording.unavailable(["spearman", "recall@100"], 40)
    assert text.startswith("n/a: a correlation is not defined")
    assert "half of the 40" in text
    assert wording.unavailable([], 40) == ""


def test_training_in_words():
    said = wording.training(60, 58, 0.0455, "eV", "12 min 5 s")
    assert spaces(said).endswith("Selected checkpoint: epoch 58, validation error 0.0455 eV.")
    assert wording.training(1, 1, math.nan, "", "").startswith("1 epoch. No validation")


def test_rejections_in_words():
    assert wording.rejections(0) == "No row was rejected."
    assert wording.rejections(1).startswith("1 row was")
    assert wording.rejections(1200).startswith("1,200 rows were")
