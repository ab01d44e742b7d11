"""docs/settings.md is made from the declarations of the settings."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_settings_is_that_of_the_code():
    spec = importlib.util.spec_from_file_location("page", ROOT / "scripts" / "settings_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    there = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert there == module.page(), "run `python scripts/settings_page.py`"
