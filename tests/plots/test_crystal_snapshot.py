import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from test_crystal_drawing import PERIODIC, rock_salt

from xtalgraph.conventions.errors import InputError
from xtalgraph.plots.atom_styles import PALETTE
from xtalgraph.plots.crystal_drawing import BondedCrystal, viewpoint
from xtalgraph.plots.crystal_snapshot import FLAT_FROM, SHADES, axis_name_spots, crystal_snapshot
from xtalgraph.plots.export import figure_to_png, figure_to_svg

NONE = np.zeros(0, dtype=int)
NO_BONDS = {"center": NONE, "neighbor": NONE, "image": NONE.reshape(0, 3)}


def painted(figure):
    (collection,) = figure.axes[0].collections
    return collection


def test_every_ball_stick_and_edge_is_painted():
    figure = crystal_snapshot(rock_salt(), title="NaCl")
    balls, sticks, pieces = 8 + 24, 36, 12 * 12
    outlines = painted(figure).get_paths()
    assert len(outlines) == balls * len(SHADES) + 2 * 3 * sticks + pieces
    assert ElementTree.fromstring(figure_to_svg(figure)).tag.endswith("svg")


def test_images_are_paler_than_atoms():
    alone = crystal_snapshot(replace(rock_salt(), **NO_BONDS))
    bonded = crystal_snapshot(rock_salt())
    darkest = [painted(f).get_facecolors()[:, :3].mean() for f in (alone, bonded)]
    assert darkest[0] < darkest[1]


@pytest.mark.parametrize(
    ("cell", "pbc"),
    [
        (np.diag([3.0, 3.0, -4.0]), [True, True, True]),
        (np.array([[3.0, 0, 0], [-1.5, 2.6, 0], [0.2, 0.1, 20.0]]), [True, True, False]),
        (np.zeros((3, 3)), [False, False, False]),
    ],
    ids=["left-handed", "slab", "molecule"],
)
def test_cells_of_all_kinds(cell, pbc):
    one = (cell, np.zeros((1, 3)), np.array([79]), np.array(pbc))
    figure = crystal_snapshot(BondedCrystal(*one, **NO_BONDS))
    assert figure_to_png(figure)[:8] == b"\x89PNG\r\n\x1a\n"


def test_large_crystals_become_flat_and_pixels():
    count = FLAT_FROM + 1
    positions = np.random.default_rng(0).random((count, 3)) * 20.0
    figure = crystal_snapshot(
        BondedCrystal(20.0 * np.eye(3), positions, np.full(count, 14), PERIODIC, **NO_BONDS)
    )
    assert len(painted(figure).get_paths()) == count + 12 * 12
    assert painted(figure).get_rasterized()


def test_a_title_with_dollars_is_shown_as_it_is():
    figure = crystal_snapshot(rock_salt(), title="$x^")
    assert figure.get_suptitle() == "$x^"
    figure_to_svg(figure)


def test_atoms_of_one_class_share_a_colour_and_the_legend_counts_them():
    salt = replace(rock_salt(), classes=np.array([0] * 4 + [1] * 4))
    figure = crystal_snapshot(salt, color="class")
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["0: Na × 4", "1: Cl × 4"]
    dots = [handle.get_markerfacecolor() for handle in figure.legends[0].legend_handles]
    assert dots == list(PALETTE[:2])
    assert "0" not in [text.get_text() for text in figure.axes[0].texts]
    with pytest.raises(InputError, match="only where their classes are given"):
        crystal_snapshot(rock_salt(), color="class")


def test_more_classes_than_colours_are_numbered_where_they_are_seen():
    count = len(PALETTE) + 1
    row = np.column_stack([np.arange(count) * 3.0, np.zeros((count, 2))])
    numbers = np.full(count, 6)
    chain = BondedCrystal(
        np.diag([3.0 * count, 9.0, 9.0]),
        row,
        numbers,
        PERIODIC,
        **NO_BONDS,
        classes=np.arange(count),
    )
    texts = {text.get_text() for text in crystal_snapshot(chain, color="class").axes[0].texts}
    assert texts >= {str(kind) for kind in range(count)}
    viewer = viewpoint(chain.cell)[2]
    behind = replace(
        chain,
        positions=np.concatenate([row, row - viewer]),
        numbers=np.full(2 * count, 6),
        pbc=np.zeros(3, dtype=bool),
        classes=np.arange(2 * count),
    )
    names = {text.get_text() for text in crystal_snapshot(behind, color="class").axes[0].texts}
    assert names == {*"abc", *(str(kind) for kind in range(count))}


def test_names_of_axes_are_near_their_ends_and_on_no_ball():
    random = np.random.default_rng(0)
    lines = np.array([[[0.0, 0.0], [4.0, 0.0]], [[0.0, 0.0], [1.0, 2.0]], [[0.0, 0.0], [0.0, 4.0]]])
    balls = np.concatenate([lines[:, 1], lines[:, 0], random.uniform(-1, 5, (12, 2))])
    reach = random.uniform(0.2, 0.6, len(balls))
    spots = axis_name_spots(lines, balls, reach, margin=0.15)
    for spot, (_, end) in zip(spots, lines, strict=True):
        assert (np.linalg.norm(balls - spot, axis=1) - reach).min() >= 0.15
        assert np.linalg.norm(spot - end) < 1.8
    assert min(np.linalg.norm(spots[i] - spots[j]) for i, j in ((0, 1), (0, 2), (1, 2))) > 0.3


def test_names_of_axes_are_inside_of_the_picture():
    figure = crystal_snapshot(rock_salt())
    figure.draw_without_rendering()
    (axes,) = figure.axes
    names = {text.get_text(): text.get_window_extent() for text in axes.texts}
    assert {"a", "b", "c"} <= set(names)
    frame = figure.bbox
    for box in (names[name] for name in "abc"):
        assert frame.x0 <= box.x0 < box.x1 <= frame.x1
        assert frame.y0 <= box.y0 < box.y1 <= frame.y1
