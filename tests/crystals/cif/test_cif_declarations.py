import pytest


@pytest.mark.parametrize(
    "items",
    [
        "_chemical_formula_sum 'Ti O2'",
        "_chemical_formula_sum TiO2",
        "_chemical_formula_sum 'Ti1 O2'\n_cell_formula_units_Z 2",
        "_chemical_formula_sum 'Ti2 O4'\n_cell_formula_units_Z 1",
        "_chemical_formula_sum 'Ti2 O4'\n_cell_formula_units_Z 2",
        "_chemical_formula_sum 'TI O2'\n_cell_formula_units_Z '2'",
        "_chemical_formula_sum '(Ti O2)2'\n_cell_formula_units_Z 1",
        "_chemical_formula_sum 'Ti0.333 O0.667'",
        "_chemical_formula_sum 'Ti O2 , 5H2 O'",
        "_chemical_formula_sum ?\n_cell_formula_units_Z ?",
        "_cell_formula_units_Z 2",
        "_cell_volume 62.45(3)",
        "_cell_volume 62",
        "_exptl_crystal_density_diffrn 4.25",
        "_exptl_crystal_density_diffrn 4250",
        "_chemical_formula_moiety 'Ti O2'",
        "_chemical_formula_moiety 'Ti O2, H2 O'",
        "_exptl_crystal_density_diffrn ?",
        "loop_\n_atom_type_symbol\n_atom_type_number_in_cell\nTi4+ 2\nO2- 4",
    ],
)
def test_what_agrees_is_read(rutile, only, items):
    assert only(rutile(items=items)).formula == "Ti2O4"


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ("_chemical_formula_sum TiO", "_chemical_formula_sum is 'TiO'"),
        ("_chemical_formula_sum 'Ti O2'\n_cell_formula_units_Z 4", "_cell_formula_units_Z 4"),
        ("_chemical_formula_sum 'Ti0.98 O2'\n_cell_formula_units_Z 2", "Ti0.98"),
        ("_chemical_formula_sum 'Ti O2 H0.01'\n_cell_formula_units_Z 2", "H0.01"),
        ("_chemical_formula_sum 'Ti2 (O2)3'\n_cell_formula_units_Z 1", "Ti2 (O2)3"),
        ("_cell_formula_units_Z 4", "_cell_formula_units_Z 4 times whole atoms"),
        ("_chemical_formula_moiety 'Ti O3'", "_chemical_formula_moiety is 'Ti O3'"),
        ("_chemical_formula_structural TiO", "_chemical_formula_structural is 'TiO'"),
        ("_cell_volume 124.9", "_cell_volume is '124.9'"),
        ("_exptl_crystal_density_diffrn 2.12", "_exptl_crystal_density_diffrn is '2.12'"),
        ("loop_\n_atom_type_symbol\n_atom_type_number_in_cell\nTi 2\nO 8", "is 8"),
    ],
)
def test_what_contradicts_is_refused(rutile, reason, items, words):
    assert words in reason(rutile(items=items))


@pytest.mark.parametrize("symmetry", ["", "_symmetry_space_group_name_H-M 'P 1'"])
@pytest.mark.parametrize("name", ["symmetry_multiplicity", "site_symmetry_multiplicity"])
def test_multiplicities_find_that_symmetry_is_missing(rutile, reason, symmetry, name):
    text = rutile(symmetry, columns=name, titanium="Ti1 Ti 0 0 0 2", oxygen="O1 O 0.305 0.305 0 4")
    assert "_atom_site_symmetry_multiplicity is 2" in reason(text)


# SHELXL writes the order of the site symmetry, 16 operations over the number of atoms.
@pytest.mark.parametrize(("titanium", "oxygen"), [("2", "4"), ("8", "4"), ("?", "."), ("2", "?")])
def test_multiplicities_and_orders_that_agree(rutile, only, titanium, oxygen):
    text = rutile(
        columns="symmetry_multiplicity",
        titanium=f"Ti1 Ti 0 0 0 {titanium}",
        oxygen=f"O1 O 0.305 0.305 0 {oxygen}",
    )
    assert only(text).formula == "Ti2O4"


def test_a_dopant_is_seen_among_125_atoms(only, reason):
    sites = "".join(f"C{n} C {n // 25 / 5} {n // 5 % 5 / 5} {n % 5 / 5}\n" for n in range(125))
    text = (
        "data_x\n_cell_length_a 8\n_cell_length_b 8\n_cell_length_c 8\n_cell_angle_alpha 90\n"
        "_cell_angle_beta 90\n_cell_angle_gamma 90\n_chemical_formula_sum 'C124 N1'\nloop_\n"
        "_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
        "_atom_site_fract_z\n" + sites
    )
    assert "C124 N1" in reason(text)
    assert only(text.replace("C7 C ", "N7 N ")).formula == "C124N"
    assert "C1" in reason(text.replace("'C124 N1'", "'C126'\n_cell_formula_units_Z 1"))


def test_the_density_of_deuterium_is_not_that_of_hydrogen(rutile, only, reason):
    text = rutile(
        items="_exptl_crystal_density_diffrn 0.583",
        titanium="Li1 Li 0 0 0",
        oxygen="D1 D 0.305 0.305 0",
    )
    assert only(text).formula == "Li2H4"
    assert "0.583" in reason(text.replace("D1 D", "H1 H"))
