import re

import numpy as np
import pytest
from matplotlib import rcParams

from xtalgraph.plots.bars import bar_plot
from xtalgraph.plots.export import figure_to_png, figure_to_svg, inline_svg, save_figure
from xtalgraph.plots.learning import learning_curves
from xtalgraph.plots.parity import local_density, parity_plot
from xtalgraph.plots.residuals import residual_plot

NOTHING = np.zeros(0)


def points(count, seed=0):
    random = np.random.default_rng(seed)
    target = random.normal(1.0, 0.5, count)
    split = np.array(["train", "val", "test", "test"])[np.arange(count) % 4]
    return target, target + random.normal(0.0, 0.05, count), split


def test_parity_has_equal_axes_and_names_the_unit():
    figure = parity_plot(*points(100), name="e_form", unit="eV/cell")
    (axes,) = figure.axes
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_aspect() == 1.0
    assert axes.get_xlabel() == "e_form, target (eV/cell)"
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["train (25)", "val (25)", "test (50)"]


def test_no_unit_is_invented():
    (axes,) = parity_plot(*points(20), name="gap").axes
    assert axes.get_xlabel() == "gap, target"
    figure = learning_curves(np.ones(1), np.ones(1), {("validation MAE", ""): np.ones(1)})
    assert figure.axes[0].get_ylabel() == "validation MAE"


@pytest.mark.parametrize(("count", "pixels"), [(2_000, False), (2_004, True)])
def test_many_points_become_pixels(count, pixels):
    target, prediction, split = points(count)
    figure = parity_plot(target, prediction, split, name="e")
    assert ("<image" in figure_to_svg(figure)) == pixels


def test_density_counts_neighbours():
    x = np.array([0.0, 0.0, 0.0, 1.0])
    assert local_density(x, x).tolist() == [3.0, 3.0, 3.0, 1.0]


def test_undefined_predictions_are_left_out():
    target = np.array([1.0, 2.0, 3.0])
    prediction = np.array([1.0, np.nan, 3.0])
    (axes,) = parity_plot(target, prediction, np.array(["test"] * 3), name="e").axes
    assert axes.get_legend().get_texts()[0].get_text() == "test (2)"


def test_residuals_beyond_the_axis_are_counted():
    target = np.linspace(0.0, 1.0, 1000)
    residual = np.where(np.arange(1000) < 3, 50.0, np.sin(np.arange(1000)))
    scatter, counts = residual_plot(target, target + residual, name="e", unit="eV").axes
    assert scatter.get_title(loc="right") == "5 beyond the axis"  # above the 99.5th percentile
    assert sum(bar.get_width() for bar in counts.patches) == 995
    assert scatter.get_ylabel() == "predicted − target (eV)"


def test_the_epoch_that_is_kept_is_marked():
    epochs = np.arange(1.0, 6.0)
    mae = np.array([0.5, np.nan, 0.2, 0.25, 0.3])
    errors = {("validation MAE", "eV"): mae}
    upper, lower = learning_curves(epochs, 1.0 / epochs, errors, selected=3).axes
    assert upper.get_title(loc="right") == "selected: 0.25 eV after epoch 4"
    assert lower.get_yscale() == upper.get_yscale() == "log"


def test_a_log_without_validation_has_one_panel():
    figure = learning_curves(np.ones(1), np.zeros(1), {("MAE", ""): np.full(1, np.nan)})
    assert len(figure.axes) == 1
    figure_to_svg(figure)


@pytest.mark.parametrize(
    "figure",
    [
        parity_plot(NOTHING, NOTHING, np.zeros(0, dtype=str), name="e"),
        parity_plot(np.ones(1), np.ones(1), np.array(["test"]), name="e"),
        residual_plot(NOTHING, NOTHING, name="e"),
        residual_plot(np.ones(1), np.ones(1), name="$e"),
        learning_curves(NOTHING, NOTHING, {("MAE", "eV"): NOTHING}),
        bar_plot([], NOTHING, label="MAE", of_model=NOTHING > 0, ends=np.zeros((2, 0))),
    ],
)
def test_nothing_to_show_is_a_figure_too(figure):
    assert figure_to_svg(figure).rstrip().endswith("</svg>")


def test_the_same_figure_gives_the_same_bytes_and_changes_no_settings(tmp_path):
    before = dict(rcParams)
    target, prediction, split = points(40)
    first, second = (parity_plot(target, prediction, split, name="e") for _ in range(2))
    assert figure_to_svg(first) == figure_to_svg(second)
    assert figure_to_png(first) == figure_to_png(second)
    assert save_figure(first, tmp_path / "figures" / "parity") == tmp_path / "figures/parity.svg"
    assert (tmp_path / "figures/parity.png").is_file()
    assert dict(rcParams) == before
    assert "<dc:date>" not in figure_to_svg(first)


def test_inline_pictures_share_no_identifier():
    svg = figure_to_svg(parity_plot(*points(40), name="e"))
    one, two = (inline_svg(svg, prefix, 'a "<b>"') for prefix in ("one", "two"))
    found = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, two)]
    assert found[0]
    assert not found[0] & found[1]
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', one))
    assert used <= found[0]
    assert one.startswith("<svg ")
    assert 'aria-label="a &quot;&lt;b&gt;&quot;"' in one
