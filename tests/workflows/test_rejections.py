"""What is said of rows that cannot be used: the same words wherever they are met."""

import pytest

from xtalgraph.conventions.errors import InputError
from xtalgraph.data.table import Rejection
from xtalgraph.workflows.rejections import check_rejected, stop_at_rejected

BAD = [Rejection("a", "t.csv", 3, "no cell"), Rejection("b", "", None, "no atoms")]
LINES = "a (t.csv, row 3): no cell\n  b: no atoms\n"


@pytest.mark.parametrize("what", [stop_at_rejected, check_rejected])
def test_they_stop_the_work_where_they_are_to(what, tmp_path):
    with pytest.raises(InputError) as caught:
        what(BAD, "raise")
    end = "Correct what is wrong, or leave it out with --on-error skip"
    assert str(caught.value) == f"2 rows cannot be used:\n  {LINES}{end}"
    with pytest.raises(InputError, match=r"1 row cannot be used, listed in .*rejected\.csv:"):
        what(BAD[:1], "raise", tmp_path)
    assert (tmp_path / "rejected.csv").read_text() == "id,file,row,reason\na,t.csv,3,no cell\n"


def test_else_they_are_named_once(tmp_path, caplog):
    stop_at_rejected(BAD, "skip", tmp_path)
    assert not caplog.text
    assert not list(tmp_path.iterdir())
    check_rejected(BAD, "skip")
    assert caplog.messages == [f"2 rows cannot be used:\n  {LINES}Going on with the rest"]


def test_where_there_are_none_the_list_is_empty_and_nothing_is_said(tmp_path, caplog):
    check_rejected([], "raise", tmp_path)
    assert (tmp_path / "rejected.csv").read_text() == "id,file,row,reason\n"
    assert not caplog.text


def test_a_long_list_is_cut(caplog):
    check_rejected(BAD[1:] * 30, "skip")
    assert caplog.messages[0].endswith("b: no atoms\n  ... and 10 more\nGoing on with the rest")
    assert caplog.messages[0].count("no atoms") == 20
