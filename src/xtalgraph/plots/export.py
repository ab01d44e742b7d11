"""From a figure to the bytes of a file, the same bytes each time."""

import io
from pathlib import Path
from typing import Any, Final

import matplotlib
from matplotlib.figure import Figure

from xtalgraph.plots.style import SETTINGS

NO_METADATA: Final[dict[str, Any]] = {"Date": None, "Creator": None, "Format": None, "Type": None}


def figure_to_svg(figure: Figure, dpi: int = 150) -> str:
    """The figure as an SVG document; text is drawn as outlines, so no font is needed.

    The identifiers inside come from a fixed salt and no date is written: the same figure and the
    same version of matplotlib give the same text.

    Args:
        figure: Any figure of this package.
        dpi: Pixels per inch of what the figure holds as pixels.

    Returns:
        The document, with its XML declaration.
    """
    out = io.StringIO()
    settings = SETTINGS | {"svg.hashsalt": "xtalgraph", "svg.fonttype": "path"}
    with matplotlib.rc_context(settings):
        figure.savefig(out, format="svg", metadata=NO_METADATA, dpi=dpi)
    return out.getvalue()


def figure_to_png(figure: Figure, dpi: int = 160) -> bytes:
    """The figure as a PNG image.

    Args:
        figure: Any figure of this package.
        dpi: Pixels per inch.

    Returns:
        The bytes of the file.
    """
    out = io.BytesIO()
    with matplotlib.rc_context(SETTINGS):
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def save_figure(figure: Figure, path: Path) -> Path:
    """Write ``path`` with the suffixes ``.svg`` and ``.png``.

    Args:
        figure: Any figure of this package.
        path: File name without suffix; its folder is made when missing.

    Returns:
        The SVG's path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = path.with_name(path.name + ".svg")
    svg.write_text(figure_to_svg(figure), encoding="utf-8")
    path.with_name(path.name + ".png").write_bytes(figure_to_png(figure))
    return svg
