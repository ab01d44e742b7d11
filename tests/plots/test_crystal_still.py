import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from test_crystal_drawing import rock_salt

from xtalgraph.plots.crystal_still import FLAT_FROM, SHADES, crystal_still
from xtalgraph.plots.export import figure_to_png, figure_to_svg

NONE = np.zeros(0, dtype=int)
NO_BONDS = (NONE, NONE, NONE.reshape(0, 3))


def painted(figure):
    (collection,) = figure.axes[0].collections
    return collection


def test_every_ball_stick_and_edge_is_painted():
    figure = crystal_still(*rock_salt(), title="NaCl")
    balls, sticks, pieces = 8 + 24, 36, 12 * 12
    outlines = painted(figure).get_paths()
    assert len(outlines) == balls * len(SHADES) + 2 * 3 * sticks + pieces
    assert ElementTree.fromstring(figure_to_svg(figure)).tag.endswith("svg")


def test_images_are_paler_than_atoms():
    cell, positions, numbers, *bonds, pbc = rock_salt()
    alone = crystal_still(cell, positions, numbers, *NO_BONDS, pbc)
    bonded = crystal_still(cell, positions, numbers, *bonds, pbc)
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
    figure = crystal_still(cell, np.zeros((1, 3)), np.array([79]), *NO_BONDS, np.array(pbc))
    assert figure_to_png(figure)[:8] == b"\x89PNG\r\n\x1a\n"


def test_large_crystals_become_flat_and_pixels():
    count = FLAT_FROM + 1
    positions = np.random.default_rng(0).random((count, 3)) * 20.0
    figure = crystal_still(
        20.0 * np.eye(3),
        positions,
        np.full(count, 14),
        *NO_BONDS,
        np.array([True, True, True]),
    )
    assert len(painted(figure).get_paths()) == count + 12 * 12
    assert painted(figure).get_rasterized()


def test_a_title_with_dollars_is_shown_as_it_is():
    figure = crystal_still(*rock_salt(), title="$x^")
    assert figure.axes[0].get_title() == "$x^"
    figure_to_svg(figure)
