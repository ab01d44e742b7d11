import pytest

from xtalgraph.crystals.cif import read_cif


def formula_of(crystal):
    return crystal.formula


def test_dummy_sites_are_left_out(rutile, only, reason):
    text = rutile(
        columns="calc_flag",
        titanium="Ti1 Ti 0 0 0 d",
        oxygen="O1 O 0.305 0.305 0 d",
        more="Cg1 C 0.5 0 0.25 dum\n",
    )
    assert only(text).formula == "Ti2O4"
    assert only(text.replace(" dum\n", " 'DUM'\n")).formula == "Ti2O4"
    assert "all sites are dummies" in reason(text.replace(" d\n", " dum\n"))


@pytest.mark.parametrize("symbol", ["X", "Q", "Cnt", "Wat", "OH", "Vac", "CN", "OG", "Fe0.5Ni0.5"])
def test_types_that_are_no_elements(rutile, reason, symbol):
    assert "is not an element" in reason(rutile(more=f"Cg1 {symbol} 0.5 0 0.25\n"))


@pytest.mark.parametrize("symbol", ["Ti4+", "TI", "Ti4", "'Ti'", "Ti+4"])
def test_types_with_charge_and_in_capitals(rutile, only, symbol):
    assert only(rutile(titanium=f"Ti1 {symbol} 0 0 0")).formula == "Ti2O4"


NO_TYPE = "label fract_x fract_y fract_z"


@pytest.mark.parametrize("label", ["T1", "Cn1", "Hs1", "Q1", "M1", "X1", "Wat", "Oct1"])
def test_labels_that_name_no_element_that_crystals_hold(rutile, reason, label):
    text = rutile(names=NO_TYPE, titanium=f"{label} 0 0 0", oxygen="O1 0.305 0.305 0")
    assert "_atom_site_type_symbol" in reason(text)


@pytest.mark.parametrize("label", ["Ti1", "TI1", "Ti", "Ti(1)", "Ti_a", "Ti4+"])
@pytest.mark.parametrize("oxygen", ["O1A", "O", "Ow1", "OW1", "O2-", "O_1"])
def test_common_labels(rutile, only, label, oxygen):
    text = rutile(names=NO_TYPE, titanium=f"{label} 0 0 0", oxygen=f"{oxygen} 0.305 0.305 0")
    assert only(text).formula == "Ti2O4"


def test_the_formula_decides_between_two_readings_of_a_label(rutile, only, reason):
    text = {"names": NO_TYPE, "titanium": "CO1 0 0 0", "oxygen": "O1 0.305 0.305 0"}
    assert "could mean Co or C" in reason(rutile(**text))
    assert only(rutile(**text, items="_chemical_formula_sum 'Co O2'")).formula == "Co2O4"
    assert only(rutile(**text, items="_chemical_formula_sum 'C O2'")).formula == "C2O4"
    assert "could mean" in reason(rutile(**text, items="_chemical_formula_sum 'Co C O4'"))


def test_a_type_that_is_missing_is_taken_from_the_label_of_that_site_alone(rutile, only):
    assert only(rutile(titanium="Xa Ti 0 0 0", oxygen="O1 ? 0.305 0.305 0")).formula == "Ti2O4"


@pytest.mark.parametrize(
    "occupancy", ["1", "1.0", "1.", "1.0(2)", "'1'", "?", ".", "'?'", "0.9995"]
)
def test_occupancies_that_are_full(rutile, only, occupancy):
    text = rutile(
        columns="occupancy",
        titanium=f"Ti1 Ti 0 0 0 {occupancy}",
        oxygen=f"O1 O 0.305 0.305 0 {occupancy}",
    )
    assert only(text).formula == "Ti2O4"


@pytest.mark.parametrize("occupancy", ["full", "-0.5", "1e999", "nan"])
def test_occupancies_that_are_no_numbers(rutile, reason, occupancy):
    text = rutile(
        columns="occupancy", titanium=f"Ti1 Ti 0 0 0 {occupancy}", oxygen="O1 O 0.305 0.305 0 1"
    )
    assert "site Ti1 has the occupancy" in reason(text)


def test_disordered_sites_are_named_with_their_position(rutile, reason):
    text = rutile(
        columns="occupancy",
        titanium="Ti1 Ti 0 0 0 0.7\nZr1 Zr 0.002 0 0 0.3",
        oxygen="O1 O 0.305 0.305 0 0.5",
    )
    words = reason(text)
    assert "Ti1 (Ti 0.7) with Zr1 (Zr 0.3); O1 (O 0.5)" in words
    assert "OrderDisorderedStructureTransformation" in words


def test_full_sites_that_share_a_position_are_no_group(rutile, reason):
    text = rutile(
        columns="occupancy",
        titanium="Ti1 Ti 0 0 0 0.7\nZr1 Zr 0.002 0 0 0.7",
        oxygen="O1 O 0.305 0.305 0 1",
    )
    assert "Ti1 (Ti 0.7); Zr1 (Zr 0.7);" in reason(text)


