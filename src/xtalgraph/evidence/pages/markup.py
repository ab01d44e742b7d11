"""Pieces of HTML. What comes from data is escaped here and nowhere else."""

import html
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xtalgraph.conventions.elements import ATOMIC_NUMBERS
from xtalgraph.plots.element_errors import place_of


@dataclass(frozen=True)
class Html:
    """Text that is HTML already and is not escaped again."""

    text: str


Content = str | Html
"""Plain text, which gets escaped, or HTML."""


def escaped(content: Content) -> str:
    """The HTML of some content."""
    return content.text if isinstance(content, Html) else html.escape(content, quote=True)


def paragraph(content: Content, kind: str = "") -> str:
    """A paragraph; nothing for an empty text."""
    text = escaped(content)
    return f"<p{_class(kind)}>{text}</p>" if text else ""


def section(identifier: str, heading: Content, parts: Iterable[str]) -> str:
    """A section with an anchor, a heading and its parts as HTML, the empty ones left out."""
    body = "\n".join(part for part in parts if part)
    if not body:
        return ""
    return f'<section id="{identifier}">\n<h2>{escaped(heading)}</h2>\n{body}\n</section>'


def figure(picture: Html, caption: Content) -> str:
    """A picture and its caption; no caption for an empty text."""
    below = f"<figcaption>{escaped(caption)}</figcaption>" if caption else ""
    return f"<figure>{picture.text}{below}</figure>"


def table(
    head: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    kind: str = "",
    row_heads: bool = True,
) -> str:
    """A table of texts, which scrolls sideways by itself where the page is narrow."""
    first = "th" if row_heads else "td"
    scope = ' scope="row"' if row_heads else ""
    lines = []
    for row in rows:
        cells = [f"<{first}{scope}>{escaped(row[0])}</{first}>"]
        cells += [f"<td>{escaped(cell)}</td>" for cell in row[1:]]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    heads = "".join(f'<th scope="col">{escaped(cell)}</th>' for cell in head)
    top = f"<thead><tr>{heads}</tr></thead>" if head else ""
    body = "\n".join(lines)
    return f'<div class="scroll"><table{_class(kind)}>{top}<tbody>\n{body}\n</tbody></table></div>'


def columns(
    shown: Mapping[str, Callable[[Any], Content]], entries: Iterable[Any], kind: str = ""
) -> str:
    """A table with a row for each entry: by the head of each column what it shows of an entry."""
    cells = [[show(entry) for show in shown.values()] for entry in entries]
    return table([*shown], cells, kind)


def details(summary: str, body: str) -> str:
    """A part that opens on request."""
    return f"<details><summary>{escaped(summary)}</summary>\n{body}\n</details>"


def code(text: str) -> str:
    """Text as it stands in a file."""
    return f"<pre><code>{escaped(text.rstrip())}</code></pre>"


def formula(text: str) -> Html:
    """A chemical formula with its numbers below the line."""
    return Html(re.sub(r"(?<=[A-Za-z\)])(\d+(?:\.\d+)?)", r"<sub>\1</sub>", escaped(text)))


def periodic_table(seen: Iterable[str]) -> str:
    """The periodic table with the given elements marked."""
    marked = {symbol for symbol in seen if symbol in ATOMIC_NUMBERS}
    if not marked:
        return ""
    cells = []
    for symbol, number in ATOMIC_NUMBERS.items():
        if symbol in ("D", "T"):
            continue
        row, column = place_of(number)
        kind = ' class="seen"' if symbol in marked else ""
        cells.append(f'<i{kind} style="grid-area:{row}/{column}">{symbol}</i>')
    names = ", ".join(sorted(marked, key=ATOMIC_NUMBERS.__getitem__))
    return f'<div class="elements" role="img" aria-label="{names}">{"".join(cells)}</div>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
