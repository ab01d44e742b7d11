"""Figures of intervals and spreads: what is inside, and what the lines are."""

import numpy as np

from xtalgraph.metrics.calibration import calibration_curve, error_by_std, miscalibration_area
from xtalgraph.plots.embedding import embedding_plot
from xtalgraph.plots.export import figure_to_svg
from xtalgraph.plots.uncertainty import calibration_plot, error_std_plot, interval_plot


def test_points_outside_of_their_interval_are_counted():
    target = np.array([0.0, 1.0, 2.0, 3.0])
    said = np.zeros(4)
    figure = interval_plot(target, said, said - 1.5, said + 1.5, name="gap", unit="eV")
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["inside (2)", "outside (2)"]
    assert figure.axes[0].get_ylabel() == "gap, target − predicted (eV)"


def test_the_shaded_area_is_the_area_of_miscalibration():
    rng = np.random.default_rng(0)
    error, std = rng.normal(size=30), rng.random(30) + 0.1
    area = miscalibration_area(error, std)
    figure = calibration_plot(*calibration_curve(error, std), area)
    along, up = figure.axes[0].lines[1].get_data()
    steps = np.abs(np.interp(np.linspace(0, 1, 200_001), along, up) - np.linspace(0, 1, 200_001))
    assert abs(steps.mean() - area) < 1e-3
    assert f"area {area:.3f}" in figure.axes[0].get_title(loc="right")
    binned = error_by_std(error, std)
    assert "<svg" in figure_to_svg(error_std_plot(binned.std, binned.error, unit="eV"))


def test_nothing_to_show_is_said():
    none = np.zeros(0)
    for figure in (
        interval_plot(none, none, none, none, name="gap"),
        error_std_plot(none, none),
        calibration_plot(none, none, 0.0),
    ):
        assert figure.axes[0].texts[0].get_text() == "no test predictions to show"


def test_points_without_a_value_are_drawn_too():
    place = np.random.default_rng(1).normal(size=(5, 2))
    value = np.array([1.0, np.nan, 3.0, 2.0, np.nan])
    figure = embedding_plot(place, value, axes_names=("PC 1", "PC 2"), name="gap", unit="eV")
    grey, colored = figure.axes[0].collections
    assert (len(grey.get_offsets()), len(colored.get_offsets())) == (2, 3)
    assert colored.get_array().tolist() == [1.0, 2.0, 3.0]