@pytest.mark.parametrize(
    ("columns", "one", "two"),
    [
        ("disorder_group", "1", "2"),
        ("disorder_group", "A", "B"),
        ("disorder_group", ".", "-1"),
        ("disorder_assembly disorder_group", "A 1", "A 2"),
    ],
)
def test_alternatives_are_named(rutile, reason, columns, one, two):
    dots = " ".join("." for _ in columns.split())
    text = rutile(
        columns=columns,
        titanium=f"Ti1 Ti 0 0 0 {dots}",
        oxygen=f"O1 O 0.305 0.305 0 {one}",
        more=f"O2 O 0.5 0.305 0 {two}\n",
    )
    words = reason(text)
    assert "alternatives" in words
    assert "O2" in words


def test_one_group_alone_is_no_alternative(rutile, only):
    text = rutile(
        columns="disorder_group", titanium="Ti1 Ti 0 0 0 .", oxygen="O1 O 0.305 0.305 0 1"
    )
    assert only(text).formula == "Ti2O4"


def test_hydrogens_without_coordinates(rutile, only, reason):
    text = rutile(
        columns="attached_hydrogens", titanium="Ti1 Ti 0 0 0 0", oxygen="O1 O 0.305 0.305 0 1"
    )
    assert "O1 (1)" in reason(text)
    assert only(text.replace("0 1\n", "0 .\n")).formula == "Ti2O4"
    assert only(text.replace("0 1\n", "0 0.0\n")).formula == "Ti2O4"
    assert len(reason(text.replace("0 1\n", f"0 {'9' * 3000}\n"))) < 300


@pytest.mark.parametrize(
    "x", ["0.305", "'0.305'", '"0.305"', "0.305(2)", ".305", "+0.305", "3.05e-1"]
)
def test_numbers_in_every_form(rutile, only, x):
    assert only(rutile(oxygen=f"O1 O {x} {x} 0")).volume == pytest.approx(62.449, abs=1e-3)
    assert only(rutile(oxygen=f"O1 O {x} {x} 0")).formula == "Ti2O4"


def test_fractions(rutile, only):
    assert only(rutile(titanium="Ti1 Ti 1/2 1/2 '1/2'")).formula == "Ti2O4"


@pytest.mark.parametrize("x", ["?", ".", "nan", "inf", "1e999", "1/0", "abc", "0.30.5"])
def test_coordinates_that_are_no_numbers(rutile, reason, x):
    assert "site O1 has" in reason(rutile(oxygen=f"O1 O {x} 0.305 0"))


def test_a_dash_of_a_word_processor_is_a_minus_sign(rutile, only):
    assert only(rutile(oxygen="O1 O −0.305 –0.305 0")).formula == "Ti2O4"


@pytest.mark.parametrize("word", ["385–386", "Müller", "é", "\u00a0x", "x\ud800"])
def test_other_letters_in_bare_words(rutile, only, word):
    assert only(rutile(items=f"_citation_page_first {word}")).formula == "Ti2O4"


def test_other_letters_do_not_become_numbers_or_delimiters(rutile, reason):
    assert "site O1 has the coordinate" in reason(rutile(oxygen="O1 O 0.3é05 0.305 0"))
    (entry,) = read_cif(rutile(oxygen="O1 O\u00a00.305 0.305 0"))
    assert "malformed" in entry.reason


def test_an_item_given_twice(rutile, only, reason):
    assert "_cell_length_a is given twice" in reason(rutile(items="_cell_length_a 4.7"))
    assert "_cell_length_a is given twice" in reason(rutile(items="_cell.length_a 4.7"))
    assert only(rutile(items="_cell_length_a 4.5940(3)\n_cell.length_b ?")).formula == "Ti2O4"
    assert only(rutile(items="_journal_year 1\n_journal_year 2")).formula == "Ti2O4"
    sites = "loop_\n_atom_site_label\n_atom_site_fract_x\nTi1 0.1\nO1 0.2\n"
    assert "given twice" in reason(rutile(more=sites))


def test_items_of_the_sites_in_two_loops(rutile, reason):
    more = "loop_\n_atom_site_occupancy\n0.5\n0.5\n"
    assert "another loop" in reason(rutile(more=more))


def test_cartesian_coordinates_of_mmcif(rutile, reason):
    names = "label type_symbol Cartn_x Cartn_y Cartn_z"
    assert "Cartesian" in reason(rutile(names=names))
    assert "Cartesian" in reason(rutile(names=names).replace("_atom_site_C", "_atom_site.C"))


def test_a_loop_of_unknown_sites_holds_no_atoms(rutile, reason):
    assert "no atoms" in reason(rutile(titanium="? ? ? ? ?", oxygen="? ? ? ? ?"))


@pytest.mark.parametrize("end", ["\r", "\r\n"])
def test_ends_of_lines_of_every_system(rutile, only, end):
    text = rutile().replace("_cell_length_b", "# a comment\n_cell_length_b")
    assert only(text.replace("\n", end)).formula == "Ti2O4"
