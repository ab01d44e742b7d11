"""Optional libraries."""

import json

import pytest

from xtalgraph.conventions.errors import MissingExtraError
from xtalgraph.conventions.extras import import_extra


def test_what_is_there_is_imported():
    assert import_extra("json", "pyg") is json


def test_what_is_not_there_names_its_extra():
    with pytest.raises(MissingExtraError, match=r"no_such_library .*'xtalgraph\[pyg\]'"):
        import_extra("no_such_library", "pyg")


def test_a_library_that_does_not_fit_is_told_too(tmp_path, monkeypatch):
    (tmp_path / "built_for_another.py").write_text("raise FileNotFoundError('its own library')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="its own library"):
        import_extra("built_for_another", "dgl")
