"""Symmetry in every dialect: read, or refused with the item that was not understood."""

import logging

import gemmi
import numpy as np
import pytest

from xtalgraph.crystals.cif import read_cif

OPERATIONS = [op.triplet() for op in gemmi.find_spacegroup_by_name("P 42/m n m").operations()]


def loop(name: str, rows: list[str]) -> str:
    return "loop_\n" + name + "\n" + "".join(f"'{row}'\n" for row in rows)


def rutile_as(crystal):
    return crystal.formula, round(crystal.volume, 2)


RUTILE = ("Ti2O4", 62.45)


@pytest.mark.parametrize(
    "name",
    [
        "_space_group_symop_operation_xyz",
        "_symmetry_equiv_pos_as_xyz",
        "_symmetry_equiv_pos_as_xyz_",
        "_SYMMETRY_EQUIV_POS_AS_XYZ",
        "_space_group_symop.operation_xyz",
        "_symmetry_equiv.pos_as_xyz",
        "_Space_Group_Symop__operation_xyz",
    ],
)
def test_operations_under_every_name(rutile, only, name):
    assert rutile_as(only(rutile(loop(name, OPERATIONS)))) == RUTILE


@pytest.mark.parametrize(
    "item",
    [
        "_space_group_name_H-M_alt 'P 42/m n m'",
        "_symmetry_space_group_name_H-M P4_2/mnm",
        "_symmetry_space_group_name_h-m 'P 4(2)/m n m'",
        "_symetry_space_group_name_H-M 'P 42/mnm'",
        "_space_group_name_H-M 'P 42/m n m (No. 136)'",
        "_space_group_name_H-M 'P42/mnm (#136)'",
        "_space_group_name_H-M_full 'P 42/m 21/n 2/m'",
        "_space_group_name_H-M_ref 'P 42/m n m'",
        "_space_group.name_H-M_alt 'P 42/m n m'",
        "_symmetry.space_group_name_H-M 'P 42/m n m'",
        "_symmetry.pdbx_full_space_group_name_H-M 'P 42/m n m'",
        "_space_group_name_Hall '-P 4n 2n'",
        "_symmetry_space_group_name_Hall '-P 4n 2n'",
        "_space_group.name_Hall '-P 4n 2n'",
        "_space_group_IT_number 136",
        "_space_group.IT_number 136",
        "_symmetry_Int_Tables_number '136'",
        "_symmetry.Int_Tables_number 136",
    ],
)
def test_the_group_under_every_name(rutile, only, item):
    assert rutile_as(only(rutile(item))) == RUTILE


@pytest.mark.parametrize("empty", [".", "?", "'?'", "' '"])
def test_what_is_not_given_leaves_the_word_to_the_next(rutile, only, empty):
    text = f"loop_\n_symmetry_equiv_pos_as_xyz\n{empty}\n_symmetry_space_group_name_Hall {empty}\n"
    assert rutile_as(only(rutile(text + "_symmetry_space_group_name_H-M 'P 42/m n m'"))) == RUTILE
    assert rutile_as(only(rutile(text + "_space_group_IT_number 136"))) == RUTILE


def test_a_bad_hall_symbol_beside_a_good_name(rutile, only, reason):
    bad = "_symmetry_space_group_name_Hall 'P nonsense'\n"
    assert rutile_as(only(rutile(bad + "_symmetry_space_group_name_H-M 'P 42/m n m'"))) == RUTILE
    assert "the Hall symbol 'P nonsense' is not known" in reason(rutile(bad))


def test_an_unknown_name_is_not_replaced_by_the_number_but_by_operations(rutile, only, reason):
    name = "_symmetry_space_group_name_H-M 'P 42/x y z'\n"
    assert "'P 42/x y z' is not known" in reason(rutile(name))
    assert "'P 42/x y z' is not known" in reason(rutile(name + "_space_group_IT_number 136"))
    listed = loop("_space_group_symop_operation_xyz", OPERATIONS)
    assert rutile_as(only(rutile(name + listed))) == RUTILE


