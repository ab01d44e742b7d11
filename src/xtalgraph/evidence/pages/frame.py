"""The frame of every page: one HTML file that loads nothing and runs no script but our own."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from string import Template

from xtalgraph.evidence.pages.markup import Content, escaped, paragraph


def render_page(
    *,
    title: str,
    kicker: str,
    headline: Content,
    body: Sequence[str],
    lead: Sequence[Content] = (),
    warnings: Sequence[Content] = (),
    styles: Sequence[str] = (),
    script: str = "",
) -> str:
    """Return a whole HTML document.

    Args:
        title: Of the document.
        kicker: The line above the headline: what the page is about.
        headline: The result, short enough for two lines.
        body: HTML of the sections; empty ones are left out.
        lead: The rest of the result, a paragraph each.
        warnings: What a reader must know before the numbers, a paragraph each.
        styles: Names of style sheets in ``assets``, beside that of every page.
        script: Name of a script in ``assets``; the page forbids all others by its content policy.
    """
    code = _asset(script) if script else ""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return Template(_asset("report.html")).substitute(
        title=escaped(title),
        style="".join(_asset(name) for name in ("report.css", *styles)),
        policy=f"; script-src 'sha256-{digest}'" if script else "",
        script=f"<script>{code}</script>" if script else "",
        kicker=escaped(kicker),
        verdict=escaped(headline),
        lead="\n".join(paragraph(text, "lead") for text in lead),
        warnings="\n".join(paragraph(text, "warning") for text in warnings),
        body="\n".join(part for part in body if part),
    )


def _asset(name: str) -> str:
    return files("xtalgraph.evidence").joinpath("assets", name).read_text(encoding="utf-8")
