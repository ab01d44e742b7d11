import numpy as np
import pytest

from xtalgraph.plots.atom_styles import covalent_radius, element_color, mixed


@pytest.mark.parametrize(
    ("number", "color"), [(1, "#ffffff"), (6, "#909090"), (8, "#ff0d0d"), (11, "#ab5cf2")]
)
def test_colors_are_those_of_jmol(number, color):
    assert element_color(number) == color


@pytest.mark.parametrize(("number", "radius"), [(1, 0.31), (8, 0.66), (55, 2.44)])
def test_radii_are_those_of_cordero(number, radius):
    assert covalent_radius(number) == radius


def test_every_element_has_a_look():
    for number in range(1, 119):
        assert element_color(number).startswith("#")
        assert covalent_radius(number) > 0.2


def test_mixing_is_linear():
    np.testing.assert_allclose(mixed(np.zeros(3), "#ffffff", 0.25), [0.25] * 3)