@pytest.mark.parametrize(
    ("operation", "centring"),
    [
        ("_space_group_symop_magn_operation.xyz", "_space_group_symop_magn_centering.xyz"),
        ("_space_group_symop.magn_operation_xyz", "_space_group_symop.magn_centering_xyz"),
    ],
)
def test_magnetic_operations_and_centrings(rutile, only, caplog, operation, centring):
    items = "_space_group_magn.number_BNS 136.499\n_parent_space_group.IT_number 225"
    listed = loop(operation, [f"{op},{'+1' if n % 2 else '-1'}" for n, op in enumerate(OPERATIONS)])
    centred = loop(centring, ["x,y,z,+1", "x,y,z,-1"])
    with caplog.at_level(logging.WARNING):
        crystal = only(rutile(listed + centred, items=items))
    assert rutile_as(crystal) == RUTILE
    assert not caplog.records


def test_magnetic_centrings_multiply_and_moments_are_left_out_with_a_word(only, caplog):
    # MAGNDATA 1.6: NiO, 32 centrings of the rock salt in a cell of twice the length.
    thirds = [
        f"x+{i}/2,y+{j}/2,z+{k}/2,{s}1"
        for i in (0, 1)
        for j in (0, 1)
        for k in (0, 1)
        for s in "+-"
    ]
    text = (
        "data_NiO\n_cell_length_a 4.18\n_cell_length_b 4.18\n_cell_length_c 4.18\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
        + loop("_space_group_symop_magn_operation.xyz", ["x,y,z,+1", "-x,-y,-z,+1"])
        + loop("_space_group_symop_magn_centering.xyz", thirds)
        + "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Ni1 0 0 0\nO1 0.25 0.25 0.25\n"
        "loop_\n_atom_site_moment.label\n_atom_site_moment.crystalaxis_x\nNi1 1.9\n"
    )
    with caplog.at_level(logging.WARNING):
        crystal = only(text)
    assert crystal.formula == "Ni8O8"
    assert "_atom_site_moment.label is left out" in caplog.text


@pytest.mark.parametrize(
    ("items", "named"),
    [
        ("_space_group_ssg_name 'P42/mnm(0,0,g)'", "_space_group_ssg_name"),
        (loop("_space_group_symop_ssg_operation_algebraic", ["x1,x2,x3,x4"]), "_ssg_operation"),
        (loop("_space_group_symop.magn_ssg_operation_algebraic", ["x1,x2,x3,x4,+1"]), "magn_ssg"),
        ("_cell_modulation_dimension 1", "_cell_modulation_dimension"),
        ("_symmetry_equiv_pos_xyz_matrix 1", "_symmetry_equiv_pos_xyz_matrix"),
        ("_space_group_symop_generator_xyz -x,-y,z", "_space_group_symop_generator_xyz"),
        ("_space_group_magn.number_BNS 136.499", "_space_group_magn.number_BNS"),
        ("_space_group_name_Schoenflies D4h^14", "_space_group_name_Schoenflies"),
        ("_symmetry_cell_setting tetragonal", "_symmetry_cell_setting"),
        ("_my_code_spacegroup 136", "_my_code_spacegroup"),
        ("_symmetry_space_group_name_H-M ?", "_symmetry_space_group_name_H-M is '?'"),
    ],
)
def test_symmetry_that_is_not_understood_is_named(rutile, reason, items, named):
    assert named in reason(rutile(items))


def test_a_modulation_is_refused_beside_operations_and_dimension_zero_is_none(rutile, only, reason):
    listed = loop("_space_group_symop_operation_xyz", OPERATIONS)
    assert "modulated" in reason(rutile(listed, items="_cell_modulation_dimension 1"))
    assert rutile_as(only(rutile(listed, items="_cell_modulation_dimension 0"))) == RUTILE


@pytest.mark.parametrize(
    "items",
    [
        "_symmetry_cell_setting tetragonal",
        "_space_group_crystal_system tetragonal",
        "_space_group_name_Schoenflies D4h^14",
        "_space_group_id 1",
        "_symmetry.entry_id x",
        "_oqmd_space_group_name_H-M 'P 42/m n m'",
        loop("_geom_bond_site_symmetry_2", ["1_555"]),
        "_diffrn_symmetry_description '4/mmm'",
        "_parent_propagation_vector_id 1",
    ],
)
def test_words_of_symmetry_beside_operations_do_no_harm(rutile, only, items):
    listed = loop("_space_group_symop_operation_xyz", OPERATIONS)
    assert rutile_as(only(rutile(listed, items=items))) == RUTILE


