"""The figures of classes: what they show, and the cases with nothing to show."""

import numpy as np

from xtalgraph.plots.classification import confusion_plot, reliability_plot, roc_plot
from xtalgraph.plots.export import figure_to_svg

NOTHING = np.zeros(0)


def words(figure) -> str:
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_the_characteristic_goes_from_corner_to_corner():
    figure = roc_plot(np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.9, 1.0]), positive="metal")
    (axes,) = figure.axes
    assert axes.get_aspect() == 1.0
    assert axes.get_ylabel() == "share of metal found"
    assert axes.lines[1].get_xydata().tolist() == [[0, 0], [0.5, 0.9], [1, 1]]
    assert "one class only" in words(roc_plot(NOTHING, NOTHING, positive="metal"))


def test_reliability_has_its_intervals_and_numbers():
    said, seen = np.array([0.1, 0.8]), np.array([0.2, 0.7])
    counts = np.array([30, 5])
    figure = reliability_plot(said, seen, seen - 0.1, seen + 0.1, counts, positive="metal")
    upper, lower = figure.axes
    assert upper.lines[1].get_xydata().tolist() == [[0.1, 0.2], [0.8, 0.7]]
    assert [bar.get_height() for bar in lower.patches] == [30, 5]
    assert "metal" in upper.get_ylabel()
    empty = reliability_plot(NOTHING, NOTHING, NOTHING, NOTHING, np.zeros(0, int), positive="m")
    assert "no test predictions" in words(empty)


def test_confusion_counts_and_shares_of_the_true_class():
    figure = confusion_plot(np.array([[30, 10], [0, 0]]), ["a $ sign", "metal"])
    assert words(figure) == "30\n75% 10\n25% 0 0"
    assert "<svg" in figure_to_svg(figure)
