"""Write the notebooks in docs/ from their pages, the one source of both.

A block of Python becomes a cell of code, the block `text` beneath it what the cell printed, and
everything else text. `tests/test_notebooks.py` compares the files with what this makes.
"""

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
PAGES = [*sorted((DOCS / "exercises").glob("*.md")), DOCS / "potential-tutorial.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n", flags=re.MULTILINE | re.DOTALL)


def notebook_of(page: str) -> dict[str, Any]:
    """Return the notebook of a page, in version 4.5 of the format.

    Args:
        page: Markdown.
    """
    cells: list[dict[str, Any]] = []
    end = 0
    for block in BLOCK.finditer(page):
        language, text = block[1], block[2].rstrip("\n")
        between = page[end : block.start()].strip()
        is_output = (
            language == "text" and not between and bool(cells) and cells[-1].get("outputs") == []
        )
        if language == "python" or is_output:
            _add_markdown(cells, between)
            if is_output:
                stream = {"name": "stdout", "output_type": "stream", "text": _lines(text + "\n")}
                cells[-1]["outputs"] = [stream]
            else:
                cells.append(
                    {
                        "cell_type": "code",
                        "execution_count": None,
                        "metadata": {},
                        "outputs": [],
                        "source": _lines(text),
                    }
                )
            end = block.end()
    _add_markdown(cells, page[end:].strip())
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def write(notebook: dict[str, Any]) -> str:
    """Return the text of a notebook file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _add_markdown(cells: list[dict[str, Any]], text: str) -> None:
    if text:
        cells.append({"cell_type": "markdown", "metadata": {}, "source": _lines(text)})


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


if __name__ == "__main__":
    for path in PAGES:
        notebook = notebook_of(path.read_text(encoding="utf-8"))
        path.with_suffix(".ipynb").write_text(write(notebook), encoding="utf-8")
        print(path.with_suffix(".ipynb"))
