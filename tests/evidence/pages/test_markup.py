import re

import pytest

from xtalgraph.evidence.pages.markup import Html, escaped, formula, periodic_table, section, table


def test_text_is_escaped_and_html_is_not():
    assert escaped('<a & "b">') == "&lt;a &amp; &quot;b&quot;&gt;"
    assert escaped(Html("<b>")) == "<b>"
    assert "&lt;i&gt;" in table(["<i>"], [["x"]])


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("SrTiO3", "SrTiO<sub>3</sub>"),
        ("Ca(OH)2", "Ca(OH)<sub>2</sub>"),
        ("Na4Cl4", "Na<sub>4</sub>Cl<sub>4</sub>"),
        ("<b>2", "&lt;b&gt;2"),
    ],
)
def test_formulas_have_numbers_below_the_line(text, html):
    assert formula(text) == Html(html)


@pytest.mark.parametrize(
    ("symbol", "row", "column"),
    [("H", 1, 1), ("He", 1, 18), ("B", 2, 13), ("Fe", 4, 8), ("Cs", 6, 1), ("Hf", 6, 4),
     ("La", 8, 4), ("Lu", 8, 18), ("Rn", 6, 18), ("Rf", 7, 4), ("Lr", 9, 18), ("Og", 7, 18)],
)  # fmt: skip
def test_elements_stand_where_the_periodic_table_has_them(symbol, row, column):
    page = periodic_table([symbol])
    assert f'<i class="seen" style="grid-area:{row}/{column}">{symbol}</i>' in page
    places = re.findall(r"grid-area:(\d+/\d+)", page)
    assert len(places) == len(set(places)) == 118


def test_empty_parts_leave_nothing():
    assert periodic_table(["Xx"]) == ""
    assert section("a", "A", ["", ""]) == ""