@pytest.mark.parametrize(
    ("symmetry", "one", "other"),
    [
        ("'x,y,z'", "x,y,z alone", "'P 42/m n m'"),
        ("'x,y,z'\n'-x,-y,-z'", "2 operations", "'P 42/m n m'"),
    ],
)
def test_operations_that_are_not_those_of_the_name(rutile, reason, symmetry, one, other):
    name = "_symmetry_space_group_name_H-M 'P 42/m n m'"
    words = reason(rutile(f"{name}\nloop_\n_symmetry_equiv_pos_as_xyz\n{symmetry}\n"))
    assert one in words
    assert other in words
    assert "contradict" in words


def test_two_lists_or_a_name_and_a_number_that_contradict(rutile, reason):
    two = loop("_symmetry_equiv_pos_as_xyz", ["x,y,z"])
    assert "contradict" in reason(
        rutile(two + loop("_space_group_symop_operation_xyz", OPERATIONS))
    )
    name = "_symmetry_space_group_name_H-M 'P 42/m n m'\n_space_group_IT_number 137"
    words = reason(rutile(name))
    assert "136" in words
    assert "137" in words


def test_a_list_without_its_centring_is_no_group_of_the_name(reason):
    group = gemmi.find_spacegroup_by_name("F m -3 m").operations()
    text = (
        "data_x\n_cell_length_a 5.64\n_cell_length_b 5.64\n_cell_length_c 5.64\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
        "_space_group_name_H-M_alt 'F m -3 m'\n"
        + loop("_space_group_symop_operation_xyz", [op.triplet() for op in group.sym_ops])
        + "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Na1 0 0 0\nCl1 0.5 0.5 0.5\n"
    )
    assert "space groups 221 and 225" in reason(text)


def test_another_setting_of_the_named_group_is_read(only):
    # The cell of P 21/n under the name of its standard setting, as files have it.
    group = gemmi.find_spacegroup_by_name("P 1 21/n 1")
    text = (
        "data_x\n_cell_length_a 5\n_cell_length_b 6\n_cell_length_c 7\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 100\n_cell_angle_gamma 90\n"
        "_space_group_name_H-M_alt 'P 1 21/c 1'\n"
        + loop("_space_group_symop_operation_xyz", [op.triplet() for op in group.operations()])
        + "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Mg1 0.1 0.2 0.3\n"
    )
    positions = only(text).fractional % 1.0
    expected = np.array([[0.1, 0.2, 0.3], [0.4, 0.7, 0.2], [0.9, 0.8, 0.7], [0.6, 0.3, 0.8]])
    np.testing.assert_allclose(sorted(positions.tolist()), sorted(expected.tolist()), atol=1e-12)


@pytest.mark.parametrize(
    "item",
    [
        "_symmetry_Int_Tables_number 167",
        "_space_group_IT_number 167",
        "_symmetry_space_group_name_H-M 'R -3 c'",
    ],
)
def test_the_angles_tell_rhombohedral_axes(only, item):
    text = (
        "data_x\n_cell_length_a 5.12849\n_cell_length_b 5.12849\n_cell_length_c 5.12849\n"
        "_cell_angle_alpha 55.3006\n_cell_angle_beta 55.3006\n_cell_angle_gamma 55.3006\n"
        f"{item}\n"
        "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "Al1 0.3522 0.3522 0.3522\nO1 0.5563 0.9437 0.25\n"
    )
    assert only(text).formula == "Al4O6"


def test_two_hexagonal_and_rhombohedral_cells_hold_three_to_one(only):
    head = "_symmetry_Int_Tables_number 166\nloop_\n_atom_site_label\n_atom_site_fract_x\n"
    head += "_atom_site_fract_y\n_atom_site_fract_z\nBi1 0.234 0.234 0.234\n"
    cell = "data_x\n_cell_length_{} {}\n_cell_length_b {}\n_cell_length_c {}\n"
    cell = "data_x\n_cell_length_a 4.7\n_cell_length_b 4.7\n_cell_length_c 4.7\n"
    angles = "_cell_angle_alpha 57.2\n_cell_angle_beta 57.2\n_cell_angle_gamma 57.2\n"
    assert len(only(cell + angles + head)) == 2
    cell = "data_x\n_cell_length_a 4.5\n_cell_length_b 4.5\n_cell_length_c 11.8\n"
    angles = "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 120\n"
    assert len(only(cell + angles + head.replace("0.234 0.234 0.234", "0 0 0.234"))) == 6


