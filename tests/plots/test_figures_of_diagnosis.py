"""Figures of a diagnosis: what they show is in them."""

import numpy as np
from matplotlib.text import Text

from xtalgraph.plots.bars import bar_plot
from xtalgraph.plots.curves import Curve, curves_plot
from xtalgraph.plots.element_errors import element_errors_plot, place_of
from xtalgraph.plots.parity import before_after_plot


def test_bars_are_as_long_as_their_numbers_and_nan_is_said():
    values = np.array([0.5, -0.25, np.nan])
    own = np.array([True, False, False])
    (axes,) = bar_plot(["a", "b", "c"], values, label="R²", of_model=own, line=0.4).axes
    assert [bar.get_width() for bar in axes.patches] == [0.5, -0.25, 0.0]
    assert [text.get_text() for text in axes.texts] == ["0.5", "−0.25", "n/a"]


def test_intervals_are_drawn_and_numbers_stand_behind_them():
    values, ends = (
        np.array([0.04, 0.4, np.nan]),
        np.array([[0.03, np.nan, np.nan], [0.3, np.nan, np.nan]]),
    )
    (axes,) = bar_plot(["a", "b", "c"], values, label="MAE", of_model=values > 1, ends=ends).axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [0.03, 0.3])
    assert [round(text.get_position()[0], 3) for text in axes.texts] == [0.308, 0.408, 0.008]


def test_long_names_leave_room_for_the_bars():
    name = "25: 1(2mm) + 1(2mm) + 1(2mm) + 1(2mm),1(2mm) (100)"
    figure = bar_plot(
        [name, "b"], np.array([1.0, 2.0]), label="MAE", of_model=np.ones(2, dtype=bool)
    )
    figure.draw_without_rendering()
    (axes,) = figure.axes
    shown = [text.get_text() for text in axes.get_yticklabels()]
    assert shown[0].replace("\n", " ") == name
    assert axes.get_position().width > 0.5


def test_what_is_predicted_beyond_the_axes_stands_at_the_rim():
    target = np.array([0.0, 1.0, 2.0])
    after = np.array([0.5, 50.0, -50.0])
    figure = before_after_plot(target, target, after, titles=("one", "two"), name="e")
    high, low = (points.get_offsets() for points in figure.axes[1].collections[1:])
    np.testing.assert_allclose(high, [[1.0, 2.5]])
    np.testing.assert_allclose(low, [[2.0, -0.5]])


def smallest_text(figure, screen=368):
    """Size of the smallest text, pixels, where a page of 400 pixels shows the figure."""
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]
    return min(text.get_fontsize() for text in texts) * screen / (72 * figure.get_figwidth())


def test_figures_can_be_read_on_a_telephone():
    x, count = np.linspace(0, 1, 5), np.zeros(119, dtype=np.int64)
    count[[1, 26, 8]] = 3, 9, 12_345
    panels = [[Curve(x, x, "model")] for _ in range(6)]
    table = element_errors_plot(np.where(count > 0, 2.0, np.nan), count, fewest=5)
    for figure, pixels in (
        (curves_plot(panels, xlabel="x", ylabel="y", titles=list("abcdef")), 8.5),
        (before_after_plot(x, x, x, titles=("one", "two"), name="e"), 8.5),
        (bar_plot(["a", "b"], x[:2], label="x", of_model=x[:2] > 0), 8.5),
        (table, 6.5),
    ):
        figure.draw_without_rendering()
        assert smallest_text(figure) > pixels
    assert "12k" in [text.get_text() for text in table.axes[0].texts]


def test_a_panel_for_each_crystal_and_one_legend():
    x = np.linspace(0, 1, 5)
    panels = [[Curve(x, x**n, "model"), Curve(x, x, "truth", "truth")] for n in range(4)]
    figure = curves_plot(panels, xlabel="x", ylabel="y", titles=list("abcd"))
    assert sum(axes.axison for axes in figure.axes) == 4
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["model", "truth"]


def test_the_periodic_table_has_every_element_once_where_it_belongs():
    places = [place_of(number) for number in range(1, 119)]
    assert len(set(places)) == 118
    assert places[25] == (4, 8)  # Fe: period 4, group 8
    assert places[9] == (2, 18)  # Ne
    count = np.zeros(119, dtype=np.int64)
    count[[1, 26]] = 3, 9
    figure = element_errors_plot(np.where(count > 0, 2.0, np.nan), count, fewest=5)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert len(words) == 120
    assert {"3", "9"} <= set(words)


def test_a_long_legend_stays_in_the_figure():
    labels = ["upper bound", "expected improvement", "prediction", "random"]
    x = np.arange(3.0)
    figure = curves_plot([[Curve(x, x, label) for label in labels]], xlabel="x", ylabel="y")
    (legend,) = figure.legends
    figure.draw_without_rendering()
    extent = legend.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.width
    assert [text.get_text() for text in legend.get_texts()] == labels
