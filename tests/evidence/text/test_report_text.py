import math

import numpy as np
import pytest

from xtalgraph.evidence.run_record import Estimate
from xtalgraph.evidence.text import report as text_of
from xtalgraph.metrics.bootstrap import Outcome

MODEL = Estimate(0.0434, 0.0412, 0.0457)
MEAN = Estimate(0.56, 0.54, 0.58)
COMPOSITION = Estimate(0.43, 0.41, 0.45)


def spaces(text):
    return text.replace("\u00a0", " ")


def test_the_verdict_names_the_baselines_that_are_significantly_worse():
    baselines = {
        "composition": (COMPOSITION, Outcome.BETTER),
        "mean": (MEAN, Outcome.BETTER),
        "other": (MEAN, Outcome.NO_DIFFERENCE),
    }
    sentence = text_of.verdict("cgcnn", "2,720 test crystals", MODEL, baselines, "eV/cell")
    assert spaces(sentence) == (
        "CGCNN has a mean absolute error of 0.043 eV/cell (95 % interval 0.041 to 0.046) on 2,720 "
        "test crystals. This is significantly better than the mean (13 times better) and "
        "composition alone (9.9 times better)."
    )


def test_a_baseline_that_is_not_worse_is_a_warning():
    baselines = {
        "composition": (Estimate(0.0445, 0.042, 0.047), Outcome.NO_DIFFERENCE),
        "mean": (Estimate(0.035, 0.03, 0.04), Outcome.WORSE),
        "other": (Estimate(None), Outcome.UNKNOWN),
    }
    assert "better" not in text_of.verdict("cgcnn", "10 test crystals", MODEL, baselines, "eV")
    same, worse, unknown = text_of.warnings("cgcnn", baselines, "eV")
    assert same.startswith("There is no significant difference between CGCNN and composition alone")
    assert spaces(worse).startswith(
        "CGCNN is significantly worse than the mean (mean absolute error 0.035 eV"
    )
    assert "was not tested" in unknown


def test_a_headline_is_short():
    text = text_of.headline("CGCNN", MODEL, "eV/cell", "2,720 test crystals")
    assert spaces(text) == "CGCNN: mean absolute error 0.043 eV/cell on 2,720 test crystals"
    assert "not known" in text_of.headline("CGCNN", Estimate(None), "eV", "0 test crystals")


def test_no_warning_where_all_is_well():
    assert text_of.warnings("cgcnn", {"mean": (MEAN, Outcome.BETTER)}, "eV") == []


def test_no_unit_and_sites():
    test = text_of.test_rows(1, "atomic")
    sentence = text_of.verdict("mine", test, Estimate(0.5), {}, "")
    assert sentence == ("Mine has a mean absolute error of 0.500 on the sites of 1 test crystal.")


def test_an_unknown_error_is_said():
    assert "is not known" in text_of.verdict("cgcnn", "no crystal", Estimate(None), {}, "eV")


def test_classes_have_area_and_loss():
    baselines = {"composition": (Estimate(0.6, 0.55, 0.65), Outcome.BETTER)}
    loss, area = Estimate(0.30, 0.28, 0.32), Estimate(0.95, 0.94, 0.96)
    sentence = text_of.verdict("cgcnn", "40 test crystals", loss, baselines, "", "log loss", area)
    assert spaces(sentence) == (
        "CGCNN has a ROC-AUC of 0.95 (95 % interval 0.94 to 0.96) and a log loss of 0.30 (95 % "
        "interval 0.28 to 0.32) on 40 test crystals. This is significantly better than composition "
        "alone (2 times better)."
    )
    nothing = text_of.verdict("cgcnn", "x", loss, {}, "", "log loss", Estimate(None))
    assert "ROC-AUC" not in nothing


def test_shares_and_decisions():
    true, predicted = np.array([1.0, 1.0, 0.0, 0.0, 0.0]), np.array([0.9, 0.1, 0.2, 0.3, 0.5])
    classes = ("insulator", "metal")
    assert spaces(text_of.shares(true, predicted, classes)) == (
        "40 % of the test set are metal; the mean predicted probability is 40 %."
    )
    assert text_of.decisions(true, predicted, classes) == (
        "With a threshold of 0.5, 1 of 2 metal and 2 of 3 insulator are classified correctly."
    )
    nothing = np.zeros(0)
    assert text_of.shares(nothing, nothing, classes) == ""
    assert text_of.decisions(nothing, nothing, classes) == ""


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(12.9, "13 times better"), (2.43, "2.4 times better"), (2.0, "2 times better"),
     (1.25, "20 % better"), (1999.7, "2,000 times better")],
)  # fmt: skip
def test_how_much_better(ratio, words):
    assert spaces(text_of.times_better(Estimate(0.1), Estimate(0.1 * ratio))) == words


def test_no_error_at_all_is_far_better():
    assert text_of.times_better(Estimate(0.0), MEAN) == "far better"


def test_what_a_ranking_is_worth():
    recalls = {"10": Estimate(0.8), "100": Estimate(None), "5 %": Estimate(0.876)}
    text = spaces(text_of.ranking(Estimate(0.98), recalls, "high", "crystals"))
    assert "80 % of the highest 10 and 88 % of the highest 5 %." in text
    assert text.endswith("The rank correlation (Spearman) is 0.980.")
    assert text_of.ranking(Estimate(None), {}, "", "crystals") == ""


def test_why_numbers_are_missing():
    text = text_of.unavailable(["spearman", "recall@100"], 40)
    assert text.startswith("n/a: a correlation is not defined")
    assert "half of the 40" in text
    assert text_of.unavailable([], 40) == ""
    text = text_of.unavailable(["roc_auc", "f1"], 9)
    assert text.startswith("n/a: the test set holds one class only")
    assert "F1 is not defined" in text


def test_training_in_words():
    said = text_of.training(60, 58, 0.0455, "eV", "12 min 5 s")
    assert spaces(said).endswith("Selected checkpoint: epoch 58, validation error 0.0455 eV.")
    assert text_of.training(1, 1, math.nan, "", "").startswith("1 epoch. No validation")


def test_rejections_in_words():
    assert text_of.rejections(0) == "No row was rejected."
    assert text_of.rejections(1).startswith("1 row was")
    assert text_of.rejections(1200).startswith("1,200 rows were")
