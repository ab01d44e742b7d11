import numpy as np

from xtalgraph.evidence import class_wording as wording
from xtalgraph.evidence.run_record import Estimate

LOSS = Estimate(0.30, 0.28, 0.32)
AREA = Estimate(0.95, 0.94, 0.96)
CLASSES = ("insulator", "metal")
TRUE = np.array([1.0, 1.0, 0.0, 0.0, 0.0])
SAID = np.array([0.9, 0.1, 0.2, 0.3, 0.5])


def test_the_verdict_has_area_and_loss_and_compares_the_loss():
    baselines = {"composition": Estimate(0.6, 0.55, 0.65), "mean": Estimate(0.31, 0.29, 0.33)}
    said = wording.verdict("cgcnn", 40, "intensive", AREA, LOSS, baselines)
    assert said == (
        "On 40 crystals held out of training, CGCNN has a ROC-AUC of 0.95 (95\u00a0% interval "
        "0.94 to 0.96); its log loss is 0.30 (95\u00a0% interval 0.28 to 0.32), 2 times better "
        "than composition alone."
    )


def test_without_area_or_loss_it_says_what_there_is():
    said = wording.verdict("cgcnn", 1, "atomic", Estimate(None), Estimate(0.3), {})
    assert said == "On the sites of 1 crystal held out of training, CGCNN has a log loss of 0.300."
    unknown = wording.verdict("cgcnn", 1, "intensive", AREA, Estimate(None), {})
    assert "is not known" in unknown


def test_shares_and_decisions():
    assert wording.shares(TRUE, SAID, CLASSES) == (
        "40\u00a0% of the test set are metal; the mean predicted probability is 40\u00a0%."
    )
    assert wording.decisions(TRUE, SAID, CLASSES) == (
        "With a threshold of 0.5, 1 of 2 metal and 2 of 3 insulator are classified correctly."
    )
    nothing = np.zeros(0)
    assert wording.shares(nothing, nothing, CLASSES) == ""
    assert wording.decisions(nothing, nothing, CLASSES) == ""


def test_why_figures_are_missing():
    assert wording.unavailable([], 9) == ""
    said = wording.unavailable(["roc_auc", "f1"], 9)
    assert said.startswith("n/a: it takes both classes in the test set")
    assert "F1 is not defined" in said
