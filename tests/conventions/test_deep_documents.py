"""A document of many brackets is an error also where a library has raised the limit of Python."""

import sys

import pytest

from xtalgraph.conventions.documents import read_document
from xtalgraph.conventions.errors import RunError


def test_a_deep_document_does_not_end_the_process(tmp_path):
    path = tmp_path / "deep.json"
    path.write_text("[" * 200_000)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        with pytest.raises(RunError, match="damaged"):
            read_document(path)
        assert sys.getrecursionlimit() == 1_000_000
    finally:
        sys.setrecursionlimit(limit)
