"""Optional libraries."""

import json
import sys
import tomllib
from pathlib import Path

import pytest

from xtalgraph.conventions.errors import MissingExtraError
from xtalgraph.conventions.extras import EXTRAS, import_extra


def test_what_is_there_is_imported():
    assert import_extra("json") is json


def test_what_is_not_there_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"umap .*'xtalgraph\[embed\]'"):
        import_extra("umap")


def test_a_library_that_does_not_fit_is_told_too(tmp_path, monkeypatch):
    (tmp_path / "dgl.py").write_text("raise FileNotFoundError('its own library')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "dgl", raising=False)
    with pytest.raises(MissingExtraError, match="its own library"):
        import_extra("dgl")


def test_each_extra_is_declared_and_brings_a_library():
    project = Path(__file__).parents[2] / "pyproject.toml"
    extras = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(EXTRAS.values()) == {*extras} - {"dev"}
