"""The notebooks are made from the pages, whose blocks `test_docs` executes."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXERCISES = sorted((ROOT / "docs" / "exercises").glob("*.md"))
PAGES = [*EXERCISES, ROOT / "docs" / "potential-tutorial.md"]


@pytest.fixture(scope="module")
def notebooks():
    path = ROOT / "scripts" / "notebooks.py"
    spec = importlib.util.spec_from_file_location("notebooks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_is_one_for_each_exercise():
    assert [page.stem for page in EXERCISES] == [f"exercise-{n}" for n in (1, 2, 3, 4, 5)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_notebook_is_its_page(page, notebooks):
    wanted = notebooks.write(notebooks.notebook_of(page.read_text(encoding="utf-8")))
    there = page.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert there == wanted, "run `python scripts/notebooks.py`"


def test_code_output_and_text_become_cells(notebooks):
    page = "# A\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n\n```shell\nls\n```\n\nend\n"
    first, code, last = notebooks.notebook_of(page)["cells"]
    assert first["source"] == ["# A"]
    assert (code["source"], code["outputs"][0]["text"]) == (["print(1)"], ["1\n"])
    assert "".join(last["source"]) == "```shell\nls\n```\n\nend"
