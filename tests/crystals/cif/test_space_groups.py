import warnings

import gemmi
import spglib

from xtalgraph.crystals.cif.space_groups import by_hall, by_name, by_number
from xtalgraph.crystals.symmetry import space_group_number


def test_every_name_of_gemmi_gives_its_operations():
    for group in gemmi.spacegroup_table():
        found = by_name(group.xhm())
        assert found.number == group.number
        assert len(found.operations.rotations) == len(group.operations())


def test_every_full_name_of_spglib_gives_its_group():
    known = 0
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)  # of spglib 2 at every call
        groups = [spglib.get_spacegroup_type(hall) for hall in range(1, 531)]
    for group in groups:
        found = by_name(group.international_full)
        if found is not None:
            known += 1
            assert found.number == group.number, group.international_full
    assert known > 500


def test_every_number_and_hall_symbol():
    for number in range(1, 231):
        group = by_number(number)
        assert group.number == number
        assert group.operations is None or space_group_number(group.operations) == number
        hall = by_hall(gemmi.find_spacegroup_by_number(number).hall)
        assert space_group_number(hall) == number


def test_what_is_no_group():
    assert by_number(0) is None
    assert by_number(231) is None
    assert by_name("F m -3 q") is None
    assert by_name("P" * 3000) is None
    assert by_name("") is None
    assert by_hall("nonsense") is None


def test_the_code_of_a_setting_beside_a_number():
    for group in gemmi.spacegroup_table():
        if group.qualifier and group.ext not in ("1", "2"):
            found = by_number(group.number, group.qualifier)
            expected = by_name(group.hm)
            assert found.number == group.number
            assert {*map(tuple, found.operations.translations)} == {
                *map(tuple, expected.operations.translations)
            }
    # The mirror of P b n m is at z = 1/4, that of P n m a at y = 1/4.
    assert [0, 0, 0.5] in by_number(62, "cab").operations.translations.tolist()
    assert [0, 0, 0.5] not in by_number(62).operations.translations.tolist()
    assert by_number(62, "nonsense") == (62, None)
    assert len(by_number(50, "2cab").operations.rotations) == 8
