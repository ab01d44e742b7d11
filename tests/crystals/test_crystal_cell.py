import gemmi
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtalgraph.crystals.cell import cell_from_parameters, cell_parameters

length = st.floats(1.0, 50.0)
angle = st.floats(65.0, 115.0)


@given(lengths=st.tuples(length, length, length), angles=st.tuples(angle, angle, angle))
def test_there_and_back_and_the_orientation_of_gemmi(lengths, angles):
    cell = cell_from_parameters(np.array(lengths), np.array(angles))
    matrix = np.array(gemmi.UnitCell(*lengths, *angles).orth.mat.tolist()).T
    np.testing.assert_allclose(cell, matrix, atol=1e-9)
    back = cell_parameters(cell)
    np.testing.assert_allclose(back[0], lengths, rtol=1e-10)
    np.testing.assert_allclose(back[1], angles, rtol=1e-10)


def test_right_angles_are_exact():
    cell = cell_from_parameters(np.array([3.0, 4.0, 5.0]), np.array([90.0, 90.0, 90.0]))
    np.testing.assert_array_equal(cell, np.diag([3.0, 4.0, 5.0]))


@pytest.mark.parametrize("angles", [(90.0, 90.0, 180.0), (30.0, 30.0, 90.0), (120.0, 120.0, 120.0)])
def test_angles_of_no_cell_or_a_flat_one(angles):
    cell = cell_from_parameters(np.array([3.0, 4.0, 5.0]), np.array(angles))
    volume = np.cross(cell[0], cell[1]) @ cell[2]
    assert np.isnan(volume) or abs(volume) < 1e-4
