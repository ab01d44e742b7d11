"""Figures of an ablation show the numbers that they were given."""

import numpy as np
import pytest
from test_figures_of_diagnosis import smallest_text

from xtalgraph.plots.sweep import Curve, line_colors, smoothing_plot, sweep_plot

NONE = np.full(3, np.nan)


def test_lines_go_where_the_numbers_are_and_equal_measures_share_an_axis():
    value, std = np.array([3.0, 1.0, np.nan]), np.array([0.5, np.nan, np.nan])
    panels = {
        "validation MAE": [Curve("4", value, std), Curve("6", value + 1, NONE)],
        "test MAE": [Curve("4", 2 * value, NONE), Curve("6", value, NONE)],
        "mean average distance": [Curve("4", NONE, NONE), Curve("6", NONE, NONE)],
    }
    figure = sweep_plot(["2", "3", "4"], panels, setting="model.depth", lines="graph.cutoff")
    validation, test, distance = figure.axes
    assert validation.get_ylim() == test.get_ylim() != distance.get_ylim()
    drawn = validation.containers[0].lines[0]
    np.testing.assert_array_equal(drawn.get_ydata(), value)
    assert [text.get_text() for text in validation.get_xticklabels()] == ["2", "3", "4"]
    assert [text.get_text() for text in validation.get_legend().get_texts()] == ["4", "6"]
    assert "nothing was measured" in [text.get_text() for text in distance.texts]


@pytest.mark.parametrize("stacked", [False, True])
def test_panels_stand_beside_or_below_each_other(stacked):
    panels = {name: [Curve("", np.arange(3.0), NONE)] for name in ("a MAE", "b MAE", "c")}
    row = {name: {"1": np.arange(1.0, 4.0)} for name in ("effective rank", "dirichlet energy")}
    for figure, count in (
        (sweep_plot(["1", "2", "3"], panels, setting="model.depth", stacked=stacked), 3),
        (smoothing_plot({"w = 1": row, "w = 2": row}, lines="x", stacked=stacked), 4),
    ):
        figure.draw_without_rendering()
        assert len(figure.axes) == count
        lefts = {round(axes.get_position().x0, 1) for axes in figure.axes}
        assert (len(lefts) == 1) is stacked
        if stacked:
            assert smallest_text(figure) > 8.0


def test_layers_begin_at_0_before_the_first():
    layers = np.array([1.0, 0.5, 0.1])
    row = {
        name: {"2": layers, "1": layers[:2]}
        for name in ("mean average distance", "dirichlet energy")
    }
    figure = smoothing_plot({"graph.cutoff = 4": row}, lines="model.depth")
    distance, energy = figure.axes
    np.testing.assert_array_equal(distance.lines[0].get_xdata(), [0, 1, 2])
    np.testing.assert_array_equal(distance.lines[0].get_ydata(), layers)
    assert (distance.get_yscale(), energy.get_yscale()) == ("linear", "log")
    assert distance.get_ylabel() == "graph.cutoff = 4"


def test_nothing_measured_is_said_and_lines_differ():
    assert smoothing_plot({}, lines="x").axes[0].texts[0].get_text() == "no layer was measured"
    assert len(set(line_colors(5))) == 5
