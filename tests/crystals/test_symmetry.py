import time

import gemmi
import numpy as np
import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.crystals.symmetry import (
    Operations,
    check_fit,
    check_group,
    combine,
    expand,
    parse_operations,
    space_group_number,
)


def test_every_operation_of_every_setting_agrees_with_gemmi():
    seen = 0
    for group in gemmi.spacegroup_table():
        operations = list(group.operations())
        parsed = parse_operations(tuple(op.triplet() for op in operations))
        for n, op in enumerate(operations):
            np.testing.assert_array_equal(parsed.rotations[n], np.array(op.rot) / op.DEN)
            np.testing.assert_allclose(parsed.translations[n], np.array(op.tran) / op.DEN)
        seen += len(operations)
    assert seen > 7000


@pytest.mark.parametrize(
    ("triplet", "translation"),
    [
        ("1/2+X,y,z", 1 / 2),
        (" x+0.5 , y , z ", 1 / 2),
        ("x+.333,y,z", 1 / 3),
        ("x-1/4,y,z", -1 / 4),
    ],
)
def test_spellings(triplet, translation):
    operations = parse_operations(("x,y,z", triplet))
    assert operations.translations[1, 0] == pytest.approx(translation, abs=1e-15)
    np.testing.assert_array_equal(operations.rotations[1], np.eye(3))


@pytest.mark.parametrize("triplet", ["x,y", "x,y,z,z", "x,y,w", "x+,y,z", ""])
def test_malformed_operations(triplet):
    with pytest.raises(InputError, match="symmetry operation"):
        parse_operations(("x,y,z", triplet))


@pytest.mark.parametrize(
    "triplet",
    [
        "1/0+x,y,z",
        "x+1/0,y,z",
        "0/0+x,y,z",
        f"1/{'9' * 500}+x,y,z",
        "x+1000,y,z",
        f"x+{'9' * 400},y,z",
        "2x,y,z",
        "x/2,y,z",
        "x,x,z",
        "x,y,z-z",
        "9x,y,z",
        "x1/2,y,z",
        "x" * 3000,
        ",".join(["x" * 1000] * 3),
    ],
)
def test_operations_of_no_lattice(triplet):
    with pytest.raises(InputError, match="symmetry operation") as caught:
        parse_operations(("x,y,z", triplet))
    assert len(str(caught.value)) < 200


def test_too_many_operations():
    with pytest.raises(InputError, match="more than 2000"):
        parse_operations(("x,y,z",) * 2001)
    with pytest.raises(InputError, match="more than 1000000 are not read"):
        expand(np.eye(3), np.zeros((600_000, 3)), parse_operations(("x,y,z", "-x,-y,-z")))


def test_operations_given_twice_are_one():
    operations = parse_operations(("x,y,z", "-x,-y,-z", "x+1,y,z", "-X,-Y,1-z"))
    assert len(operations.rotations) == 2


def test_every_group_is_one_and_has_its_number_in_any_setting():
    generator = np.random.default_rng(0)
    for group in gemmi.spacegroup_table():
        operations = parse_operations(tuple(op.triplet() for op in group.operations()))
        # Two shears of the lattice and another origin.
        basis = np.eye(3)
        for _ in range(2):
            i, j = generator.choice(3, size=2, replace=False)
            basis[i] += basis[j]
        inverse, origin = np.linalg.inv(basis), generator.integers(0, 24, 3) / 24
        rotations = np.rint(inverse @ operations.rotations @ basis)
        moved = operations.translations + operations.rotations @ origin - origin
        other = Operations(rotations, moved @ inverse.T)
        if group.number % 7 == 0:  # the check of 192 operations takes a while
            check_group(operations)
            check_group(other)
        assert space_group_number(operations) == group.number
        assert space_group_number(other) == group.number


def test_a_list_that_broke_off_is_no_group():
    operations = parse_operations(
        tuple(op.triplet() for op in gemmi.find_spacegroup_by_name("P 42/m n m").operations())
    )
    for n in range(1, 16):
        kept = [m for m in range(16) if m != n]
        with pytest.raises(InputError, match="no group"):
            check_group(Operations(operations.rotations[kept], operations.translations[kept]))


def test_centrings_multiply():
    group = gemmi.find_spacegroup_by_name("F m -3 m").operations()
    primitive = parse_operations(tuple(op.triplet() for op in group.sym_ops))
    centrings = parse_operations(("x,y,z", "x,y+1/2,z+1/2", "x+1/2,y,z+1/2", "x+1/2,y+1/2,z"))
    assert space_group_number(combine(primitive, centrings)) == 225


def test_expansion_is_linear_in_the_operations():
    # A primitive cubic lattice in a cell of 12 x 12 x 12: 1728 operations on 40 sites. A table of
    # the distances of all images of a site had 3 million entries each.
    steps = [f"x+{i}/12,y+{j}/12,z+{k}/12" for i in range(12) for j in range(12) for k in range(12)]
    operations = parse_operations(tuple(steps))
    sites = np.random.default_rng(0).uniform(0.01, 0.07, (40, 3))
    began = time.process_time()
    positions, _ = expand(np.eye(3) * 60.0, sites, operations)
    assert len(positions) == 40 * 1728
    assert time.process_time() - began < 1.0


def test_a_list_without_the_identity():
    with pytest.raises(InputError, match="identity"):
        parse_operations(("-x,-y,-z",))


def test_a_general_position_has_as_many_atoms_as_the_group_has_operations():
    group = gemmi.find_spacegroup_by_name("I a -3 d")
    operations = parse_operations(tuple(op.triplet() for op in group.operations()))
    cell = np.eye(3) * 12.0
    check_fit(cell, operations)
    sites = np.array([[0.11, 0.23, 0.31], [0.0, 0.0, 0.0], [0.125, 0.125, 0.125]])
    positions, origins = expand(cell, sites, operations)
    # International Tables A, space group 230: positions 96h, 16a, 16b.
    assert np.bincount(origins).tolist() == [96, 16, 16]
    assert positions.min() >= 0.0
    assert positions.max() < 1.0


def test_a_cubic_group_does_not_fit_a_tetragonal_cell():
    with pytest.raises(InputError, match=r"onto itself \(b of 4 Å becomes 4\.4 Å\)"):
        check_fit(np.diag([4.0, 4.0, 4.4]), parse_operations(("x,y,z", "z,x,y")))
    with pytest.raises(InputError, match=r"b of 4 Å becomes 64 Å"):  # and never 25500 %
        check_fit(np.diag([4.0, 4.0, 64.0]), parse_operations(("x,y,z", "z,x,y")))
    tilted = np.array([[4.0, 0, 0], [0, 4.0, 0], [0, 1.0, 3.87298]])
    with pytest.raises(InputError, match=r"alpha of 75\.52° becomes 104\.5°"):
        check_fit(tilted, parse_operations(("x,y,z", "x,-y,z")))


def test_more_operations_leave_no_site_in_place_than_a_point_group_has():
    operations = parse_operations(tuple(f"x+{n}/1000,y,z" for n in range(1000)))
    with pytest.raises(InputError, match="leave site 1 within"):
        expand(np.eye(3), np.zeros((1, 3)), operations)