@pytest.mark.parametrize(
    ("name", "code", "atoms"),
    [
        ("F d -3 m :2", "", 8),
        ("F d -3 m Z", "", 8),
        ("Fd-3mZ", "", 8),
        ("F d -3 m (origin choice 2)", "", 8),
        ("F d -3 m O2", "", 8),
        ("F d -3 m", "2", 8),
        ("F d -3 m S", "", 16),
        ("F d -3 m", "1", 16),
        ("F d -3 m :1", "", 16),
    ],
)
def test_the_choice_of_origin_in_every_spelling(only, name, code, atoms):
    text = (
        "data_x\n_cell_length_a 3.57\n_cell_length_b 3.57\n_cell_length_c 3.57\n"
        "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
        f"_space_group_name_H-M_alt '{name}'\n"
        f"_space_group_IT_coordinate_system_code {code or '.'}\n"
        "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
        "C1 0.125 0.125 0.125\n"
    )
    assert len(only(text)) == atoms


def test_a_name_or_number_of_3000_characters_and_a_group_that_is_none(rutile, reason):
    assert len(reason(rutile(f"_symmetry_space_group_name_H-M '{'P' * 3000}'"))) < 300
    assert len(reason(rutile(f"_symmetry_Int_Tables_number {'9' * 5000}"))) < 300
    assert len(reason(rutile(f"_space_group_name_Hall '{'P' * 3000}'"))) < 300
    assert "1 to 230" in reason(rutile("_symmetry_Int_Tables_number 0"))


def test_the_name_of_a_block_is_cut(rutile):
    blocks = (rutile() + rutile()).replace("data_x", f"data_{'n' * 3000}")
    entries = read_cif(blocks)
    assert len(entries) == 2
    assert all(len(entry.name) < 200 for entry in entries)
    assert entries[0].name != entries[1].name


def test_symmetry_in_a_block_without_atoms_is_not_passed_over(rutile):
    listed = loop("_space_group_symop_operation_xyz", OPERATIONS)
    group = f"data_group\n{listed}"
    (entry,) = read_cif(group + rutile(""))
    assert "block 'group'" in entry.reason
    (entry,) = read_cif(group + rutile(listed))
    assert rutile_as(entry.crystal) == RUTILE


def test_the_identity_beside_a_name_is_read_where_formula_and_z_tell_that_all_atoms_are_there(
    rutile, only, reason
):
    # As JARVIS-tools writes a cell of which it gives all atoms, with a sentence above the block.
    symmetry = "_symmetry_space_group_name_H-M 'P 42/m n m'\n_symmetry_Int_Tables_number 136\n"
    symmetry += loop("_symmetry_equiv_pos_as_xyz", ["x, y, z"])
    declared = "_chemical_formula_sum TiO2\n_cell_formula_units_Z 2"
    more = "Ti2 Ti .5 .5 .5\nO2 O .695 .695 0\nO3 O .195 .805 .5\nO4 O .805 .195 .5\n"
    whole = rutile(symmetry, items=declared, more=more)
    assert rutile_as(only("Written by a program.\n" + whole)) == RUTILE
    assert "contradict" in reason(rutile(symmetry, more=more))
    words = reason(rutile(symmetry, items=declared, more="O2 O .695 .695 0\n"))
    assert "space groups 1 and 136" in words
    assert "_cell_formula_units_Z 2" in words


def test_a_block_that_lost_its_header_is_no_sentence(rutile, reason):
    assert "does not begin with" in reason("_symmetry_cell_setting cubic\n" + rutile())


@pytest.mark.parametrize("name", ["_space_group_name_H-M_alt", "_space_group_symop_sg_id"])
def test_several_groups_in_one_block(rutile, reason, name):
    listed = loop("_space_group_symop_operation_xyz", OPERATIONS)
    several = loop(name, ["P 42/m n m", "P 1"])
    assert "several space groups" in reason(rutile(listed, items=several))
