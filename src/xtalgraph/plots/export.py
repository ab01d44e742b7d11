"""From a figure to the bytes of a file, the same bytes each time."""

import html
import io
import re
from pathlib import Path
from typing import Any, Final

import matplotlib
from matplotlib.figure import Figure

from xtalgraph.conventions.files import make_folder, write_atomically
from xtalgraph.plots.style import SETTINGS

NO_METADATA: Final[dict[str, Any]] = {"Date": None, "Creator": None, "Format": None, "Type": None}
PATH_DATA = re.compile(r'\bd="[^"]*"')
LONG_DECIMAL = re.compile(r"(\.\d\d)\d+")


def figure_to_svg(figure: Figure) -> str:
    """The figure as an SVG document; text is drawn as outlines, so no font is needed.

    The identifiers inside come from a fixed salt and no date is written: the same figure and the
    same version of matplotlib give the same text.
    """
    out = io.StringIO()
    settings = SETTINGS | {"svg.hashsalt": "xtalgraph", "svg.fonttype": "path"}
    with matplotlib.rc_context(settings):
        figure.savefig(out, format="svg", metadata=NO_METADATA, dpi=150)
    # a hundredth of a point is finer than any screen, and halves the document
    return PATH_DATA.sub(lambda match: LONG_DECIMAL.sub(r"\1", match[0]), out.getvalue())


def figure_to_png(figure: Figure) -> bytes:
    """The figure as a PNG image."""
    out = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(out, format="png", dpi=160, metadata={"Software": None})
    return out.getvalue()


def inline_svg(svg: str, prefix: str, description: str) -> str:
    """An SVG document as an element that can stand in an HTML page beside others.

    Every identifier gets the prefix, since two pictures may not share one on a page; the prologue
    goes, and readers that do not see are told what the picture shows.

    Args:
        svg: A document from :func:`figure_to_svg`.
        prefix: Letters, digits and hyphens, different for each picture of a page.
        description: What the picture shows; escaped here.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r'\bid="', f'id="{prefix}-', body)
    body = re.sub(r'href="#', f'href="#{prefix}-', body)
    body = re.sub(r"url\(#", f"url(#{prefix}-", body)
    label = html.escape(" ".join(description.split()), quote=True)
    return body.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1).rstrip()


def write_figure(figure: Figure, path: Path) -> None:
    """Write one file, an SVG or a PNG by its suffix; make its folder if it is not there."""
    make_folder(path.parent)
    svg = path.suffix.lower() == ".svg"
    write_atomically(path, figure_to_svg(figure) if svg else figure_to_png(figure))


def save_figure(figure: Figure, path: Path) -> Path:
    """Write ``path`` with the suffixes ``.svg`` and ``.png``; its folder is made."""
    make_folder(path.parent)
    with matplotlib.rc_context(SETTINGS):
        figure.draw_without_rendering()
    figure.set_layout_engine("none")  # it is laid out: not once more for each format
    svg = path.with_name(path.name + ".svg")
    write_atomically(svg, figure_to_svg(figure))
    write_atomically(path.with_name(path.name + ".png"), figure_to_png(figure))
    return svg
