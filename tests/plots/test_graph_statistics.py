import numpy as np

from xtalgraph.plots.export import figure_to_png
from xtalgraph.plots.graph_statistics import FEW_DEGREES, graph_statistics_plot

BORDERS = np.linspace(0.0, 10.0, 101)
G = np.where(np.arange(100) % 20 == 5, 4.0, 0.0)
SHARE = np.where(BORDERS[:-1] < 4.0, 1.0, 0.25)


def bars(axes, label):
    (found,) = [one for one in axes.containers if one.get_label() == label]
    return np.array([bar.get_height() for bar in found])


def test_edges_are_their_share_of_the_pairs():
    figure = graph_statistics_plot(BORDERS, G, SHARE, np.array([0, 1, 0, 3]), cutoff=4.0)
    upper, lower = figure.axes
    np.testing.assert_array_equal(bars(upper, "pairs that are no edges"), G)
    np.testing.assert_array_equal(bars(upper, "edges of the graph"), G * SHARE)
    assert [bar.get_height() for bar in lower.containers[0]] == [1, 3]
    assert [text.get_text() for text in lower.texts] == ["1", "3"]
    assert "cutoff" in upper.texts[0].get_text()


def test_every_degree_is_in_sight():
    degrees = np.zeros(84, dtype=int)
    degrees[[66, 79, 80, 81, 82, 83]] = 1
    _, lower = graph_statistics_plot(BORDERS, G, SHARE, degrees).axes
    low, high = lower.get_xlim()
    assert low < 65.6
    assert high > 83.4


def test_a_cutoff_out_of_reach_and_many_degrees_are_not_written():
    degrees = np.ones(FEW_DEGREES + 1, dtype=int)
    upper, lower = graph_statistics_plot(BORDERS, G, SHARE, degrees, cutoff=12.0).axes
    assert not upper.texts
    assert not lower.texts


def test_what_has_no_density_and_no_atoms_says_so():
    none = np.zeros(0)
    figure = graph_statistics_plot(none, none, none, np.zeros(0, dtype=int), title="a $slab")
    assert "no g(r)" in figure.axes[0].texts[0].get_text()
    assert figure.axes[1].texts[0].get_text() == "no atoms"
    assert figure_to_png(figure)[:8] == b"\x89PNG\r\n\x1a\n"
