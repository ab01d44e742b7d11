from xtalgraph.evidence.pages.card import escape_markdown, sections, write_card

RECORD = {
    "written": "today",
    "graph": {"cutoff": 8.0, "whole shells": True, "limit": None, "grid": {"from": 0, "to": 8}},
    "a|b": {"<script>": "x | y\nz * [link](u)", "list": [1, 2.5, "c"]},
}


def test_a_heading_and_a_table_per_section(tmp_path):
    path = write_card(tmp_path, RECORD)
    assert path == tmp_path / "card.md"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("#")] == [
        "# Record of this run",
        "## graph",
        "## a\\|b",
    ]
    assert "| cutoff | 8 |" in lines
    assert "| whole shells | yes |" in lines
    assert "| limit | none |" in lines
    assert "| grid.to | 8 |" in lines
    assert "| list | 1, 2.5, c |" in lines
    assert "| \\<script\\> | x \\| y z \\* \\[link\\](u) |" in lines


def test_escaping_leaves_plain_text_alone():
    assert escape_markdown("8 Å, 12 nearest (whole shells)") == "8 Å, 12 nearest (whole shells)"
    assert escape_markdown("a & b") == "a &amp; b"


def test_values_outside_a_section_come_first():
    assert sections(RECORD)[0] == ("", [("written", "today")])
    assert sections({}) == []
