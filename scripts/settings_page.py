"""Write docs/settings.md from the declarations of the settings, the one source of both.

`tests/workflows/test_settings_page.py` compares the file with what this makes.
"""

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import yaml

from xtalgraph.conventions.declarations import REQUIRED, Declared, fields_of
from xtalgraph.conventions.ranges import Range
from xtalgraph.workflows.setting_names import settings_of_choices

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Every setting of a training. `python scripts/settings_page.py` writes this page from their
declarations. A setting is written in a file for `--config`, as `--set section.key=value`, or as its
option where `xtalgraph train --help` has one. Later wins over earlier: defaults, file, options,
`--set`. `null` stands for what the text says. A value of another type or out of its range is an
error before anything is read, as is an unknown key, with the nearest right one.
"""

TABLE = ("| setting | value | default | meaning |", "|---|---|---|---|")
CHOICE = {"graph": "strategy", "model": "name"}
"""The setting on which further settings of a section depend."""


def page() -> str:
    """Return the page."""
    parts = [HEAD]
    for section, classes in settings_of_choices().items():
        parts.append(f"\n## {section}\n")
        for title, cls in classes.items():
            if rows := [_row(f"{section}.{one.name}", one) for one in fields_of(cls).values()]:
                titles = [f"\n### `{section}.{CHOICE[section]}={title}`\n"] if title else []
                parts += [*titles, "\n".join(["", *TABLE, *rows, ""])]
    return "".join(parts)


def _row(path: str, setting: Declared) -> str:
    text = re.sub(r"docs/(\w+)\.md", r"[\1](\1.md)", setting.text.replace("``", "`"))
    choices = ", ".join(f"`{name}`" for name in setting.choices)
    value = choices or " or ".join(dict.fromkeys(_values(setting.hint)))
    return f"| `{path}` | {value} | {_default(setting.default)} | {text} |"


def _default(value: Any) -> str:
    if value is REQUIRED:
        return "required"
    text = yaml.safe_dump(value, default_flow_style=True).partition("\n...")[0].strip()
    return f"`{text}`"


def _values(hint: Any) -> Iterator[str]:
    """Yield in words what a setting may be."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        limits = [one for one in parts[1:] if isinstance(one, Range)]
        yield from ([str(limits[0])] if limits else _values(parts[0]))
    elif origin in (typing.Union, types.UnionType):
        for part in parts:
            yield from _values(part)
    elif origin is typing.Literal:
        yield ", ".join(f"`{part}`" for part in parts)
    elif origin is list:
        yield "a list"
    elif origin is dict:
        yield "a mapping"
    elif hint is types.NoneType:
        yield "`null`"
    else:
        yield {str: "text", bool: "`true`, `false`", int: "whole number", float: "number"}[hint]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
